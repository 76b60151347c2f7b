"""The door: what each call charges, what it refuses, and that rows from a file are treated as rows in memory."""

import gc
import math

import numpy as np
import pandas as pd
import pytest

from engine.data.encode import table_domain
from engine.data.export import write_csv, write_parquet
from engine.data.rows import FileRows
from engine.data.schema import DomainSource, Field, FieldType, TableSchema
from engine.errors import BudgetExceededError, IngestError
from engine.execution import Execution
from engine.privacy import held_rows
from engine.privacy.accounting import compose_epsilon, total_mu
from engine.privacy.budget import RunBudget
from engine.privacy.gaussian_dp import exponential_mechanism_mu
from engine.privacy.plan import UnitKind, UnitOfProtection
from engine.privacy.private_table import PrivateTable
from engine.synthesizers.marginals import discover_range
from tests.noise_sources import SeededNoiseThatPassesAsSecure
from tests.tables import MARKER, SMALL_SCHEMA, small_table

OPEN_SCHEMA = TableSchema(
    (
        Field("age", FieldType.INTEGER, source=DomainSource.MEASURED),
        Field("region", FieldType.STRING, source=DomainSource.MEASURED),
        *SMALL_SCHEMA.fields[2:],
    )
)
DOMAIN = table_domain(SMALL_SCHEMA.fields, {})


def door(table=None, schema=SMALL_SCHEMA, unit=None, budget=1e9, **options):
    table = small_table() if table is None else table
    noise = SeededNoiseThatPassesAsSecure(1)
    return PrivateTable(table, schema.fields, unit or UnitOfProtection(), RunBudget(budget, 1.0), noise, **options)


def encoded(*arguments, **options):
    private = door(*arguments, **options)
    private.encode(DOMAIN)
    return private


@pytest.mark.parametrize(("picks", "k"), [(1, 1), (4, 1), (3, 5)])
def test_picks_are_charged_as_many_draws(picks, k):
    table = small_table().assign(person=pd.Series(range(400), dtype="string"))
    private = encoded(table, unit=UnitOfProtection(UnitKind.PERSON, "person", k))
    pairs = [(0, 1), (0, 2), (1, 2), (2, 3)]
    private.select_many(pairs, lambda pair: np.zeros(1), [0.0] * 4, 0.5, picks, "test", weights=[1.0, 2.0, 1.0, 1.0])
    (charge,) = private.budget.events()
    assert charge["sensitivity"] == 2.0 * k
    assert charge["picks"] == picks
    assert set(charge["reads"]) == set(SMALL_SCHEMA.names)
    mu = exponential_mechanism_mu(0.5)
    assert total_mu([charge["event"]]) == pytest.approx(math.sqrt(picks) * mu, rel=1e-6)
    assert private.budget.used_mu_squared == pytest.approx(picks * mu * mu, rel=1e-6)
    one_by_one = [{"type": "GaussianDpEvent", "noise_multiplier": 1 / mu}] * picks
    assert compose_epsilon([charge["event"]], 1e-6) >= compose_epsilon(one_by_one, 1e-6) * (1 - 1e-9)


def test_without_noise_to_speak_of_the_farthest_are_picked():
    private = encoded()
    pairs = [(0,), (1,), (2,), (3,)]
    estimates = {pair: private._exact_counts(pair) + 100.0 * (pair[0] + 1) for pair in pairs}
    asked = (pairs, estimates.__getitem__, [0.0] * 4, 30.0)
    sizes = np.array(private.sizes)
    farthest = np.argsort(-sizes * np.arange(1, 5)).tolist()
    assert private.select_many(*asked, 3, "test") == farthest[:3]
    assert private.select_many(*asked, 9, "test") == farthest
    allowed = private.select_many(*asked, 4, "test", eligible=lambda index, picked: index % 2 == 0)
    assert allowed == [index for index in farthest if index % 2 == 0]


def test_a_selection_is_asked_properly():
    private = encoded()
    for arguments in (
        ([], None, [], 1.0, 1, "test"),
        ([(0,)], None, [], 1.0, 1, "test"),
        ([(0,)], None, [0.0], 1.0, 1, "test", [1.0, 2.0]),
    ):
        with pytest.raises(ValueError, match=r"nothing to choose|one entry per candidate"):
            private.select_many(*arguments)
    with pytest.raises(ValueError, match="estimates must have"):
        private.select([(0,), (1,)], [np.zeros(1)], [0.0, 0.0], 1.0, "test")
    assert private.budget.events() == []


