"""The deep methods beside AIM and independent columns, noisy and exact, in one run.

make bench BENCH="deep --train TRAIN.csv --holdout HOLDOUT.csv --schema SCHEMA.json --target income --positive '>50K'
                  --epsilons 1 3"

It prints one JSON line per contender and a Markdown table, all of medians. Every contender has a process of its own.
Exact independent columns are the training table's own, each shuffled: no privacy, and what a method has to beat to be
worth more than its columns. The processor's seconds are those of fitting and sampling together.
"""

import json
import math

import numpy as np
import pandas as pd

from tests.bench.bench_aim import contest_parser, print_table, read, run_contest, score_real
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


def main(arguments):
    """Run all contenders one after another."""
    options = contest_parser("deep", __doc__, METHODS, [1.0, 3.0]).parse_args(arguments)
    floor = score_real(options)
    results = {(EXACT, math.inf): in_own_process(contend_exactly, options)}
    print(json.dumps({"name": EXACT} | rounded(results[EXACT, math.inf])), flush=True)
    results |= run_contest(options.methods, options)
    print_table(results, floor, options.target is not None)
