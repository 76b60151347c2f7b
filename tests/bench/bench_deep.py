"""The deep methods beside AIM and independent columns, noisy and exact, in one run.

make bench BENCH="deep --train TRAIN.csv --holdout HOLDOUT.csv --schema SCHEMA.json --target income --positive '>50K'
                  --epsilons 1 3"

It prints one JSON line per contender and a Markdown table, all of medians. Every contender has a process of its own.
Exact independent columns are the training table's own, each shuffled: no privacy, and what a method has to beat to be
worth more than its columns. The processor's seconds are those of fitting and sampling together.
"""

import argparse
import json
import math
import os
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pandas as pd

from engine.privacy.plan import DEFAULT_DELTA
from tests.bench.bench_aim import contend, print_table, read, real
from tests.bench.isolation import in_own_process, medians
from tests.bench.score import rounded, score

METHODS = ("dp-ctgan", "dp-tvae", "aim", "independent")
EXACT = "independent, without noise"


def shuffled(table, seed):
    """Each column in an order of its own."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {name: column.to_numpy()[rng.permutation(len(table))] for name, column in table.items()}
    ).astype(table.dtypes.to_dict())


def contend_exactly(options):
    """Medians of what exact independent columns score."""
    schema, train, holdout = read(options)
    made = [shuffled(train, seed) for seed in range(options.repetitions)]
    return medians([score(train, holdout, table, schema, options.target, options.positive) for table in made])


def options_of(arguments):
    """The command line."""
    parser = argparse.ArgumentParser(prog="deep", description=__doc__)
    for name in ("train", "holdout", "schema"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--target", help="column that a model trained on the synthetic rows predicts")
    parser.add_argument("--positive", help="its value to predict")
    parser.add_argument("--epsilons", type=float, nargs="+", default=[1.0, 3.0])
    parser.add_argument("--delta", type=float, default=DEFAULT_DELTA)
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--repetitions", type=int, default=3)
    return parser.parse_args(arguments)


def main(arguments):
    """Run all contenders one after another."""
    options = options_of(arguments)
    print(json.dumps({"threads": os.environ.get("OMP_NUM_THREADS", "all"), "cores": os.cpu_count()}))
    floor = in_own_process(real, options)
    print(json.dumps({"name": "real rows"} | rounded(floor)), flush=True)
    results = {(EXACT, math.inf): in_own_process(contend_exactly, options)}
    print(json.dumps({"name": EXACT} | rounded(results[EXACT, math.inf])), flush=True)
    for epsilon in options.epsilons:
        for name in options.methods:
            heading = {"name": name, "epsilon": epsilon}
            try:
                results[name, epsilon] = in_own_process(contend, name, epsilon, options)
            except BrokenProcessPool:
                print(json.dumps(heading | {"died": "its process ended without an answer"}), flush=True)
                continue
            print(json.dumps(heading | rounded(results[name, epsilon])), flush=True)
    print_table(results, floor, options.target is not None)