def test_a_histogram_is_charged_whatever_its_cells():
    table = small_table().assign(person=pd.Series(range(400), dtype="string"))
    private = door(table, unit=UnitOfProtection(UnitKind.PERSON, "person", 3))
    noisy = private.histogram("age", [-np.inf, 20, 30], [10, 25, np.inf], 1e-3, "look")
    ages = table["age"]
    assert noisy.tolist() == [(ages < 10).sum(), ages.between(20, 24).sum(), (ages >= 30).sum()]
    (charge,) = private.budget.events()
    assert (charge["mechanism"], charge["purpose"], charge["reads"]) == ("numeric_histogram", "look", ["age"])
    assert (charge["sensitivity"], charge["noise_scale"]) == (3.0, 1e-3)
    assert total_mu([charge["event"]]) == pytest.approx(3.0 / 1e-3)


@pytest.mark.parametrize(
    ("lower", "upper"),
    [
        ([], []),
        ([0.0], [0.0]),
        ([0.0, 1.0], [2.0, 3.0]),
        ([1.0, 0.0], [2.0, 1.0]),
        ([0.0], [1.0, 2.0]),
        ([math.nan], [1]),
    ],
)
def test_cells_that_overlap_are_refused(lower, upper):
    private = door()
    with pytest.raises(ValueError, match="cells"):
        private.histogram("age", lower, upper, 1.0, "look")
    assert private.budget.events() == []


def test_charges_come_before_rows():
    private = encoded(budget=1e-9)
    with pytest.raises(BudgetExceededError):
        private.select_many([(0,)], lambda pair: pytest.fail("the rows were counted"), [0.0], 1.0, 1, "test")
    private = door(budget=1e-9)
    with pytest.raises(BudgetExceededError):
        private.histogram("age", [0.0], [1.0], 1.0, "look")


def test_a_closed_door_reads_nothing():
    with encoded() as private:
        assert private.marginal((0,), 1.0, "test").shape == (DOMAIN.sizes[0],)
        with pytest.raises(ValueError, match="values are gone"):
            private.histogram("age", [0.0], [1.0], 1.0, "look")
    with pytest.raises(ValueError, match="encode the table"):
        private.marginal((0,), 1.0, "test")
    with pytest.raises(ValueError, match="encode the table"):
        door().marginal((0,), 1.0, "test")


@pytest.fixture(params=["t.csv", "t.parquet"])
def file_rows(request, tmp_path):
    """Makes rows of a file that holds a table."""

    def make(table, schema):
        path = tmp_path / request.param
        (write_csv if path.suffix == ".csv" else write_parquet)(table, path)
        return FileRows(path, schema, chunk_rows=33)

    return make


