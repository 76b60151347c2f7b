import numpy as np
import pandas as pd
import pytest

from engine.evaluation.predicates import LAST, MISSING, Predicates, SortedRows, code_columns
from tests.engine.evaluation.populations import PEOPLE, people


def random_predicates(codes, n, n_terms, rng):
    """Stretches of codes, half of them negated."""
    columns = np.stack([rng.permutation(len(codes))[:n_terms] for _ in range(n)])
    highest = np.array([column.max() for column in codes])[columns]
    ends = np.sort(rng.integers(MISSING, highest[..., None] + 1, size=(n, n_terms, 2)), axis=2)
    return Predicates(columns, ends[..., 0], ends[..., 1], rng.random((n, n_terms)) < 0.5)


def brute_force(codes, predicates):
    """The only row that satisfies each predicate, row by row; -1 where there is not exactly one."""
    found = []
    for columns, low, high, negated in zip(
        predicates.columns, predicates.low, predicates.high, predicates.negated, strict=True
    ):
        matches = [
            row
            for row in range(len(codes[0]))
            if all(
                (a <= codes[column][row] <= b) != turned
                for column, a, b, turned in zip(columns, low, high, negated, strict=True)
            )
        ]
        found.append(matches[0] if len(matches) == 1 else -1)
    return found


@pytest.mark.parametrize("n_terms", [1, 2, 4])
def test_rows_singled_out_agree_with_brute_force(n_terms):
    rng = np.random.default_rng(n_terms)
    codes = [rng.integers(MISSING, size, 40).astype(np.int32) for size in (3, 40, 15, 2)]
    predicates = random_predicates(codes, 400, n_terms, rng)
    found = SortedRows(codes).only_matches(predicates)
    assert found.tolist() == brute_force(codes, predicates)
    assert 0 < (found >= 0).sum() < 400


def test_codes_follow_the_order_of_numbers_in_all_tables():
    tables = {"one": people(50, 0), "two": people(30, 1)}
    coded = code_columns(PEOPLE.fields, tables)
    score = np.concatenate([table["score3"].to_numpy(dtype=float, na_value=np.nan) for table in tables.values()])
    codes = np.concatenate([columns[3] for columns in coded.values()])
    assert (np.isnan(score) == (codes == MISSING)).all()
    present = ~np.isnan(score)
    assert (codes[present] == pd.Series(score[present]).rank(method="dense").to_numpy() - 1).all()


def test_codes_of_categories_are_alike_in_all_tables():
    tables = {"one": people(50, 0), "two": people(30, 1)}
    coded = code_columns(PEOPLE.fields, tables)
    pairs = {
        pair for name in tables for pair in zip(tables[name]["town"].tolist(), coded[name][4].tolist(), strict=True)
    }
    assert len({code for _, code in pairs}) == len({town for town, _ in pairs}) == len(pairs)


def test_one_predicate_written_in_two_orders_is_one():
    predicates = Predicates(
        np.array([[0, 1], [1, 0], [0, 1]]),
        np.array([[5, 7], [7, 5], [5, 8]]),
        np.array([[LAST, 7], [7, LAST], [LAST, 8]]),
        np.zeros((3, 2), dtype=bool),
    )
    assert predicates.distinct().low.tolist() == [[5, 7], [5, 8]]
    assert len(predicates.join(predicates).distinct()) == 2


def test_parts_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="differ in shape"):
        Predicates(np.zeros((2, 1)), np.zeros((2, 1)), np.zeros((1, 1)), np.zeros((2, 1), dtype=bool))
