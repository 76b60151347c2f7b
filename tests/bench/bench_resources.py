"""CPU seconds and memory of whole runs on simulated tables, and the constants of `engine.resources` that fit them best.

make bench BENCH=resources
"""

import argparse
import json
import multiprocessing
import tempfile
import time
from dataclasses import fields as attributes
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from engine.data.schema import DomainSource, Field, FieldType, TableSchema
from engine.privacy.plan import SynthesisPlan
from engine.resources import amounts

SHAPES = (
    (2_000, 8, 5),
    (20_000, 15, 40),
    (200_000, 12, 10),
    (20_000, 30, 20),
    (40_000, 30, 2),
    (5_000, 60, 5),
)
WIDE = ((4_000, 150, 10), (2_000, 300, 5))
MANY_CHOICES = ((3_000, 100, 4),)
NOT_FITTED = ("report", "held", "network", "multiplications", "weights")
SLACK = 1.25
"""Estimates are raised by this much: too long an estimate harms less than too short a one."""


def simulated(n_rows, n_columns, n_cells, seed=0):
    """A table whose columns follow a few hidden ones, and its public schema: half numbers, half categories."""
    rng = np.random.default_rng(seed)
    hidden = rng.integers(0, n_cells, (n_rows, 3))
    names = [str(number) for number in range(n_cells)]
    columns, described = {}, []
    for position in range(n_columns):
        cells = np.where(rng.random(n_rows) < 0.6, hidden[:, position % 3], rng.integers(0, n_cells, n_rows))
        name, source = f"column{position}", DomainSource.PUBLIC
        if position % 2:
            columns[name] = pd.Series(cells.astype(str), dtype="string")
            described.append(Field(name, FieldType.STRING, enum=tuple(names), source=source, required=True))
        else:
            columns[name] = pd.Series(cells, dtype="Int64")
            described.append(
                Field(name, FieldType.INTEGER, minimum=0, maximum=n_cells - 1, source=source, required=True)
            )
    return pd.DataFrame(columns), TableSchema(tuple(described))


def peak_bytes():
    """Largest memory of this process since it began; getrusage would count what it was forked from."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def measure(path, plan, with_report, results):
    from engine.data.export import write_csv
    from engine.data.rows import FrameRows, open_rows
    from engine.evaluation.context import Claim
    from engine.evaluation.evaluate import evaluate
    from engine.pipeline import synthesize
    from engine.privacy.contributions import held_out_units
    from engine.privacy.noise import SecureNoise

    rows = open_rows(path, plan.schema)
    result = synthesize(rows, plan, sample_seed=0)
    synthetic = result.synthetic
    write_csv(synthetic, path.with_suffix(".synthetic.csv"), neutralise_formulas=True)
    found = {"seconds": time.process_time(), "bytes": peak_bytes()}
    if with_report:
        table = pd.concat(list(rows.chunks(plan.schema.names)), ignore_index=True)
        aside = held_out_units(FrameRows(table), plan.unit, 0.2, SecureNoise())
        train, holdout = table[~aside].reset_index(drop=True), table[aside].reset_index(drop=True)
        whose = {"claim": Claim.of(result.certificate), "synthesizer": result.synthesizer}
        evaluate(train, holdout, synthetic, plan.schema, target=plan.target, **whose)
        found |= {"report_seconds": time.process_time() - found["seconds"], "report_bytes": peak_bytes()}
    results.put(found)


def measured(method, shape, folder):
    table, schema = simulated(*shape)
    path = folder / "table.csv"
    table.to_csv(path, index=False)
    target = "column1" if shape[2] <= 10 else None
    plan = SynthesisPlan(schema=schema, method=method, epsilon=1.0, declared_rows=shape[0], target=target)
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    process = context.Process(target=measure, args=(path, plan, method == "independent", results))
    process.start()
    found = {"method": method, "shape": shape, **results.get()}
    process.join()
    print(json.dumps(found), flush=True)
    return found | {"amounts": amounts(plan, shape[0])}


def fitted(runs, key, kinds):
    """Non-negative costs per amount, with errors weighed in proportion to what was measured."""
    rows = np.array([[getattr(run["amounts"], kind) for kind in kinds] for run in runs], dtype=float)
    values = np.array([run[key] for run in runs], dtype=float)
    scale = rows.max(axis=0)
    costs, _ = nnls(rows / scale / values[:, None], np.ones(len(values)))
    off = rows @ (costs / scale) / values
    print(json.dumps({"fit": key, "least": round(float(off.min()), 2), "most": round(float(off.max()), 2)}))
    return dict(zip(kinds, SLACK * costs / scale, strict=True))


def main(arguments):
    parser = argparse.ArgumentParser(prog="resources", description=__doc__)
    parser.add_argument("--methods", nargs="+", default=["independent", "mst", "aim"])
    options = parser.parse_args(arguments)
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        for method in options.methods:
            shapes = SHAPES + (MANY_CHOICES if method == "aim" else WIDE)
            runs += [measured(method, shape, Path(folder)) for shape in shapes]
    kinds = [attribute.name for attribute in attributes(runs[0]["amounts"])]
    found = {
        "seconds": fitted(runs, "seconds", [kind for kind in kinds if not kind.startswith(NOT_FITTED)]),
        "bytes": fitted(runs, "bytes", ["runs", "held_values", "pair_cells", "model_cells"]),
    }
    reported = [run | {"added": run["report_bytes"] - run["bytes"]} for run in runs if "report_bytes" in run]
    found["report_seconds"] = fitted(
        reported, "report_seconds", [kind for kind in kinds if kind.startswith("report") and kind != "report_tables"]
    )
    found["report_bytes"] = fitted(reported, "added", ["report_runs", "report_tables"])
    print(json.dumps(found, indent=2))