def released(private):
    """Everything that an open table can be asked, then everything of an encoded one."""
    edges = np.array([0.0, 20.0, 40.0, 60.0, 80.0, 100.0])
    found = [
        private.discover_categories("region", 1.0, 1e-3),
        discover_range(private, "age", edges, 1.0),
        private.histogram("cost", [0.0, 300.0], [100.0, np.inf], 1.0, "look").tolist(),
    ]
    private.encode(DOMAIN)
    private.merge_cells(0, (np.arange(DOMAIN.sizes[0]) // 5).astype(np.int32))
    found += [private.marginal(columns, 2.0, "test").tolist() for columns in [(0,), (0, 1), (1, 2, 3), (3,)]]
    pairs = [(0, 1), (0, 2), (2, 3)]
    return [*found, private.select_many(pairs, lambda pair: np.zeros(1), [0.0] * 3, 0.01, 2, "test")]


@pytest.mark.parametrize("memory_bytes", [0, 2**26])
def test_rows_of_a_file_are_treated_as_rows_in_memory(file_rows, tmp_path, monkeypatch, memory_bytes):
    monkeypatch.setattr(held_rows, "MEMORY_BYTES", memory_bytes)
    table = small_table()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with door(file_rows(table, OPEN_SCHEMA), OPEN_SCHEMA, execution=Execution(scratch=scratch)) as private:
        from_file = released(private)
        assert list(scratch.iterdir())
    assert list(scratch.iterdir()) == []
    assert from_file == released(door(table, OPEN_SCHEMA))


def with_persons():
    table = small_table()
    table.insert(0, "person", pd.Series([f"p{row // 4}" for row in range(len(table))], dtype="string"))
    return table, TableSchema((Field("person", FieldType.STRING), *SMALL_SCHEMA.fields))


def test_persons_of_a_file_keep_k_rows(file_rows):
    table, schema = with_persons()
    unit = UnitOfProtection(UnitKind.PERSON, "person", 2)
    private = PrivateTable(
        file_rows(table, schema), SMALL_SCHEMA.fields, unit, RunBudget(1e9), SeededNoiseThatPassesAsSecure(1)
    )
    private.encode(DOMAIN)
    assert private._exact_counts((1,)).sum() == 200


def test_nothing_is_left_of_a_table_that_cannot_be_read(tmp_path):
    (tmp_path / "t.csv").write_text("age,region,smoker,cost\n" + "1,north,true,1\n" * 99 + f"{MARKER},north,true,1\n")
    rows = FileRows(tmp_path / "t.csv", SMALL_SCHEMA, chunk_rows=10)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with (
        pytest.raises(IngestError, match="row 100, column 'age'"),
        door(rows, execution=Execution(scratch=scratch)) as private,
    ):
        private.encode(DOMAIN)
    assert list(scratch.iterdir()) == []
    unit = UnitOfProtection(UnitKind.PERSON, "age", 1)
    with pytest.raises(IngestError, match="row 100, column 'age'"):
        door(rows, unit=unit, execution=Execution(scratch=scratch))
    assert list(scratch.iterdir()) == []


def test_nothing_is_left_of_a_table_that_nobody_closes(tmp_path):
    private = encoded(execution=Execution(scratch=tmp_path))
    assert list(tmp_path.iterdir())
    del private
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def unprotected_door(table, schema=SMALL_SCHEMA, unit=None):
    noise = SeededNoiseThatPassesAsSecure(1)
    return PrivateTable(table, schema.fields, unit or UnitOfProtection(), RunBudget.unprotected(), noise)


def test_rows_as_they_are_come_only_from_a_budget_that_was_opened_for_it():
    private = unprotected_door(small_table())
    rows = private.unprotected_rows("compare")
    pd.testing.assert_frame_equal(rows, small_table())
    (charge,) = private.budget.events()
    assert (charge["mechanism"], charge["event"]) == ("unprotected_rows", {"type": "NonPrivateDpEvent"})
    assert charge["reads"] == list(SMALL_SCHEMA.names)
    assert (charge["sensitivity"], charge["noise_scale"], charge["rho"]) == (None, None, None)
    assert compose_epsilon([charge["event"]], 1e-6) == math.inf


@pytest.mark.parametrize("budget", [0.0, 1.0, 1e9])
def test_no_other_budget_lets_them_out_however_large_it_is(budget):
    private = door(budget=budget)
    with pytest.raises(BudgetExceededError, match="promises a privacy guarantee"):
        private.unprotected_rows("peek")
    assert private.budget.events() == []


def test_a_budget_without_a_guarantee_pays_for_no_mechanism():
    private = unprotected_door(small_table())
    private.encode(DOMAIN)
    with pytest.raises(BudgetExceededError):
        private.marginal((0,), 10.0, "count")
    with pytest.raises(ValueError, match="values are gone"):
        private.unprotected_rows("too late")


def test_rows_of_a_person_are_bounded_before_they_are_read():
    table, _ = with_persons()
    rows = unprotected_door(table, unit=UnitOfProtection(UnitKind.PERSON, "person", 2)).unprotected_rows("compare")
    assert list(rows.columns) == list(SMALL_SCHEMA.names)
    assert (len(table), len(rows)) == (400, 200)


def test_rows_of_a_file_come_out_typed(file_rows):
    rows = unprotected_door(file_rows(small_table(), OPEN_SCHEMA), OPEN_SCHEMA).unprotected_rows("compare")
    assert len(rows) == 400
    assert rows.dtypes.astype(str).tolist() == ["Int64", "string", "boolean", "Float64"]
