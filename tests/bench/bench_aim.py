"""AIM here beside MST, independent columns and, with --peer, the published AIM on the mbi package, in one run.

make bench BENCH="aim --train TRAIN.csv --holdout HOLDOUT.csv --schema SCHEMA.json --target income --positive '>50K'
                  --epsilons 1 3 --repetitions 3 --peer"

It prints one JSON line per contender and a Markdown table, all of medians. Every contender has a process of its own.
The peer gets the public cells of the schema, and 30 rounds, without which it takes hours.
"""

import argparse
import json
import os
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np

from engine.data.encode import table_domain
from engine.data.ingest import read_table
from engine.pipeline import synthesize
from engine.privacy.plan import DEFAULT_DELTA, SynthesisPlan
from engine.synthesizers.marginals import modelled_fields
from tests.bench.isolation import in_own_process, medians, peak_mib, timed
from tests.bench.score import floors, load_schema, rounded, score

METHODS = ("aim", "mst", "independent")
PEER = "peer"
PEER_ROUNDS = 30


def ours(plan, table, seed):
    """Synthetic rows of a registered method."""
    return synthesize(table, plan, sample_seed=seed).synthetic


def peer(plan, table, seed, rounds):
    """Synthetic rows of the published AIM."""
    from tests.bench.peer_aim import aim  # it loads jax, which no other contender should pay for

    domain = table_domain(modelled_fields(plan), {})
    rng = np.random.default_rng(seed)
    codes, _ = aim(domain.encode(table), domain.sizes, plan.epsilon, plan.delta, rounds, rng)
    return domain.decode(codes, rng)


def read(options):
    """The schema and both typed tables."""
    schema = load_schema(options.schema)
    train, holdout = (read_table(path, schema=schema).table for path in (options.train, options.holdout))
    return schema, train, holdout


def real(options):
    """What real rows score in place of synthetic ones, and the table's size."""
    schema, train, holdout = read(options)
    found = floors(train, holdout, schema, options.target, options.positive)
    return found | {"rows": len(train), "columns": len(schema.fields)}


def contend(name, epsilon, options):
    """Medians of one contender's figures."""
    schema, train, holdout = read(options)
    method = "aim" if name == PEER else name
    plan = SynthesisPlan(schema, method, epsilon, options.delta, target=options.target)
    rounds = []
    for seed in range(options.peer_repetitions if name == PEER else options.repetitions):
        arguments = (peer, plan, train, seed, options.peer_rounds) if name == PEER else (ours, plan, train, seed)
        synthetic, cost = timed(*arguments)
        peak = peak_mib()
        scores = score(train, holdout, synthetic, schema, options.target, options.positive)
        rounds.append(cost | scores | {"peak_mib": peak})
    return medians(rounds)


def row(name, epsilon, found, with_auc):
    """A line of the Markdown table."""
    cost = f"{found['seconds']:.1f} ({found['cpu_seconds']:.1f})" if "seconds" in found else "–"
    figures = [f"{found[f'tvd{order}']:.4f}" for order in (1, 2, 3)]
    figures += [f"{found['auc']:.3f}"] if with_auc else []
    peak = f"{found['peak_mib']:.0f}" if "peak_mib" in found else "–"
    return f"| {name} | {epsilon} | {cost} | {' | '.join(figures)} | {peak} |"


def print_table(results, floor, with_auc):
    """All contenders as Markdown, and the real rows last."""
    heading = ["method", "ε", "seconds (of processor)", "tvd1", "tvd2", "tvd3", *["AUC"] * with_auc, "peak MiB"]
    print(f"\n| {' | '.join(heading)} |\n|{'---|' * len(heading)}")
    for (name, epsilon), found in results.items():
        print(row("published AIM on mbi" if name == PEER else f"`{name}`", f"{epsilon:g}", found, with_auc))
    real_rows = {f"tvd{order}": floor[f"floor{order}"] for order in (1, 2, 3)} | {"auc": floor.get("auc_real")}
    print(row("real rows set aside", "–", real_rows, with_auc))


def print_summary(results, epsilon, options):
    """How many times faster than the peer, and the errors as ratios to its errors."""
    mine, theirs = results["aim", epsilon], results[PEER, epsilon]
    summary = {
        "benchmark": "aim",
        "epsilon": epsilon,
        "peer_rounds": options.peer_rounds,
        "times_faster": round(theirs["seconds"] / mine["seconds"], 1),
        "times_less_processor": round(theirs["cpu_seconds"] / mine["cpu_seconds"], 1),
    }
    print(json.dumps(summary | {f"tvd{n}_ratio": round(mine[f"tvd{n}"] / theirs[f"tvd{n}"], 3) for n in (1, 2, 3)}))


def contest_parser(name, description, methods, epsilons):
    """A command line with what every contest of methods on a real table asks for."""
    parser = argparse.ArgumentParser(prog=name, description=description)
    for file in ("train", "holdout", "schema"):
        parser.add_argument(f"--{file}", type=Path, required=True)
    parser.add_argument("--target", help="column that a model trained on the synthetic rows predicts")
    parser.add_argument("--positive", help="its value to predict")
    parser.add_argument("--epsilons", type=float, nargs="+", default=epsilons)
    parser.add_argument("--delta", type=float, default=DEFAULT_DELTA)
    parser.add_argument("--methods", nargs="*", default=methods)
    parser.add_argument("--repetitions", type=int, default=3)
    return parser


def options_of(arguments):
    """The command line."""
    parser = contest_parser("aim", __doc__, METHODS, [1.0])
    parser.add_argument("--peer", action="store_true", help="also run the published AIM: minutes to hours")
    parser.add_argument("--peer-rounds", type=int, default=PEER_ROUNDS)
    parser.add_argument("--peer-repetitions", type=int, default=1)
    return parser.parse_args(arguments)


def score_real(options):
    """What real rows score, printed first."""
    print(json.dumps({"threads": os.environ.get("OMP_NUM_THREADS", "all"), "cores": os.cpu_count()}))
    floor = in_own_process(real, options)
    print(json.dumps({"name": "real rows"} | rounded(floor)), flush=True)
    return floor


def run_contest(names, options):
    """Every contender at every ε, one after another, each printed as soon as it is done."""
    results = {}
    for epsilon in options.epsilons:
        for name in names:
            heading = {"name": name, "epsilon": epsilon}
            try:
                results[name, epsilon] = in_own_process(contend, name, epsilon, options)
            except BrokenProcessPool:
                print(json.dumps(heading | {"died": "its process ended without an answer"}), flush=True)
                continue
            print(json.dumps(heading | rounded(results[name, epsilon])), flush=True)
    return results


def main(arguments):
    """Run all contenders one after another."""
    options = options_of(arguments)
    floor = score_real(options)
    results = run_contest((*options.methods, *[PEER] * options.peer), options)
    print_table(results, floor, options.target is not None)
    for epsilon in options.epsilons:
        if {("aim", epsilon), (PEER, epsilon)} <= results.keys():
            print_summary(results, epsilon, options)
