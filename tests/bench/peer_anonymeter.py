"""Anonymeter's attacks on the tables of a folder, as JSON: the peer of the benchmark, run with packages of its own.

python peer_anonymeter.py FOLDER, with a CSV file per table of TABLES and `attacks.json` in it.
"""

import json
import sys
import time
import warnings
from pathlib import Path

import pandas as pd
from anonymeter.evaluators import InferenceEvaluator, LinkabilityEvaluator, SinglingOutEvaluator

TABLES = ("train", "control", "synthetic", "train_targets", "control_targets")


def single_out(tables, n_attacks, n_columns):
    evaluator = SinglingOutEvaluator(
        tables["train"],
        tables["synthetic"],
        n_attacks=n_attacks,
        n_cols=n_columns,
        control=tables["control"],
        max_attempts=40_000,
        seed=0,
    )
    return evaluator.evaluate("univariate" if n_columns == 1 else "multivariate")


def link(tables, n_attacks, halves):
    train, control = tables["train_targets"], tables["control_targets"]
    n_attacks = min(n_attacks, len(train))
    evaluator = LinkabilityEvaluator(train, tables["synthetic"], halves, n_attacks, n_neighbors=1, control=control)
    return evaluator.evaluate(n_jobs=1)


def infer(tables, n_attacks, secret, numeric):
    train, control = tables["train_targets"], tables["control_targets"]
    known = [column for column in train if column != secret]
    evaluator = InferenceEvaluator(train, tables["synthetic"], known, secret, numeric, n_attacks, control)
    return evaluator.evaluate(n_jobs=1)


ATTACKS = {"singling-out": single_out, "linkability": link, "attribute-inference": infer}


def described(evaluator, seconds):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = evaluator.results()
        risk = evaluator.risk()
    return {
        "risk": risk.value,
        "interval": list(risk.ci),
        "main": float(results.n_success / results.n_attacks_ori),
        "baseline": float(results.n_baseline / results.n_attacks_baseline),
        "control": float(results.n_control / results.n_attacks_control),
        "cpu_seconds": seconds,
    }


def main(folder):
    tables = {name: pd.read_csv(folder / f"{name}.csv", keep_default_na=False, na_values=[""]) for name in TABLES}
    # Its distances are compiled on their first use, which is not counted.
    few = {name: table.head(200) for name, table in tables.items()}
    link(few, 10, [list(tables["train"])[start::2] for start in (0, 1)])
    found = []
    for attack in json.loads((folder / "attacks.json").read_text(encoding="utf-8")):
        start = time.process_time()
        evaluator = ATTACKS[attack["metric"]](tables, **attack["arguments"])
        found.append(described(evaluator, time.process_time() - start))
    print(json.dumps(found))


main(Path(sys.argv[1]))
