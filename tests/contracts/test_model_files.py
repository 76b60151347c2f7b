"""A saved model draws what the fitted one would draw, holds no private row, and is refused where it is damaged."""

import io
import json
import zipfile
from functools import cache

import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open

from engine.data.rules import AtMost, Combinations
from engine.data.schema import DomainSource, Field, FieldType, TableSchema
from engine.errors import AlreadyFittedError, InputError
from engine.pipeline import synthesize
from engine.synthesizers.deep_state import pack
from engine.synthesizers.junction_tree import JunctionTree
from engine.synthesizers.model_file import load_model, save_model
from engine.synthesizers.registry import list_methods
from tests.tables import MARKER, SMALL_SCHEMA, UNPROTECTED, small_plan, small_table, typed

METHODS = [info.name for info in list_methods() if info.private]

OPEN_SCHEMA = TableSchema(
    (
        *SMALL_SCHEMA.fields,
        Field("ward", FieldType.STRING, source=DomainSource.MEASURED),
        Field("day", FieldType.DATE, source=DomainSource.MEASURED),
        Field("name", FieldType.STRING, treatment="fake", fake_provider="name"),
    )
)


def table_with_marker():
    """A table in which one private cell cannot be stated by any schema or released by any noise."""
    table = small_table(2000)
    table["ward"] = np.where(np.arange(2000) % 3 == 0, "east wing", "west wing")
    table.loc[7, "ward"] = MARKER
    table["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(2000) % 300, unit="D")
    table["name"] = MARKER
    return typed(table, OPEN_SCHEMA)


@cache
def fitted(method):
    plan = small_plan(method, epsilon=20.0, schema=OPEN_SCHEMA, target="smoker")
    return synthesize(table_with_marker(), plan, sample_seed=3).synthesizer


@pytest.fixture(params=METHODS)
def saved(request, tmp_path):
    path = tmp_path / "model.npz"
    save_model(fitted(request.param), path)
    return fitted(request.param), path


def test_the_same_generator_draws_the_same_rows(saved):
    synthesizer, path = saved
    loaded = load_model(path)
    assert type(loaded) is type(synthesizer)
    assert loaded.plan_ == synthesizer.plan_
    assert loaded.domain_report() == synthesizer.domain_report()
    for n_rows in (1, 700):
        expected, found = (each.sample(n_rows, np.random.default_rng(11)) for each in (synthesizer, loaded))
        pd.testing.assert_frame_equal(expected, found)


def test_a_loaded_model_is_saved_as_the_same_bytes(saved, tmp_path):
    _, path = saved
    again = tmp_path / "again.npz"
    save_model(load_model(path), again)
    first, second = arrays_of(path), arrays_of(again)
    assert set(first) == set(second)
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_a_loaded_model_cannot_be_fitted_on_nobodys_charge(saved):
    _, path = saved
    loaded = load_model(path)
    with pytest.raises(AlreadyFittedError):
        loaded.fit(None, loaded.plan_, np.random.default_rng(0))


@pytest.mark.parametrize("method", UNPROTECTED)
def test_a_model_without_a_guarantee_is_not_kept(method, tmp_path):
    """It holds what it took from the rows; a file of it would outlive the run that said so."""
    model = synthesize(small_table(), small_plan(method)).synthesizer
    with pytest.raises(InputError, match="cannot be saved"):
        save_model(model, tmp_path / "model.npz")
    assert not (tmp_path / "model.npz").exists()


def is_mixture(path):
    """Whether a file holds a deep method's mixture, in safetensors."""
    return not zipfile.is_zipfile(path)


def arrays_of(path):
    """All that a model file holds, as arrays."""
    if is_mixture(path):
        with safe_open(path, framework="np") as stored:
            text = np.frombuffer(stored.metadata()["text"].encode(), dtype=np.uint8)
            return {"text": text} | {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    with np.load(path, allow_pickle=False) as stored:
        return dict(stored)


def write_arrays(path, arrays):
    if is_mixture(path):
        described = json.loads(arrays.pop("text").tobytes())
        described.pop("sha256")
        path.write_bytes(pack(described, arrays))
    else:
        np.savez(path, **arrays)


def unpacked(path):
    return {name: array.tobytes() for name, array in arrays_of(path).items()}


def test_no_private_cell_is_in_the_file(saved):
    _, path = saved
    content = unpacked(path)
    assert b"east wing" in b"".join(content.values())  # a category that was learned and charged is there
    assert MARKER.encode() not in b"".join(content.values())
    assert MARKER.encode() not in path.read_bytes()


def test_nothing_in_the_file_is_code(saved):
    _, path = saved
    assert {array.dtype.kind for array in arrays_of(path).values()} <= {"u", "i", "f"}


FOREIGN = {
    "empty": b"",
    "text": b"a,b\n1,2\n",
    "an array": b"",
    "a zip": b"",
    "other arrays": b"",
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_file_is_refused(tmp_path, kind):
    path, buffer = tmp_path / "model.npz", io.BytesIO(FOREIGN[kind])
    if kind == "an array":
        np.save(buffer, np.ones(3))
    elif kind == "a zip":
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("text", "{}")
    elif kind == "other arrays":
        np.savez(buffer, text=np.frombuffer(b"{}", dtype=np.uint8))
    path.write_bytes(buffer.getvalue())
    with pytest.raises(InputError, match=r"model\.npz: this is not a model file"):
        load_model(path)


def test_a_missing_file_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "none.npz")


def damaged_bytes(content):
    rng = np.random.default_rng(5)
    for _ in range(150):
        changed = bytearray(content)
        changed[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
        yield bytes(changed)
    for share in (0.1, 0.5, 0.99):
        yield content[: int(share * len(content))]


@pytest.mark.parametrize("method", ["mst", "dp-tvae"])
def test_a_damaged_file_is_refused_or_draws_the_same_rows(tmp_path, method):
    path = tmp_path / "model.npz"
    save_model(fitted(method), path)
    expected = load_model(path).sample(50, np.random.default_rng(2))
    refused = 0
    for content in damaged_bytes(path.read_bytes()):
        path.write_bytes(content)
        try:
            loaded = load_model(path)
        except InputError:
            refused += 1
            continue
        # a byte that nothing depends on, such as a date in an archive
        pd.testing.assert_frame_equal(loaded.sample(50, np.random.default_rng(2)), expected)
    assert refused > 100


def rewritten(path, name, change):
    parts = arrays_of(path)
    parts[name] = change(parts[name])
    write_arrays(path, parts)


def change_text(**changes):
    def change(text):
        whole = json.loads(text.tobytes()) | changes
        return np.frombuffer(json.dumps(whole).encode(), dtype=np.uint8)

    return change


@pytest.mark.parametrize(
    ("method", "name", "change"),
    [
        ("aim", "beliefs", lambda values: values * 1.01),
        ("aim", "beliefs", lambda values: -values),
        ("aim", "beliefs", lambda values: values[:-1]),
        ("aim", "beliefs", lambda values: values * np.nan),
        ("aim", "weights", lambda values: values - 1e9),
        ("aim", "group_of", lambda values: values + 1),
        ("aim", "edges", lambda values: values[::-1].copy()),
        ("aim", "text", change_text(version=3)),
        ("aim", "one_ways", lambda values: values[:-1]),
        ("aim", "joint", lambda values: values * np.nan),
        ("aim", "text", change_text(released={})),
        ("dp-tvae", "joint", lambda values: values[1:]),
        ("aim", "text", change_text(kind="x")),
        ("aim", "text", change_text(total=-1.0)),
        ("aim", "text", change_text(edges=[])),
        ("aim", "text", change_text(edges=[[0, 0]])),
        ("aim", "text", change_text(columns=[])),
        ("aim", "text", change_text(plan={"schema": {}, "method": "mst", "epsilon": 1.0})),
        ("dp-tvae", "probabilities", lambda values: values * 1.01),
        ("dp-tvae", "probabilities", lambda values: -values),
        ("dp-tvae", "probabilities", lambda values: values[:-1]),
        ("dp-tvae", "probabilities", lambda values: values * np.nan),
        ("dp-tvae", "shares", lambda values: values * 1.01),
        ("dp-tvae", "weights", lambda values: values - 1e9),
        ("dp-tvae", "text", change_text(points=0)),
        ("dp-tvae", "text", change_text(points=10**12)),
        ("dp-tvae", "text", change_text(columns=[])),
        ("dp-tvae", "text", change_text(plan={"schema": {}, "method": "dp-tvae", "epsilon": 1.0})),
    ],
)
def test_a_file_whose_parts_contradict_one_another_is_refused(tmp_path, method, name, change):
    path = tmp_path / "model.npz"
    save_model(fitted(method), path)
    load_model(path)
    rewritten(path, name, change)
    with pytest.raises(InputError, match="damaged"):
        load_model(path)


@pytest.mark.parametrize(
    ("cliques", "edges"),
    [
        ({0: {0, 1}, 1: {1, 2}, 2: {0, 2}}, [(0, 1), (1, 2), (0, 2)]),
        ({0: {0, 1}, 1: {1, 2}}, []),
        ({0: {0, 1}, 1: {2}}, [(0, 5)]),
        ({0: {0, 1}}, []),
        ({0: {0, 1}, 1: {2, 3}}, [(0, 1)]),
        ({0: set(), 1: {0, 1, 2}}, []),
    ],
)
def test_cliques_that_are_no_junction_tree_are_refused(cliques, edges):
    with pytest.raises(ValueError, match=r"clique"):
        JunctionTree.of((2, 2, 2), {key: frozenset(columns) for key, columns in cliques.items()}, edges)


def test_given_values_are_kept_in_rows_of_a_loaded_model(saved):
    _, path = saved
    given = {"region": "south", "age": 33, "cost": None, "day": pd.Timestamp("2024-03-01")}
    rows = load_model(path).sample(300, np.random.default_rng(4), given)
    assert set(rows["region"]) == {"south"} and set(rows["age"]) == {33}
    assert rows["cost"].isna().all()
    assert set(rows["day"]) == {pd.Timestamp("2024-03-01")}


def test_rules_hold_in_rows_of_a_loaded_model(tmp_path):
    rules = (AtMost("low", "high"), Combinations(("ward", "urgent"), (("a", True), ("b", False))))
    schema = TableSchema(
        (
            Field("low", FieldType.INTEGER, minimum=0, maximum=300, source=DomainSource.PUBLIC),
            Field("high", FieldType.INTEGER, minimum=0, maximum=300, source=DomainSource.PUBLIC),
            Field("ward", FieldType.STRING, enum=("a", "b", "c"), source=DomainSource.PUBLIC),
            Field("urgent", FieldType.BOOLEAN, source=DomainSource.PUBLIC),
        ),
        rules=rules,
    )
    rng = np.random.default_rng(0)
    table = pd.DataFrame({name: rng.integers(0, 300, 500) for name in ("low", "high")})
    table = table.assign(ward=rng.choice(["a", "b", "c"], 500), urgent=rng.random(500) < 0.5)
    synthesizer = synthesize(typed(table, schema), small_plan("aim", schema=schema)).synthesizer
    save_model(synthesizer, tmp_path / "model.npz")
    rows = load_model(tmp_path / "model.npz").sample(2000, np.random.default_rng(1)).dropna()
    assert len(rows) > 1000
    assert (rows["low"] <= rows["high"]).all()
    assert set(zip(rows["ward"], rows["urgent"], strict=True)) == {("a", True), ("b", False)}


def test_the_noisy_counts_are_kept_as_they_were_released(saved):
    """Before stretches of noise were cleared: intervals are computed from them."""
    synthesizer, path = saved
    kept = load_model(path).released_
    assert [one_way.counts.tolist() for one_way in kept.one_ways] == [
        one_way.counts.tolist() for one_way in synthesizer.one_ways_
    ]
    assert [one_way.variance for one_way in kept.one_ways] == [one_way.variance for one_way in synthesizer.one_ways_]
    expected = {item.columns: item for item in synthesizer.model_.measurements if len(item.columns) > 1}
    assert {item.columns for item in kept.joint} == set(expected)
    for item in kept.joint:
        assert np.array_equal(item.counts, expected[item.columns].counts)
        assert item.variance == expected[item.columns].variance


def test_a_file_of_the_first_version_draws_rows_and_has_no_counts(saved, tmp_path):
    synthesizer, path = saved
    arrays = arrays_of(path)
    described = json.loads(arrays.pop("text").tobytes()) | {"version": 1}
    del described["released"]
    first = {name: array for name, array in arrays.items() if name not in ("one_ways", "joint")}
    write_arrays(path, first | {"text": np.frombuffer(json.dumps(described).encode(), dtype=np.uint8)})
    loaded = load_model(path)
    assert loaded.released_ is None
    expected, found = (each.sample(50, np.random.default_rng(1)) for each in (synthesizer, loaded))
    pd.testing.assert_frame_equal(expected, found)
    save_model(loaded, tmp_path / "again.npz")
    assert load_model(tmp_path / "again.npz").released_ is None
