import numpy as np
import pandas as pd
import pytest

from engine.data.schema import Field, FieldType, TableSchema
from engine.errors import CancelledError
from engine.evaluation import neighbours
from engine.evaluation.neighbours import Points, nearest, nearest_without, observed_ranges, stated_ranges, to_points
from tests.tables import typed

SCHEMA = TableSchema(
    (
        Field("dose", FieldType.NUMBER, minimum=0.0, maximum=1.0),
        Field("place", FieldType.STRING, enum=tuple("abc")),
        Field("day", FieldType.DATE),
        Field("visits", FieldType.INTEGER),
    )
)


def rows(n_rows, seed):
    """Rows of SCHEMA, a third of each column missing; visits are few values, so that distances tie."""
    rng = np.random.default_rng(seed)
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 300, n_rows), unit="D")
    table = pd.DataFrame(
        {
            "dose": rng.random(n_rows),
            "place": pd.Series(rng.choice(list("abc"), n_rows), dtype="string"),
            "day": days,
            "visits": rng.integers(-2, 2, n_rows).astype(float),
        }
    )
    return typed(table.mask(rng.random(table.shape) < 0.3), SCHEMA)


def cell_distance(field, a, b, low, high):
    """Gower distance of two cells."""
    if pd.isna(a) or pd.isna(b):
        return float(pd.isna(a) != pd.isna(b))
    if field.type is FieldType.STRING:
        return float(a != b)
    return abs(a - b) / (high - low)


def distance_matrices(left, right):
    """Distances per column, cell by cell, shape (n_columns, n_left, n_right)."""
    found = []
    for field in SCHEMA.fields:
        both = pd.concat([left[field.name], right[field.name]]).dropna()
        low, high = (0.0, 1.0) if field.type is FieldType.STRING else (both.min(), both.max())
        found.append([[cell_distance(field, a, b, low, high) for b in right[field.name]] for a in left[field.name]])
    return np.array(found)


def encoded(left, right):
    tables = {"left": left, "right": right}
    points = to_points(SCHEMA.fields, tables, observed_ranges(SCHEMA.fields, list(tables.values())))
    return points["left"], points["right"]


@pytest.mark.parametrize("block_pairs", [1, 100, 1 << 17])
def test_nearest_rows_agree_with_brute_force(block_pairs, monkeypatch):
    monkeypatch.setattr(neighbours, "_BLOCK_PAIRS", block_pairs)
    left, right = rows(40, 0), rows(37, 1)
    expected = np.sort(distance_matrices(left, right).mean(axis=0), axis=1)[:, :3]
    found = nearest(*encoded(left, right), k=3)
    assert found.distances == pytest.approx(expected, abs=1e-6)
    exact = distance_matrices(left, right).mean(axis=0)
    assert np.take_along_axis(exact, found.indices, axis=1) == pytest.approx(expected, abs=1e-6)
    assert all(len(set(line)) == 3 for line in found.indices)


def test_nearest_rows_without_a_column_agree_with_brute_force():
    left, right = rows(40, 2), rows(37, 3)
    by_column = distance_matrices(left, right)
    found = nearest_without(*encoded(left, right), left_out=[3, 0, 1])
    for column, indices in zip([3, 0, 1], found, strict=True):
        rest = np.delete(by_column, column, axis=0).sum(axis=0)
        assert rest[np.arange(40), indices] == pytest.approx(rest.min(axis=1), abs=1e-5)


def test_of_equally_near_rows_the_first_is_taken():
    one = Points((np.zeros(1, dtype=np.uint8),), (False,))
    many = Points((np.array([1, 0, 0, 0], dtype=np.uint8),), (False,))
    assert nearest(one, many, k=4).indices.tolist() == [[1, 2, 3, 0]]


def test_more_categories_than_a_byte_holds_stay_apart():
    schema = TableSchema((Field("name", FieldType.STRING),))
    table = typed(pd.DataFrame({"name": [f"n{i}" for i in range(600)]}), schema)
    points = to_points(schema.fields, {"a": table}, {})["a"]
    found = nearest(points, points)
    assert (found.indices[:, 0] == np.arange(600)).all()
    assert found.distances.max() == 0.0


def test_a_table_of_a_thousand_columns_does_not_overflow():
    columns = tuple(np.array([0, neighbours.SCALE], dtype=np.int32) for _ in range(1000))
    points = Points(columns, (True,) * 1000)
    assert nearest(points, points, k=2).distances.tolist() == [[0.0, 1.0], [0.0, 1.0]]


def test_a_stated_range_bounds_what_one_number_adds():
    schema = TableSchema((Field("dose", FieldType.NUMBER, minimum=0.0, maximum=10.0), Field("n", FieldType.INTEGER)))
    table = typed(pd.DataFrame({"dose": [0.0, 5.0, 900.0], "n": [1, 1, 3]}), schema)
    ranges = stated_ranges(schema.fields, table)
    assert ranges == {"dose": (0.0, 10.0), "n": (1.0, 3.0)}
    points = to_points(schema.fields, {"all": table}, ranges)["all"]
    assert nearest(points.take(slice(1)), points, k=3).distances[0].tolist() == [0.0, 0.25, 1.0]


def test_a_column_without_values_has_a_range():
    table = typed(pd.DataFrame({"dose": [None], "place": ["a"], "day": [None], "visits": [None]}), SCHEMA)
    assert observed_ranges(SCHEMA.fields, [table])["visits"] == (0.0, 0.0)
    assert stated_ranges(SCHEMA.fields, table)["visits"] == (0.0, 0.0)


def test_rows_that_cannot_be_compared_are_refused():
    column = np.zeros(2, dtype=np.int32)
    with pytest.raises(ValueError, match="0 columns"):
        Points((), ())
    with pytest.raises(ValueError, match="differ in length"):
        Points((column, column[:1]), (True, True))
    with pytest.raises(ValueError, match="3 nearest of 2"):
        nearest(Points((column,), (True,)), Points((column,), (True,)), k=3)


def test_a_search_can_be_stopped():
    def stop(share):
        raise CancelledError(f"stopped at {share}")

    points = Points((np.zeros(2, dtype=np.int32),), (True,))
    with pytest.raises(CancelledError, match=r"stopped at 1\.0"):
        nearest(points, points, advance=stop)
