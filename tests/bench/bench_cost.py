"""What a run costs as tables grow: seconds and memory against rows, and against columns, as two curves.

make bench BENCH=cost

Tables are simulated and hold columns of all types. A line ends early where one run passed --patience seconds.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from engine.pipeline import synthesize
from engine.privacy.plan import SynthesisPlan
from tests.bench.isolation import in_own_process, peak_mib, timed
from tests.bench.score import rounded
from tests.bench.tables import assemble, mixed

EPSILON = 1.0
COLUMNS_WHILE_ROWS_GROW, ROWS_WHILE_COLUMNS_GROW = 15, 10_000


def contend(method, n_rows, n_columns):
    """Seconds and peak memory of one run on a simulated table, with what the table alone takes."""
    schema, table = assemble(mixed(n_rows, np.random.default_rng(n_columns), n_columns))
    before = peak_mib()
    plan = SynthesisPlan(schema=schema, method=method, epsilon=EPSILON)
    _, cost = timed(lambda: synthesize(table, plan, sample_seed=0))
    return cost | {"peak_mib": peak_mib(), "table_mib": before}


def line(method, sizes, patience):
    """One run per size, until one passes the patience."""
    found = []
    for n_rows, n_columns in sizes:
        cost = in_own_process(contend, method, n_rows, n_columns)
        found.append({"method": method, "rows": n_rows, "columns": n_columns} | rounded(cost, 2))
        print(json.dumps(found[-1]), flush=True)
        if cost["seconds"] > patience:
            break
    return found


def draw(path, title, along, lines):
    """Seconds against rows or columns, one line per method, both axes logarithmic."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "cost", "font.size": 9, "font.family": "sans-serif"})
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6, 3.0), layout="constrained")
    axes = figure.subplots()
    for found in lines:
        axes.plot([run[along] for run in found], [run["seconds"] for run in found], "o-", label=found[0]["method"])
    axes.set(xscale="log", yscale="log", xlabel=along, ylabel="seconds", title=title)
    sizes = sorted({run[along] for found in lines for run in found})
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes], rotation=30)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, metadata={"Date": None})


def main(arguments):
    """Run and draw both curves."""
    parser = argparse.ArgumentParser(prog="cost", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--columns", type=int, nargs="+", default=[5, 10, 20, 40, 60], help="of aim and mst")
    parser.add_argument("--wide", type=int, nargs="+", default=[100, 200, 500, 1_000], help="further columns of mst")
    parser.add_argument("--patience", type=float, default=600.0)
    parser.add_argument("--out", type=Path, default=Path("engine/docs"), help="folder of the two pictures")
    options = parser.parse_args(arguments)
    by_rows = [(n_rows, COLUMNS_WHILE_ROWS_GROW) for n_rows in options.rows]
    narrow = [(ROWS_WHILE_COLUMNS_GROW, n_columns) for n_columns in options.columns]
    wide = [(ROWS_WHILE_COLUMNS_GROW, n_columns) for n_columns in options.wide]
    rows_lines = [line(method, by_rows, options.patience) for method in ("aim", "mst")]
    columns_lines = [line("aim", narrow, options.patience), line("mst", narrow + wide, options.patience)]
    options.out.mkdir(parents=True, exist_ok=True)
    draw(options.out / "cost_rows.svg", f"{COLUMNS_WHILE_ROWS_GROW} columns, ε = {EPSILON:g}", "rows", rows_lines)
    title = f"{ROWS_WHILE_COLUMNS_GROW:,} rows, ε = {EPSILON:g}"
    draw(options.out / "cost_columns.svg", title, "columns", columns_lines)
