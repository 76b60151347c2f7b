"""How long a run takes and how much memory it needs, before anything is read.

Both follow from the plan and from a stated number of rows alone, so they may be shown to anyone, and a refusal for
lack of memory says nothing about private rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from dataclasses import fields as attributes
from itertools import accumulate
from pathlib import Path

from engine.data.encode import NUMERIC_TYPES
from engine.data.rows import STREAM_FROM_BYTES
from engine.data.rules import Combinations, ordered
from engine.errors import PlanError
from engine.privacy.plan import SynthesisPlan
from engine.privacy.price import column_cells, noise_scale, price_plan
from engine.synthesizers.cells import MOST_GROUPS, RARE_CELL_DEVIATIONS
from engine.synthesizers.deep import DeepSynthesizer
from engine.synthesizers.exchange import MOST_WORK
from engine.synthesizers.junction_tree import JunctionTree
from engine.synthesizers.marginals import modelled_fields
from engine.synthesizers.memory import memory_bytes
from engine.synthesizers.plain_synthesizer import PlainSynthesizer
from engine.synthesizers.registry import synthesizer_class
from engine.synthesizers.training_settings import sampling_rate, training_weights, training_work
from engine.synthesizers.workload import LARGEST_NOISE, MOST_TRIPLES

COSTS: dict[str, dict[str, float]] = {
    "seconds": {
        "runs": 1.5,
        "values": 7.5e-7,
        "row_pairs": 1.6e-8,
        "row_triples": 3.6e-8,
        "scored_cells": 1.4e-8,
        "planned_pairs": 5.6e-6,
        "fitted_columns": 1.0e-7,
        "network_runs": 6.0,
        "multiplications": 3.0e-11,
    },
    "bytes": {
        "runs": 2.7e8,
        "held_values": 32.0,
        "pair_cells": 8.0,
        "model_cells": 200.0,
        "network_runs": 4.0e8,
        "weights": 32.0,
    },
    "report_seconds": {"report_runs": 6.0, "report_pairs": 3.2e-2, "report_models": 5.9e-6},
    "report_bytes": {"report_runs": 4.0e8, "report_tables": 47.0},
}
"""CPU seconds, or bytes, per amount of `Amounts`: one thread on one core of a shared server, a quarter added.

