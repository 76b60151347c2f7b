"""A training's state as bytes: what goes in comes out, and nothing else is taken for one."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save

from engine.data.schema import DomainSource, Field, FieldType, TableSchema
from engine.errors import PlanError
from engine.privacy.budget import Charge
from engine.synthesizers import deep_state
from engine.synthesizers.deep_state import DeepState, pack, unpack
from engine.synthesizers.dp_tvae import DpTvaeSynthesizer
from tests.doors import fit
from tests.tables import SMALL_SCHEMA, small_plan, small_table

MEASURED_SCHEMA = TableSchema(
    (
        Field("ward", FieldType.STRING, source=DomainSource.MEASURED),
        Field("day", FieldType.DATE, source=DomainSource.MEASURED),
        *SMALL_SCHEMA.fields,
    )
)
PLAN = small_plan("dp-tvae", epsilon=8.0, schema=MEASURED_SCHEMA)


@pytest.fixture(scope="module")
def state():
    """The state of a training that has learned cells, groups and pairs, with networks of a few numbers."""
    table = small_table(1000)
    table.insert(0, "ward", pd.Series(["east wing", "Ost-Flügel"] * 500, dtype="string"))
    table.insert(1, "day", pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(1000) % 300, unit="D"))
    found = []

    class Stopped(DpTvaeSynthesizer):
        def _train(self, table, state, progress):
            found.append(state)

    fit(PLAN, table, synthesizer=Stopped)
    networks = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "b optimizer.0.step": np.float32(7)}
    return replace(found[0], networks={name: np.asarray(array) for name, array in networks.items()})


def test_what_goes_in_comes_out(state):
    again = DeepState.from_bytes(state.to_bytes(), PLAN)
    assert again.plan == state.plan
    assert again.domain == state.domain
    assert again.estimated_rows == state.estimated_rows
    assert again.charges == state.charges
    assert [Charge.from_json(charge) for charge in again.charges]
    for first, second in zip(again.groups, state.groups, strict=True):
        assert np.array_equal(first.group_of, second.group_of)
        assert np.array_equal(first.weights, second.weights)
    for first, second in zip(again.one_ways, state.one_ways, strict=True):
        assert np.array_equal(first.counts, second.counts)
        assert first.variance == second.variance
    assert len(again.measured) == len(state.measured) > 0
    for first, second in zip(again.measured, state.measured, strict=True):
        assert first.columns == second.columns
        assert np.array_equal(first.counts, second.counts)
        assert first.variance == second.variance
    assert set(again.networks) == set(state.networks)
    for name, array in state.networks.items():
        assert again.networks[name].dtype == array.dtype
        assert np.array_equal(again.networks[name], array)
        assert again.networks[name].shape == array.shape
    assert again.to_bytes() == state.to_bytes()


def test_another_version_is_refused(state, monkeypatch):
    monkeypatch.setattr(deep_state, "VERSION", 2)
    content = state.to_bytes()
    assert DeepState.from_bytes(content, PLAN)
    monkeypatch.undo()
    with pytest.raises(PlanError, match="start a new run"):
        DeepState.from_bytes(content, PLAN)


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAN, epsilon=7.0),
        replace(PLAN, delta=1e-7),
        replace(PLAN, method="dp-ctgan"),
        replace(PLAN, declared_rows=1000),
        replace(PLAN, n_rows=5),
        small_plan("dp-tvae", epsilon=8.0),
    ],
    ids=["epsilon", "delta", "method", "declared", "rows", "schema"],
)
def test_another_plan_is_refused(state, other):
    with pytest.raises(PlanError, match="another plan"):
        DeepState.from_bytes(state.to_bytes(), other)


def test_what_is_no_state_is_refused(state):
    content = state.to_bytes()
    described, arrays = unpack(content)
    wholes = [
        b"",
        b"x" * 31,
        b"x" * 500,
        content + bytes(32),
        content[:-1],
        content[:-32],
        save({"one": np.zeros(3)}),
        save({"one": np.zeros(3)}, {"text": "[]"}),
        save({"one": np.zeros(3)}, {"text": "{"}),
        pack(described | {"version": None}, arrays),
        pack({**described, "columns": []}, arrays),
        pack({**described, "variances": []}, arrays),
        pack({**described, "estimated_rows": "many"}, arrays),
        pack({**described, "measured": [{"columns": [0, 1], "shape": [10**6, 2]}]}, arrays),
        pack(described, arrays | {"one_ways": arrays["one_ways"][:-1]}),
        pack(described, arrays | {"one_ways": arrays["one_ways"] * np.nan}),
        pack(described, arrays | {"group_of": arrays["group_of"] + 1}),
        pack(described, arrays | {"group_of": np.zeros(3, dtype=np.uint8)}),
        pack(described, {name: array for name, array in arrays.items() if name != "measured"}),
    ]
    for whole in wholes:
        with pytest.raises(PlanError, match="damaged"):
            DeepState.from_bytes(whole, PLAN)


def test_an_array_of_an_unknown_type_is_refused():
    content = save({"one": np.zeros(3, dtype=np.uint8)}, {"text": "{}"})
    with pytest.raises(ValueError, match="unknown type"):
        unpack(content)


def test_arrays_and_text_come_back():
    arrays = {"a": np.arange(3.0), "b": np.zeros((2, 0), dtype=np.int32), "c": np.float32(1.5)}
    described, found = unpack(pack({"name": "Ärzte", "number": 1.25}, arrays))
    assert described == {"name": "Ärzte", "number": 1.25}
    assert {name: (array.dtype, array.shape) for name, array in found.items()} == {
        "a": (np.float64, (3,)),
        "b": (np.int32, (2, 0)),
        "c": (np.float32, ()),
    }


def test_numbers_that_are_none_are_not_written():
    with pytest.raises(ValueError, match="JSON"):
        pack({"number": float("nan")}, {})
