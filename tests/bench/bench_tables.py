"""Every method on simulated tables of many shapes: seconds, error and predictive value, each beside its floor.

make bench BENCH="tables --epsilons 1 3 --tables numeric small --methods aim"
"""

import argparse
import json
import os

from engine.errors import EngineError
from engine.pipeline import synthesize
from engine.privacy.plan import DEFAULT_DELTA, SynthesisPlan
from tests.bench.isolation import in_own_process, medians, peak_mib, timed
from tests.bench.score import floors, rounded, score
from tests.bench.tables import TABLES, simulate

METHODS = ("aim", "mst", "independent")
FIGURES = ("seconds", "cpu_seconds", "tvd1", "tvd2", "tvd3", "ks", "auc")


def real(name):
    """What real rows score in place of synthetic ones."""
    made = simulate(name)
    return floors(made.train, made.holdout, made.schema, made.target, made.positive)


def contend(name, method, epsilon, repetitions):
    """Medians of a method's figures on one table, or why it refuses the table."""
    made = simulate(name)
    plan = SynthesisPlan(schema=made.schema, method=method, epsilon=epsilon, delta=DEFAULT_DELTA)
    rounds = []
    for seed in range(repetitions):
        try:
            result, cost = timed(lambda seed=seed: synthesize(made.train, plan, sample_seed=seed))
        except EngineError as error:
            return {"refused": str(error)}
        peak = peak_mib()
        scores = score(made.train, made.holdout, result.synthetic, made.schema, made.target, made.positive)
        rounds.append(cost | scores | {"peak_mib": peak})
    return medians(rounds)


def row(epsilon, method, found):
    """A line of the Markdown table; a dash where there is no figure."""
    cells = [f"{found[name]:.{1 if 'seconds' in name else 4}f}" if name in found else "–" for name in FIGURES]
    return f"| {epsilon} | {method} | {' | '.join(cells)} |"


def report(name, floor, lines):
    """One table's results as Markdown, the real rows last."""
    shape = TABLES[name]
    n_columns = len(simulate(name).schema.fields)
    print(f"\n**{name}**: {shape.n_rows:,} × {n_columns}, target `{shape.target}`\n", flush=True)
    print(f"| ε | method | {' | '.join(FIGURES)} |\n|{'---|' * (2 + len(FIGURES))}")
    for line in lines:
        print(row(*line))
    real_rows = {f"tvd{order}": floor[f"floor{order}"] for order in (1, 2, 3)}
    real_rows |= {"ks": floor["floor_ks"], "auc": floor["auc_real"]}
    print(row("–", "real rows", real_rows), flush=True)


def main(arguments):
    """Run every chosen method on every chosen table."""
    parser = argparse.ArgumentParser(prog="tables", description=__doc__)
    parser.add_argument("--epsilons", type=float, nargs="+", default=[1.0])
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--repetitions", type=int, default=1)
    options = parser.parse_args(arguments)
    print(f"threads: {os.environ.get('OMP_NUM_THREADS', 'all')}")
    for name in options.tables:
        floor = in_own_process(real, name)
        lines = []
        for epsilon in options.epsilons:
            for method in options.methods:
                found = in_own_process(contend, name, method, epsilon, options.repetitions)
                heading = {"table": name, "epsilon": epsilon, "method": method}
                print(json.dumps(heading | rounded(found) | rounded(floor)), flush=True)
                lines.append((epsilon, method, found))
        report(name, floor, lines)
