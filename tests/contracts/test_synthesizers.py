"""What every registered synthesizer promises, whatever it is inside."""

import math
import pickle
from importlib import import_module

import numpy as np
import pandas as pd
import pytest

from engine.data.encode import pandas_dtype, table_domain
from engine.data.schema import DomainSource, Field, FieldType, TableSchema
from engine.errors import AlreadyFittedError, BudgetExceededError, NotFittedError, PlanError
from engine.privacy.accounting import compose_epsilon
from engine.privacy.budget import RunBudget
from engine.privacy.plan import SynthesisPlan
from engine.privacy.price import price_plan
from engine.privacy.private_table import PrivateTable
from engine.synthesizers.base import Synthesizer
from engine.synthesizers.marginals import modelled_fields
from engine.synthesizers.registry import list_methods, method_info, register, synthesizer_class
from tests.doors import RecordingTable, run
from tests.noise_sources import SeededNoiseThatPassesAsSecure
from tests.tables import MARKER, SMALL_SCHEMA, UNPROTECTED, small_plan, small_table

METHODS = [info.name for info in list_methods()]
PRIVATE = [info.name for info in list_methods() if info.private]


def fitted(method, table=None, plan=None, seed=3):
    plan = plan or small_plan(method)
    price = price_plan(plan)
    budget = price.budget() if price.mu_squared is None else RunBudget(price.mu_squared, price.delta_extra)
    noise = SeededNoiseThatPassesAsSecure(seed)
    private = PrivateTable(
        table if table is not None else small_table(), modelled_fields(plan), plan.unit, budget, noise
    )
    model = synthesizer_class(method)()
    returned = model.fit(private, plan, np.random.default_rng(seed))
    return model, returned, budget


@pytest.mark.parametrize("method", METHODS)
def test_the_registry_names_a_synthesizer(method):
    info = method_info(method)
    module, _, name = info.target.partition(":")
    assert issubclass(getattr(import_module(module), name), Synthesizer)
    assert info.title
    assert info.summary.endswith(".")


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="already"):
        register(method_info(METHODS[0]))


@pytest.mark.parametrize("method", METHODS)
def test_making_one_reads_nothing(method):
    assert set(vars(synthesizer_class(method)())) == {"_fitted", "estimated_rows_"}


@pytest.mark.parametrize("method", METHODS)
def test_fit_returns_itself_and_happens_once(method):
    model, returned, _ = fitted(method)
    assert returned is model
    with pytest.raises(AlreadyFittedError):
        model.fit(None, small_plan(method), np.random.default_rng(0))


@pytest.mark.parametrize("method", METHODS)
def test_rows_before_fit_are_refused(method):
    with pytest.raises(NotFittedError):
        synthesizer_class(method)().sample(10, np.random.default_rng(0))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_rows", [0, 1, 777])
def test_samples_have_the_rows_and_types_asked(method, n_rows):
    model, _, _ = fitted(method)
    made = model.sample(n_rows, np.random.default_rng(1))
    assert len(made) == n_rows
    assert [str(dtype) for dtype in made.dtypes] == [pandas_dtype(field.type) for field in SMALL_SCHEMA.fields]


@pytest.mark.parametrize("method", METHODS)
def test_the_same_generator_gives_the_same_rows(method):
    model, _, _ = fitted(method)
    first, second = (model.sample(50, np.random.default_rng(9)) for _ in range(2))
    assert first.equals(second)
    assert not first.equals(model.sample(50, np.random.default_rng(10)))


@pytest.mark.parametrize("method", PRIVATE)
@pytest.mark.parametrize("epsilon", [0.05, 1.0, 8.0])
def test_what_is_spent_is_what_was_priced(method, epsilon):
    plan = small_plan(method, epsilon=epsilon)
    _, _, budget = fitted(method, plan=plan)
    spent = compose_epsilon([charge["event"] for charge in budget.events()], plan.delta)
    assert spent <= price_plan(plan).epsilon * (1 + 1e-9)
    assert spent == pytest.approx(price_plan(plan).epsilon, rel=1e-6)


@pytest.mark.parametrize("method", PRIVATE)
def test_a_smaller_envelope_stops_the_fit(method):
    class Greedy(synthesizer_class(method)):
        """Takes twice what it was given."""

        def _fit_model(self, table, one_ways, spend, progress):
            table.marginal((0,), 1e-3, "one too many")

    with pytest.raises(BudgetExceededError):
        run(small_plan(method), small_table(), door=RecordingTable, synthesizer=Greedy)


@pytest.mark.parametrize("method", PRIVATE)
def test_no_row_is_kept(method):
    """A marker in a text column, and a number that no other row holds, must not be in the pickled model."""
    schema = TableSchema((Field("note", FieldType.STRING, source=DomainSource.MEASURED), *SMALL_SCHEMA.fields))
    table = small_table()
    table.insert(0, "note", [MARKER, *["common"] * (len(table) - 1)])
    table["note"] = table["note"].astype("string")
    table.loc[0, "cost"] = 777.123456
    model, _, _ = fitted(method, table, small_plan(method, schema=schema))
    stored = pickle.dumps(model)
    assert MARKER.encode() not in stored
    assert np.float64(777.123456).tobytes() not in stored
    assert len(stored) < 200_000


