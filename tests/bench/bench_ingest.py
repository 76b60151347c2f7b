"""Upload to profile of a large CSV against plain pandas: seconds and peak memory of a fresh process each.

make bench BENCH="ingest --rows 1000000"
"""

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

CITIES = np.array(["Aarhus", "Bergen", "Cork", "Delft", "Espoo", "Ghent", "Graz", "Lyon", "Porto", "Turku"])
WORDS = np.array([f"code-{number:04d}" for number in range(2_000)])
CHUNK_ROWS = 100_000


def write_table(path, n_rows):
    """Simulated rows of 15 mixed columns, written part by part."""
    rng = np.random.default_rng(7)
    for start in range(0, n_rows, CHUNK_ROWS):
        n = min(CHUNK_ROWS, n_rows - start)
        amount = np.round(rng.gamma(2.0, 400.0, n), 2)
        made = pd.DataFrame(
            {
                "record": np.arange(start, start + n) + 10_000_000,
                "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1500, n), unit="D"),
                "seen_at": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 10**8, n), unit="s"),
                "age": rng.integers(0, 100, n),
                "visits": rng.poisson(3, n),
                "income": rng.integers(0, 250_000, n),
                "amount": np.where(rng.random(n) < 0.05, np.nan, amount),
                "ratio": rng.random(n),
                "temperature": np.round(rng.normal(37, 0.6, n), 1),
                "active": np.where(rng.random(n) < 0.4, "true", "false"),
                "city": rng.choice(CITIES, n),
                "grade": rng.choice(np.array(["A", "B", "C", ""]), n),
                "code": rng.choice(WORDS, n),
                "email": [f"person{number}@example.org" for number in range(start, start + n)],
                "note": rng.choice(CITIES, n) + ", " + rng.choice(WORDS, n),
            }
        )
        made.to_csv(path, mode="a", header=start == 0, index=False)


def studio(path):
    from engine.data.ingest import read_table
    from engine.data.profiling import profile_table, propose_schema

    profile = profile_table(read_table(path).table)
    propose_schema(profile)
    return profile.n_rows


def plain_pandas(path):
    table = pd.read_csv(path)
    table.describe(include="all")
    return len(table)


CONTENDERS = {"studio": studio, "pandas": plain_pandas}


def contend(name, path, results):
    start = time.perf_counter()
    n_rows = CONTENDERS[name](path)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    results.put({"name": name, "rows": n_rows, "seconds": round(seconds, 2), "peak_mib": round(peak)})


def main(arguments):
    parser = argparse.ArgumentParser(prog="ingest", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args(arguments)
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    found = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "table.csv"
        write_table(path, options.rows)
        for name in CONTENDERS:
            process = context.Process(target=contend, args=(name, path, results))
            process.start()
            found[name] = results.get()
            process.join()
            print(json.dumps(found[name]))
        mib = path.stat().st_size / 2**20
    print(
        json.dumps(
            {
                "benchmark": "ingest",
                "rows": options.rows,
                "file_mib": round(mib),
                "seconds": found["studio"]["seconds"],
                "peak_mib": found["studio"]["peak_mib"],
                "times_faster": round(found["pandas"]["seconds"] / found["studio"]["seconds"], 2),
                "memory_ratio": round(found["studio"]["peak_mib"] / found["pandas"]["peak_mib"], 2),
            }
        )
    )


if __name__ == "__main__":
    main(None)
