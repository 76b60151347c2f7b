"""MST here against private-pgm's on the mbi package: seconds, error and memory in one run on the same cells.

make bench BENCH="mst --train TRAIN.csv --schema SCHEMA.json"
"""

import argparse
import json
import multiprocessing
import resource
import time
from pathlib import Path

import numpy as np

from engine.data.encode import table_domain
from engine.data.ingest import read_table
from engine.data.schema import TableSchema
from engine.pipeline import synthesize
from engine.privacy.plan import SynthesisPlan
from engine.synthesizers.marginals import modelled_fields
from tests.bench.score import distances


def ours(plan, table, seed):
    start = time.perf_counter()
    synthetic = synthesize(table, plan, sample_seed=seed).synthetic
    return time.perf_counter() - start, synthetic


def peer(plan, table, seed):
    from tests.bench.peer_mst import mst

    domain = table_domain(modelled_fields(plan), {})
    rng = np.random.default_rng(seed)
    start = time.perf_counter()
    codes = mst(domain.encode(table), domain.sizes, plan.epsilon, plan.delta, rng)
    synthetic = domain.decode(codes, rng)
    return time.perf_counter() - start, synthetic


CONTENDERS = {"ours": ours, "peer": peer}


def contend(name, options, results):
    schema = TableSchema.load(options.schema)
    table = read_table(options.train, schema=schema).table
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    plan = SynthesisPlan(schema=schema, method="mst", epsilon=options.epsilon, delta=options.delta)
    rounds = [CONTENDERS[name](plan, table, seed) for seed in range(options.repetitions)]
    results.put(
        {
            "name": name,
            "seconds": float(np.median([seconds for seconds, _ in rounds])),
            "two_way_distance": float(np.mean([distances(table, made, schema)[2] for _, made in rounds])),
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "mib_before": before / 1024,
        }
    )


def main(arguments):
    parser = argparse.ArgumentParser(prog="mst", description=__doc__)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--schema", type=Path, required=True)
    parser.add_argument("--epsilon", type=float, default=1.0)
    parser.add_argument("--delta", type=float, default=1e-6)
    parser.add_argument("--repetitions", type=int, default=3)
    options = parser.parse_args(arguments)
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    found = {}
    for name in CONTENDERS:
        process = context.Process(target=contend, args=(name, options, results))
        process.start()
        found[name] = results.get()
        process.join()
        print(json.dumps(found[name]))
    mine, theirs = found["ours"], found["peer"]
    print(
        json.dumps(
            {
                "benchmark": "mst",
                "times_faster": round(theirs["seconds"] / mine["seconds"], 1),
                "distance_ratio": round(mine["two_way_distance"] / theirs["two_way_distance"], 3),
                "peak_mib": round(mine["peak_mib"]),
            }
        )
    )