@pytest.mark.parametrize("method", [*PRIVATE, "gaussian-copula"])
def test_missing_values_are_synthesized_as_missing(method):
    """About 10 % of 2,000 costs are missing; at ε = 8 noise moves that count by far less than 100 rows."""
    model, _, _ = fitted(method, small_table(n_rows=2000), small_plan(method, epsilon=8.0))
    made = model.sample(2000, np.random.default_rng(2))
    assert abs(made["cost"].isna().mean() - 0.1) < 0.05
    assert made["age"].isna().mean() < 0.02


@pytest.mark.parametrize("name", ["age", "region", "cost"])
@pytest.mark.parametrize("method", [name for name in METHODS if synthesizer_class(name).minimum_columns == 1])
def test_a_single_column_is_synthesized(method, name):
    schema = TableSchema((SMALL_SCHEMA.field(name),))
    model, *_ = fitted(method, small_table()[[name]], small_plan(method, schema=schema))
    assert model.sample(50, np.random.default_rng(0)).shape == (50, 1)


def test_relations_are_kept_by_mst_and_not_by_independent_columns():
    """Region follows age by construction: the share of the young who live north is 1 in the rows."""
    shares = {}
    for method in ("mst", "independent", "gaussian-copula"):
        model, _, _ = fitted(method, small_table(n_rows=3000), small_plan(method, epsilon=8.0))
        made = model.sample(3000, np.random.default_rng(2))
        young = made[made["age"] < 35]
        shares[method] = (young["region"] == "north").mean()
    assert shares["mst"] > 0.9
    assert shares["independent"] < 0.6 < shares["gaussian-copula"]


def test_methods_without_a_guarantee_come_last():
    kinds = [info.private for info in list_methods()]
    assert kinds == sorted(kinds, reverse=True)
    assert {info.name for info in list_methods() if not info.private} >= {"ctgan", "tvae", "gaussian-copula"}


@pytest.mark.parametrize("method", UNPROTECTED)
def test_what_protects_nobody_says_so_and_has_no_epsilon(method):
    model, _, budget = fitted(method)
    events = [charge["event"] for charge in budget.events()]
    assert events == [{"type": "NonPrivateDpEvent"}]
    assert budget.events()[0]["reads"] == list(SMALL_SCHEMA.names)
    assert not math.isfinite(compose_epsilon(events, 1e-6))
    assert model.estimated_rows_ == 400
    price = price_plan(small_plan(method))
    assert (price.epsilon, price.delta, price.mu_squared, price.epsilon_at, price.split) == (None, None, None, (), ())


@pytest.mark.parametrize("method", UNPROTECTED)
def test_a_method_without_a_guarantee_has_no_epsilon_to_ask_for(method):
    plan = SynthesisPlan(schema=SMALL_SCHEMA, method=method, epsilon=1.0)
    with pytest.raises(PlanError, match="no ε: leave it out"):
        price_plan(plan)


@pytest.mark.parametrize("method", PRIVATE)
def test_a_method_with_a_guarantee_needs_an_epsilon_and_never_sees_rows(method):
    with pytest.raises(PlanError, match="needs an ε"):
        price_plan(SynthesisPlan(schema=SMALL_SCHEMA, method=method))

    class Peeking(synthesizer_class(method)):
        """Asks for the rows as they are."""

        def _fit(self, table, plan, rng, progress):
            self.rows_ = table.unprotected_rows("look at the rows")

    with pytest.raises(BudgetExceededError, match="promises a privacy guarantee"):
        run(small_plan(method), small_table(), synthesizer=Peeking)


@pytest.mark.parametrize("method", UNPROTECTED)
def test_nothing_is_measured_with_noise_that_nobody_pays_for(method):
    class Mixed(synthesizer_class(method)):
        """Reads the rows as they are, then pretends to measure with noise."""

        def _fit(self, table, plan, rng, progress):
            table.encode(table_domain(modelled_fields(plan), {}))
            table.marginal((0,), 10.0, "a count")

    with pytest.raises(BudgetExceededError):
        run(small_plan(method), small_table(), synthesizer=Mixed)


@pytest.mark.parametrize("method", UNPROTECTED)
def test_rows_with_fixed_values_are_refused(method):
    model, _, _ = fitted(method)
    with pytest.raises(PlanError, match="fixed values"):
        model.sample(5, np.random.default_rng(0), {"region": "north"})


@pytest.mark.parametrize("method", UNPROTECTED)
def test_a_fit_repeats_where_its_generator_does(method):
    first, second = (fitted(method)[0].sample(40, np.random.default_rng(1)) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    assert not first.equals(fitted(method, seed=4)[0].sample(40, np.random.default_rng(1)))
