"""Attacks here against Anonymeter's on the same tables in one run: risks with intervals, and processor seconds.

make bench BENCH="attacks --train TRAIN.csv --holdout HOLDOUT.csv --schema SCHEMA.json"

The synthetic table is the second half of the training file, which stands for an honest synthesizer, with a share of
its rows replaced by rows of the first half, which stands for the training rows; or it is a file. Without files, all
tables are simulated. Columns with missing values are left out, because Anonymeter takes two missing numbers for as
different as can be. Both contenders get the same rows, and equally many of both real tables: Anonymeter's correction
for other sizes makes up risks. Guesses of one column are judged by the error over the true size here, over the guess
there, which for positive numbers comes to the same.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.data.ingest import read_table
from engine.data.schema import TableSchema
from engine.evaluation.attack_rates import MOST_ATTACKS, Rate
from engine.evaluation.binning import is_numeric
from engine.evaluation.context import Context
from engine.evaluation.inference import attribute_inference
from engine.evaluation.linkability import linkability
from engine.evaluation.singling_out import Game, half_of
from engine.evaluation.tables import EvaluationTables, draw_rows, prepare_tables
from tests.bench.tables import assemble, skewed

N_ROWS, N_HOLDOUT = 26_000, 6_500
GAMES = 5
PACKAGES = Path(sys.prefix) / "anonymeter"


def simulated(seed):
    """Adult-like sizes: training rows twice as many as are trained on, and a holdout."""
    schema, table = assemble(skewed(N_ROWS + N_HOLDOUT, np.random.default_rng(seed)))
    return table.iloc[:N_ROWS], table.iloc[N_ROWS:].reset_index(drop=True), schema


def split(table, leak, rng):
    """Training rows, and as many fresh rows of which a share is replaced by training rows."""
    order = rng.permutation(len(table))
    train, fresh = np.array_split(order, 2)
    n_copies = round(leak * len(fresh))
    synthetic = np.concatenate([rng.choice(train, n_copies, replace=False), fresh[n_copies:]])
    return table.iloc[train].reset_index(drop=True), table.iloc[synthetic].reset_index(drop=True)


def read(options):
    rng = np.random.default_rng(options.seed)
    if options.train is None:
        table, holdout, schema = simulated(options.seed)
    else:
        schema = TableSchema.load(options.schema)
        table, holdout = (read_table(path, schema=schema).table for path in (options.train, options.holdout))
    if options.synthetic is None:
        train, synthetic = split(table, options.leak, rng)
    else:
        train, synthetic = table, read_table(options.synthetic, schema=schema).table
    tables = prepare_tables(train, holdout, synthetic, schema, rng)
    whole = tuple(
        field for field in tables.fields if not any(t[field.name].isna().any() for t in tables.by_name().values())
    )
    names = [field.name for field in whole]
    kept = [table[names] for table in (train, holdout, synthetic)]
    return prepare_tables(*kept, TableSchema(whole), rng), TableSchema(whole)


def same_rows(tables, rng):
    """What both contenders get: equally many rows of both real tables, and the targets among them."""
    n_rows = min(len(tables.train), len(tables.holdout))
    train, control = draw_rows(tables.train, n_rows, rng), draw_rows(tables.holdout, n_rows, rng)
    targets = [draw_rows(table, MOST_ATTACKS, rng) for table in (train, control)]
    return EvaluationTables(tables.fields, train, control, tables.synthetic), EvaluationTables(
        tables.fields, *targets, tables.synthetic
    )


def single_out(tables, n_columns, rng):
    """The risk of several games together, because conditions are drawn at random; their mean seconds."""
    start = time.process_time()
    games = [
        Game(tables.fields, tables.synthetic, tables.train, tables.holdout, rng).attack(n_columns, MOST_ATTACKS)
        for _ in range(GAMES)
    ]
    spent = (time.process_time() - start) / GAMES
    pooled = {
        kind: Rate(sum(rate.successes for rate in rates), sum(rate.n for rate in rates), rates[0].design_effect)
        for kind in ("main", "baseline", "control")
        for rates in [[getattr(game, kind) for game in games]]
    }
    return replace(games[0], **pooled).to_json() | {"cpu_seconds": spent}


def seconds(function, *arguments):
    start = time.process_time()
    return function(*arguments), time.process_time() - start


def ours(tables, targets, schema, secrets, seed):
    """Rows of the tables of attacks, with the processor seconds of each."""
    context = Context(targets, schema, None, np.random.default_rng(seed))
    found = [single_out(tables, n_columns, context.rng) for n_columns in (1, half_of(len(tables.fields)))]
    result, spent = seconds(linkability, context)
    found.append(result.details["attacks"][0] | {"cpu_seconds": spent})
    result, spent = seconds(attribute_inference, context)
    rows = {row["name"]: row for row in result.details["attacks"]}
    # One search serves all columns; each is charged its share of it.
    return found + [rows[secret] | {"cpu_seconds": spent / len(rows)} for secret in secrets]


def peer(tables, targets, secrets, packages):
    """The same attacks by Anonymeter, in a process with its own packages."""
    names = [field.name for field in tables.fields]
    numeric = {field.name: is_numeric(field) for field in tables.fields}
    plans = [
        ("singling-out", {"n_columns": 1}),
        ("singling-out", {"n_columns": half_of(len(names))}),
        ("linkability", {"halves": [names[start::2] for start in (0, 1)]}),
        *(("attribute-inference", {"secret": secret, "numeric": numeric[secret]}) for secret in secrets),
    ]
    attacks = [{"metric": metric, "arguments": {"n_attacks": MOST_ATTACKS, **facts}} for metric, facts in plans]
    with tempfile.TemporaryDirectory() as folder:
        for name, table in (
            *(("train", tables.train), ("control", tables.holdout), ("synthetic", tables.synthetic)),
            *(("train_targets", targets.train), ("control_targets", targets.holdout)),
        ):
            table.to_csv(Path(folder) / f"{name}.csv", index=False)
        (Path(folder) / "attacks.json").write_text(json.dumps(attacks), encoding="utf-8")
        run = [sys.executable, str(Path(__file__).with_name("peer_anonymeter.py")), folder]
        one_thread = {"PYTHONPATH": str(packages), "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
        printed = subprocess.run(run, env=os.environ | one_thread, check=True, stdout=subprocess.PIPE).stdout
    return json.loads(printed)


def compare(mine, theirs):
    low, high = theirs["interval"]
    return {
        "attack": mine["title"],
        "risk": mine["risk"]["value"],
        "interval": mine["risk"]["interval"],
        "rates": [mine[kind]["rate"] for kind in ("main", "baseline", "control")],
        "cpu_seconds": round(mine["cpu_seconds"], 3),
        "peer_risk": round(theirs["risk"], 6),
        "peer_interval": [round(end, 6) for end in (low, high)],
        "peer_rates": [round(theirs[kind], 6) for kind in ("main", "baseline", "control")],
        "peer_cpu_seconds": round(theirs["cpu_seconds"], 3),
        "inside_peer_interval": bool(low <= mine["risk"]["value"] <= high),
        "times_faster": round(theirs["cpu_seconds"] / mine["cpu_seconds"], 1),
    }


def main(arguments):
    parser = argparse.ArgumentParser(prog="attacks", description=__doc__)
    for name in ("train", "holdout", "schema", "synthetic"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--leak", type=float, default=0.0, help="share of synthetic rows copied from training rows")
    parser.add_argument("--secrets", nargs="*", help="columns to guess; three by default")
    parser.add_argument("--packages", type=Path, default=PACKAGES, help="folder with Anonymeter and its packages")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    tables, schema = read(options)
    secrets = options.secrets or [field.name for field in tables.fields][:: max(1, len(tables.fields) // 3)][:3]
    tables, targets = same_rows(tables, np.random.default_rng(options.seed))
    mine, theirs = (
        ours(tables, targets, schema, secrets, options.seed),
        peer(tables, targets, secrets, options.packages),
    )
    rows = [compare(*pair) for pair in zip(mine, theirs, strict=True)]
    for row in rows:
        print(json.dumps(row))
    total = sum(row["peer_cpu_seconds"] for row in rows) / sum(row["cpu_seconds"] for row in rows)
    print(
        json.dumps(
            {
                "benchmark": "attacks",
                "times_faster": round(total, 1),
                "least_times_faster": min(row["times_faster"] for row in rows),
                "inside_peer_interval": f"{sum(row['inside_peer_interval'] for row in rows)} of {len(rows)}",
            }
        )
    )