`python -m tests.bench resources` measures them anew: it fits them to whole runs at ε = 1 on simulated tables of up to
200,000 rows, and up to 300 columns. What it measured was 0.7 to 1.2 times these estimates of seconds, and 0.6 to 1.0
times those of memory; of the report 0.6 to 1.3 and 0.6 to 1.2 times. The memory of a model's cell was measured at
ε = 20, where the model fills all its cells.
"""

CONTAINER = Path("/sys/fs/cgroup")
"""Where Linux states the limits of the container that a process runs in."""

SHARE_OF_MEMORY = 0.9
"""Part of the available memory that a run may take."""

REPORT_ROWS, REPORT_COLUMNS, REPORT_CLASSES = 50_000, 40, 20
"""The internal report draws about so many rows, compares pairs of so many columns, and predicts so many classes."""

REPORT_TABLE_ROWS = 500_000
"""Rows of each table that the report holds at most."""

MOST_HELD_VALUES = STREAM_FROM_BYTES // 8
"""Private values of eight bytes that are read whole; a larger file is read part by part."""

DRAWING_WORK = 50.0
"""Multiplications that take as long as deciding whether a row is in a sample."""

FIRST_STEPS, STEPS_PER_CHOICE = 1_000.0, 20.0

NUMBER_PLACES = 11
"""Places that a column of numbers takes in a row of CTGAN or TVAE at most: ten modes, and the place in one of them."""


@dataclass(frozen=True)
class Resources:
    """What a run takes.

    Args:
        seconds: time on one processor core.
        memory_bytes: largest memory of its process.
    """

    seconds: float
    memory_bytes: int


@dataclass(frozen=True)
class Amounts:
    """What there is to do.

    Args:
        runs: one: what every run takes.
        values: private and synthetic values: rows times columns.
        held_values: the same as far as they are in memory at once; private rows of a large file are not.
        trades: drawn rows times squared columns, as far as rows trade cells to follow more relations.
        row_pairs: rows times pairs of columns, where the method counts all pairs.
        row_triples: rows times triples of columns, where the method counts triples that noise would not drown.
        pair_cells: cells of all pairs of columns, where the method holds all pairs.
        scored_cells: the same for each look at all pairs.
        planned_pairs: pairs of columns for each look at all pairs.
        model_cells: cells of the model.
        fitted_cells: the same for each step of the fit.
        fitted_columns: columns for each step of the fit.
        report_runs: one: what every report takes.
        report_tables: private and synthetic values that the report holds.
        report_values: values of the rows that the report draws for what is slow.
        report_pairs: pairs of columns that the report compares.
        report_models: values that the models of the report see, for each class of the column to predict.
        network_runs: one, where networks are trained: what loading and beginning takes.
        multiplications: of weights with values, in such a training.
        weights: of these networks.
    """

    runs: float
    values: float
    held_values: float
    trades: float
    row_pairs: float
    row_triples: float
    pair_cells: float
    scored_cells: float
    planned_pairs: float
    model_cells: float
    fitted_cells: float
    fitted_columns: float
    report_runs: float
    report_tables: float
    report_values: float
    report_pairs: float
    report_models: float
    network_runs: float = 0.0
    multiplications: float = 0.0
    weights: float = 0.0


def amounts(plan: SynthesisPlan, n_rows: int) -> Amounts:
    """What a run of this plan has to do.

    Args:
        plan: the plan; it must be one that can be priced.
        n_rows: about how many private rows there are, as stated in public.
    """
    method = synthesizer_class(plan.method)
    if issubclass(method, PlainSynthesizer):
        return _plain_amounts(method, plan, n_rows)
    cells = _merged_cells(plan, n_rows)
    n_columns = len(cells)
    n_pairs = n_columns * (n_columns - 1) // 2
    pair_cells = float(sum(size * below for size, below in zip(cells[1:], accumulate(cells), strict=False)))
    choices = _choices(plan)
    holds_pairs = choices > 0
    looks = choices if choices >= n_columns else int(holds_pairs)  # a tree is chosen by one look
    model_cells = _model_cells(plan, cells, choices)
    steps = FIRST_STEPS + STEPS_PER_CHOICE * choices
    drawn = _drawn(plan, n_rows)
    return Amounts(
        runs=1.0,
        values=float((n_rows + drawn) * n_columns),
        held_values=float(min(n_rows * n_columns, MOST_HELD_VALUES) + drawn * n_columns),
        trades=float(min(drawn * n_columns**2, MOST_WORK)),
        row_pairs=float(n_rows * n_pairs * holds_pairs),
        row_triples=float(n_rows * _triples(plan, n_rows, cells, choices)),
        pair_cells=pair_cells * holds_pairs,
        scored_cells=pair_cells * looks,
        planned_pairs=float(n_pairs * looks),
        model_cells=model_cells,
        fitted_cells=model_cells * steps * holds_pairs,
        fitted_columns=n_columns * steps * holds_pairs,
        **_report_amounts(plan, n_rows),
        **(
            _training_amounts(method, plan, n_rows, sum(min(size, MOST_GROUPS) for size in cells))
            if issubclass(method, DeepSynthesizer)
            else {}
        ),
    )


def _training_amounts(
    method: type[DeepSynthesizer], plan: SynthesisPlan, n_rows: int, width: float
) -> dict[str, float]:
    """What a training on noisy gradients has to do."""
    settings, batch = method.settings, sampling_rate(method.settings, plan) * n_rows
    held = 3.0 * width**2.0 + settings.latent_points * width
    return {
        "network_runs": 1.0,
        "multiplications": training_work(settings, int(width), batch) + settings.steps * n_rows * DRAWING_WORK,
        "weights": training_weights(settings, int(width)) + held,
    }


def _plain_amounts(method: type[PlainSynthesizer], plan: SynthesisPlan, n_rows: int) -> Amounts:
    """What a method has to do that reads all rows into memory and compares no cells."""
    values = float((n_rows + _drawn(plan, n_rows)) * len(plan.synthesized_names()))
    lines = {field.name for field in modelled_fields(plan) if field.type in NUMERIC_TYPES and field.enum is None}
    width = sum(NUMBER_PLACES if name in lines else size for name, size, _ in column_cells(plan))
    multiplications = float(method.multiplications(width, n_rows))
    found = {kind.name: 0.0 for kind in attributes(Amounts)} | _report_amounts(plan, n_rows)
    found |= {"runs": 1.0, "values": values, "held_values": 2.0 * values, "multiplications": multiplications}
    return Amounts(**found | {"network_runs": float(multiplications > 0.0), "weights": method.weights(width)})


def _report_amounts(plan: SynthesisPlan, n_rows: int) -> dict[str, float]:
    """What the report has to do, whatever the method."""
    n_columns = len(plan.synthesized_names())
    compared = min(n_rows, REPORT_ROWS) * n_columns
    classes = next((size for name, size, _ in column_cells(plan) if name == plan.target), 0)
    return {
        "report_runs": 1.0,
        "report_tables": float(
            (min(n_rows, REPORT_TABLE_ROWS) + min(_drawn(plan, n_rows), REPORT_TABLE_ROWS)) * n_columns
        ),
        "report_values": float(compared),
        "report_pairs": float(min(n_columns, REPORT_COLUMNS) ** 2),
        "report_models": float(compared * min(classes, REPORT_CLASSES)),
    }


def _drawn(plan: SynthesisPlan, n_rows: int) -> int:
    return n_rows if plan.n_rows is None else plan.n_rows


def estimate_resources(plan: SynthesisPlan, n_rows: int) -> Resources:
    """About how long a run takes, report included, and how much memory.

    Args:
        plan: the plan; it must be one that can be priced.
        n_rows: about how many private rows there are, as stated in public.

    Raises:
        PlanError: the plan cannot be priced.
    """
    found = asdict(amounts(plan, n_rows))
    seconds = _cost(found, COSTS["seconds"]) + _cost(found, COSTS["report_seconds"])
    size = _cost(found, COSTS["bytes"]) + _cost(found, COSTS["report_bytes"]) + rule_memory(plan)
    return Resources(seconds, round(size))


def rule_memory(plan: SynthesisPlan) -> int:
    """Bytes of the model that a plan's rules make necessary, whatever is measured; columns under a rule keep all cells.

    Args:
        plan: the plan; it must be one that can be priced.
    """
    positions = {name: position for position, name in enumerate(plan.synthesized_names())}
    listed = [rule.columns for rule in plan.schema.rules if isinstance(rule, Combinations)]
    sets = [names for names in (*ordered(plan.schema.rules), *listed) if positions.keys() >= set(names)]
    if not sets:
        return 0
    sizes = [cells for _, cells, _ in column_cells(plan)]
    tree = JunctionTree(sizes)
    for names in sets:
        tree.cover([positions[name] for name in names])
    return memory_bytes(sizes, tree.cliques.values())


def check_memory(resources: Resources) -> None:
    """Refuse a run that needs more memory than the machine has available now.

    Raises:
        PlanError: it does; the message says what would make it smaller.
    """
    usable = int(SHARE_OF_MEMORY * available_memory())
    if resources.memory_bytes > usable:
        raise PlanError(
            f"the run needs about {_mib(resources.memory_bytes)} of memory, and {_mib(usable)} can be used here now: "
            "drop columns, state fewer categories or rules, make fewer synthetic rows, choose a method that compares "
            "no pairs of columns, or use a machine with more memory"
        )


def available_memory() -> int:
    """Bytes that this process can still get: what the machine has, within the limit of its container."""
    import psutil

    free = int(psutil.virtual_memory().available)
    try:
        limit, used = (int((CONTAINER / name).read_text()) for name in ("memory.max", "memory.current"))
        cached = dict(line.split() for line in (CONTAINER / "memory.stat").read_text().splitlines())["inactive_file"]
    except (OSError, ValueError, KeyError):  # no such limit here
        return free
    return max(0, min(free, limit - used + int(cached)))


def _merged_cells(plan: SynthesisPlan, n_rows: int) -> list[float]:
    """Cells per column that can stand out from the noise; the rest is merged into one."""
    price = price_plan(plan)
    one_way = next(part for part in price.split if part.name == "one_way")
    standing_out = n_rows / (RARE_CELL_DEVIATIONS * noise_scale(plan, price, one_way)) + 1.0
    return [min(float(cells), standing_out) for _, cells, _ in column_cells(plan)]


def _choices(plan: SynthesisPlan) -> int:
    """Pairs of columns that the method chooses among all; 0 for a method that compares none."""
    split = synthesizer_class(plan.method).budget_split(plan)
    return sum(part.n_queries for part in split if part.name == "selection")


def _triples(plan: SynthesisPlan, n_rows: int, cells: list[float], choices: int) -> int:
    """Triples that a method looks at in all, where it looks at any: others each time, where there are many."""
    if choices < len(cells):
        return 0
    price = price_plan(plan)
    noise = noise_scale(plan, price, next(part for part in price.split if part.name == "pair"))
    drowned = (math.fsum(cells) / len(cells)) ** 3 > LARGEST_NOISE * n_rows / noise
    return 0 if drowned else min(math.comb(len(cells), 3), MOST_TRIPLES * choices)


def _model_cells(plan: SynthesisPlan, cells: list[float], choices: int) -> float:
    """Cells of the model: cliques of two columns for a tree, of three where more pairs than a tree's are measured."""
    mean = math.fsum(cells) / len(cells)
    columns_of_clique = 1 if not choices else 2 if choices < len(cells) else 3
    most = float(synthesizer_class(plan.method).parameters(plan).get("maximum_cells", math.inf))
    return min(most, len(cells) * mean**columns_of_clique)


def _cost(found: Mapping[str, float], costs: Mapping[str, float]) -> float:
    return math.fsum(cost * found[name] for name, cost in costs.items())


def _mib(n_bytes: int) -> str:
    return f"{n_bytes / 2**20:,.0f} MiB"
