"""The command line on tables that need not fit in memory: seconds of each stage and peak memory of a fresh process.

make bench BENCH="scale --rows 10000000"
make bench BENCH="scale --curve"
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from engine.data.schema import Field, FieldType, TableSchema

CHUNK_ROWS = 250_000
CURVE_ROWS = (100_000, 1_000_000, 5_000_000)
CURVE_COLUMNS = (10, 20, 40)
CITIES = ("Aarhus", "Bergen", "Cork", "Delft", "Espoo", "Ghent", "Graz", "Lyon", "Porto", "Turku")
PEER = "import sys, pandas; pandas.read_parquet(sys.argv[1])"


def schema_of(n_columns):
    """Integers, numbers, categories, booleans and dates in turn."""
    kinds = (
        lambda name: Field(name, FieldType.INTEGER, minimum=0, maximum=99),
        lambda name: Field(name, FieldType.NUMBER, minimum=0.0, maximum=1000.0, decimals=2),
        lambda name: Field(name, FieldType.STRING, enum=CITIES),
        lambda name: Field(name, FieldType.BOOLEAN),
        lambda name: Field(name, FieldType.DATE, minimum=pd.Timestamp(0).date(), maximum=pd.Timestamp(10**18).date()),
    )
    return TableSchema(tuple(kinds[number % len(kinds)](f"c{number:04d}") for number in range(n_columns)))


def simulate(schema, n_rows, rng):
    """Rows in which every column follows a latent number, each with noise of its own."""
    latent = rng.normal(0, 1, (3, n_rows))
    columns = {}
    for number, field in enumerate(schema.fields):
        level = np.clip((latent[number % 3] + 0.7 * rng.normal(0, 1, n_rows)) / 6 + 0.5, 0, 0.999)
        if field.type is FieldType.INTEGER:
            columns[field.name] = pa.array((level * 100).astype(np.int64), mask=rng.random(n_rows) < 0.02)
        elif field.type is FieldType.NUMBER:
            columns[field.name] = pa.array(np.round(level * 1000, 2))
        elif field.type is FieldType.STRING:
            codes = pa.array((level * len(CITIES)).astype(np.int32))
            columns[field.name] = pa.DictionaryArray.from_arrays(codes, pa.array(CITIES)).cast(pa.string())
        elif field.type is FieldType.BOOLEAN:
            columns[field.name] = pa.array(level > 0.55)
        else:
            columns[field.name] = pa.array((level * 11_000).astype(np.int32), pa.date32())
    return pa.table(columns)


def write_table(path, schema, n_rows):
    """Write simulated rows part by part, as CSV or Parquet."""
    rng = np.random.default_rng(7)
    writer = None
    for start in range(0, n_rows, CHUNK_ROWS):
        part = simulate(schema, min(CHUNK_ROWS, n_rows - start), rng)
        if writer is None:
            make = arrow_csv.CSVWriter if path.suffix == ".csv" else pq.ParquetWriter
            writer = make(path, part.schema)
        writer.write_table(part)
    writer.close()


def timed(*command):
    """Wall seconds, CPU seconds, peak MiB and standard output of a fresh process and its children."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode:
        sys.exit(f"{command[:4]} ended with status {process.returncode}")
    return {
        "seconds": round(time.perf_counter() - start, 2),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_mib": round(usage.ru_maxrss / 1024),
    }, out


def measure(options, n_rows, n_columns, show):
    """One run of the command, and pandas reading the same Parquet file."""
    schema = schema_of(n_columns)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        data = Path(folder) / ("table.csv" if options.csv else "table.parquet")
        schema.save(Path(folder) / "schema.json")
        write_table(data, schema, n_rows)
        written = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        found, out = timed(
            *(sys.executable, "-m", "engine", "synthesize", str(data), "--schema", f"{folder}/schema.json"),
            *("--method", options.method, "--epsilon", str(options.epsilon)),
            *("--out", f"{folder}/out.{'csv' if options.csv else 'parquet'}", "--certificate", f"{folder}/cert.json"),
        )
        result = json.loads(out)
        for stage, seconds in result["seconds"].items() if show else ():
            print(json.dumps({"stage": stage, "seconds": seconds}))
        line = {
            "rows": n_rows,
            "columns": n_columns,
            "method": options.method,
            "file_mib": round(data.stat().st_size / 2**20),
            **found,
            "synthetic_rows": result["rows"],
        }
        if show and not options.csv:
            peer, _ = timed(sys.executable, "-c", PEER, str(data))
            line |= {f"pandas_read_{name}": value for name, value in peer.items()}
            line["benchmark_peak_mib"] = round(written)
        return line


def main(arguments):
    parser = argparse.ArgumentParser(prog="scale", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--columns", type=int, default=15)
    parser.add_argument("--method", default="aim")
    parser.add_argument("--epsilon", type=float, default=1.0)
    parser.add_argument("--csv", action="store_true", help="read and write CSV instead of Parquet")
    parser.add_argument("--curve", action="store_true", help="seconds and memory for several rows and columns")
    options = parser.parse_args(arguments)
    if not options.curve:
        print(json.dumps({"benchmark": "scale", **measure(options, options.rows, options.columns, show=True)}))
        return
    for n_rows in CURVE_ROWS:
        print(json.dumps({"curve": "rows", **measure(options, n_rows, options.columns, show=False)}))
    for n_columns in CURVE_COLUMNS:
        print(json.dumps({"curve": "columns", **measure(options, CURVE_ROWS[0], n_columns, show=False)}))
