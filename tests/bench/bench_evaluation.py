"""The evaluation of a million-row table: seconds of each metric, and sdmetrics' quality report on the same rows.

make bench BENCH="evaluation --rows 1000000"
"""

import argparse
import json
import os

import numpy as np

from engine.data.encode import pandas_dtype
from engine.evaluation.context import Claim
from engine.evaluation.evaluate import evaluate
from engine.evaluation.registry import list_metrics, metric_info
from engine.evaluation.sdmetrics_scores import generated, metadata_of, plain_table
from tests.bench.bench_scale import schema_of, simulate
from tests.bench.isolation import in_own_process, peak_mib, timed

HOLDOUT_SHARE = 0.2
CLAIM = Claim(epsilon=1.0, delta=1e-9, rows_per_unit=1)
PEER = "sdmetrics QualityReport"


def tables_of(n_rows, n_columns):
    """Training rows, rows set aside and synthetic rows of one simulated population, and their schema."""
    schema = schema_of(n_columns)
    dtypes = {field.name: pandas_dtype(field.type) for field in schema.fields}
    n_holdout = int(HOLDOUT_SHARE * n_rows)
    sizes = (n_rows - n_holdout, n_holdout, n_rows - n_holdout)
    tables = [
        simulate(schema, size, np.random.default_rng(number)).to_pandas().astype(dtypes)
        for number, size in enumerate(sizes)
    ]
    return tables, schema


def run_metric(name, n_rows, n_columns):
    """Seconds of one metric, its share in what all have in common included, and the memory of its process."""
    tables, schema = tables_of(n_rows, n_columns)
    before = peak_mib()
    report, took = timed(evaluate_alone, name, tables, schema)
    part = report["metrics"][name]
    return {
        "metric": name,
        **rounded(took),
        "tables_mib": before,
        "peak_mib": peak_mib(),
        "bytes": len(json.dumps(part)),
    }


def run_all(n_rows, n_columns):
    """Seconds of the whole report."""
    tables, schema = tables_of(n_rows, n_columns)
    report, took = timed(evaluate_alone, None, tables, schema)
    return {"metric": "all", **rounded(took), "peak_mib": peak_mib(), "bytes": len(json.dumps(report))}


def run_peer(n_rows, n_columns):
    """Seconds of the peer on the same training and synthetic rows, which it computes two of our measures of."""
    from sdmetrics.reports import QualityReport

    (train, _, synthetic), schema = tables_of(n_rows, n_columns)
    plain = plain_table(train, schema.fields), plain_table(synthetic, schema.fields)
    _, took = timed(generated, QualityReport(), *plain, metadata_of(schema.fields))
    return {"peer": PEER, **rounded(took), "peak_mib": peak_mib()}


def evaluate_alone(name, tables, schema):
    """The report with one metric, or with all."""
    only = [] if name is None else [name]
    target = next(field.name for field in schema.fields if field.enum is not None)
    return evaluate(*tables, schema, target=target, claim=CLAIM, only=only)


def rounded(took):
    return {name: round(seconds, 2) for name, seconds in took.items()}


def ratio(peer, own):
    """How many times the seconds of ours the peer took, by the clock and by the processor."""
    return {name: round(peer[name] / own[name], 2) for name in ("seconds", "cpu_seconds")}


def main(arguments):
    parser = argparse.ArgumentParser(prog="evaluation", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="real rows, a fifth of them set aside")
    parser.add_argument("--columns", type=int, default=15)
    parser.add_argument("--metric", action="append", choices=[info.name for info in list_metrics()], default=[])
    options = parser.parse_args(arguments)
    size = options.rows, options.columns
    chosen = [metric_info(name) for name in options.metric] or list_metrics()
    print(
        json.dumps(
            {"benchmark": "evaluation", "rows": options.rows, "columns": options.columns, "cores": os.cpu_count()}
        )
    )
    for info in chosen:
        print(json.dumps({"part": info.part.value, **in_own_process(run_metric, info.name, *size)}), flush=True)
    peer = in_own_process(run_peer, *size)
    print(json.dumps(peer), flush=True)
    whole = in_own_process(run_all, *size) if not options.metric else None
    own = in_own_process(run_metric, "marginals", *size)
    line = {"marginals_to_peer": ratio(peer, own)}
    if whole is not None:
        print(json.dumps(whole))
        line["whole_report_to_peer"] = ratio(peer, whole)
    print(json.dumps({"times_faster_than": PEER, **line}))
