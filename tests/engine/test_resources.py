"""Estimates of time and memory: from public numbers alone, never smaller for more work, and refused where too large."""

from dataclasses import asdict, replace
from itertools import combinations, pairwise

import pandas as pd
import pytest

from engine import resources
from engine.data.rules import AtMost
from engine.data.schema import DomainSource, Field, FieldType, TableSchema
from engine.errors import PlanError
from engine.pipeline import synthesize
from engine.privacy.plan import SynthesisPlan
from engine.resources import COSTS, Amounts, Resources, amounts, check_memory, estimate_resources, rule_memory
from engine.synthesizers.registry import list_methods
from tests.tables import small_plan

GIB = 2**30


def plan(method="aim", n_columns=10, n_cells=8, **changes):
    fields = tuple(
        Field(f"c{position}", FieldType.STRING, enum=tuple(map(str, range(n_cells))), required=True)
        for position in range(n_columns)
    )
    return SynthesisPlan(schema=TableSchema(fields), method=method, epsilon=1.0, **changes)


def test_pairs_of_cells_are_counted_as_by_hand():
    sizes = (2, 5, 3)
    fields = tuple(
        Field(f"c{size}", FieldType.STRING, enum=tuple(map(str, range(size))), required=True) for size in sizes
    )
    many = SynthesisPlan(schema=TableSchema(fields), method="mst", epsilon=1.0)
    found = amounts(many, 1_000_000)
    assert found.pair_cells == sum(first * second for first, second in combinations(sizes, 2))
    assert found.values == 2_000_000 * 3
    assert found.row_pairs == 1_000_000 * 3


def test_cells_that_cannot_stand_out_from_noise_count_as_merged():
    few, many = (amounts(plan("mst", n_cells=500), n_rows).pair_cells for n_rows in (100, 10_000_000))
    assert few < 0.05 * many


@pytest.mark.parametrize("method", [info.name for info in list_methods()])
def test_more_work_is_never_estimated_as_less(method):
    ladders = [
        [(plan(method), n_rows) for n_rows in (100, 10_000, 1_000_000)],
        [(plan(method, n_columns=n), 10_000) for n in (2, 10, 50, 100)],
        [(plan(method, n_rows=n), 10_000) for n in (1, 10_000, 10_000_000)],
    ]
    for ladder in ladders:
        found = [estimate_resources(*step) for step in ladder]
        for less, more in pairwise(found):
            assert less.seconds <= more.seconds
            assert less.memory_bytes <= more.memory_bytes
        assert found[0].seconds < found[-1].seconds
        assert found[0].memory_bytes < found[-1].memory_bytes


@pytest.mark.parametrize("method", [info.name for info in list_methods() if info.name != "gaussian-copula"])
def test_more_cells_never_take_less_memory(method):
    """They may take less time: noise drowns triples of many cells, so that nobody looks at them."""
    found = [estimate_resources(plan(method, n_cells=n), 10_000).memory_bytes for n in (2, 8, 100)]
    assert found == sorted(found)
    assert found[0] < found[-1]


def test_a_large_file_is_not_held_but_its_synthetic_rows_are():
    few, many = (estimate_resources(plan(n_rows=1_000), n_rows).memory_bytes for n_rows in (10_000_000, 100_000_000))
    assert many < 1.01 * few
    whole = estimate_resources(plan(n_rows=10_000_000), 10_000_000).memory_bytes
    assert whole > few + 8 * 10_000_000 * 10


def test_methods_that_learn_more_take_longer():
    found = [estimate_resources(plan(method, 40), 20_000).seconds for method in ("independent", "mst", "aim")]
    assert found == sorted(found)
    assert found[0] < found[-1]


def test_a_column_to_predict_takes_the_report_longer():
    without = estimate_resources(plan(), 20_000)
    assert estimate_resources(replace(plan(), target="c1"), 20_000).seconds > without.seconds


def test_costs_are_of_amounts_that_there_are_and_none_is_negative():
    known = set(asdict(amounts(plan(), 10)))
    assert known == set(Amounts.__dataclass_fields__)
    assert set(COSTS) == {"seconds", "report_seconds", "bytes", "report_bytes"}
    for costs in COSTS.values():
        assert set(costs) <= known
        assert all(cost >= 0.0 for cost in costs.values())


def test_a_plan_that_cannot_be_priced_is_refused():
    open_domain = TableSchema((Field("a", FieldType.INTEGER, source=DomainSource.DECLARED),))
    with pytest.raises(PlanError, match="'a' needs a minimum"):
        estimate_resources(SynthesisPlan(schema=open_domain, method="mst", epsilon=1.0), 100)


@pytest.mark.parametrize("needed", [0.5, 0.89])
def test_a_run_that_fits_is_let_through(monkeypatch, needed):
    monkeypatch.setattr(resources, "available_memory", lambda: GIB)
    check_memory(Resources(1.0, int(needed * GIB)))


def test_a_run_that_needs_more_is_refused_with_advice(monkeypatch):
    monkeypatch.setattr(resources, "available_memory", lambda: GIB)
    with pytest.raises(PlanError, match=r"about 2,048 MiB of memory, and 922 MiB can be used here now: drop columns"):
        check_memory(Resources(1.0, 2 * GIB))


def test_the_limit_of_a_container_counts(monkeypatch, tmp_path):
    monkeypatch.setattr(resources, "CONTAINER", tmp_path / "none")
    whole = resources.available_memory()
    assert whole > 0
    monkeypatch.setattr(resources, "CONTAINER", tmp_path)
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("700000\n")
    (tmp_path / "memory.stat").write_text("anon 5\ninactive_file 200000\n")
    assert resources.available_memory() == 500_000
    (tmp_path / "memory.max").write_text("max\n")
    assert resources.available_memory() > 500_000


def test_rules_that_need_too_large_a_model_are_refused_before_a_row_is_read(monkeypatch):
    """Four wide columns in a chain lie in one clique: about 64⁴ cells of 8 bytes at least."""
    fields = tuple(Field(name, FieldType.NUMBER, minimum=0.0, maximum=1000.0) for name in "abcd")
    chain = tuple(AtMost(low, high) for low, high in ("ab", "bc", "cd"))
    plan = small_plan(schema=TableSchema(fields, rules=chain))
    assert rule_memory(plan) > 8 * 64**4
    assert rule_memory(small_plan(schema=TableSchema(fields, rules=chain[:1]))) < 2**24
    assert rule_memory(small_plan(schema=TableSchema(fields))) == 0
    monkeypatch.setattr("engine.resources.available_memory", lambda: 2**28)
    with pytest.raises(PlanError, match="rules"):
        synthesize(pd.DataFrame({name: [] for name in "abcd"}), plan)
