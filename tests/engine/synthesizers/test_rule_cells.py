"""Rules as cells: what is allowed is what has a row of values, and decoded rows keep every rule."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from engine.data.encode import table_domain
from engine.data.rules import AtMost, Combinations, ordered
from engine.data.schema import Field, FieldType, TableSchema
from engine.errors import PlanError
from engine.synthesizers.rule_cells import allowed_cells, keep_order


def integer(name, low, high, **options):
    return Field(name, FieldType.INTEGER, minimum=low, maximum=high, **options)


CHAIN = TableSchema(
    (
        integer("first", 0, 999),
        integer("second", -50, 500),
        integer("third", 100, 300),
        Field("weight", FieldType.NUMBER, minimum=0, maximum=5.0, decimals=1),
        Field("grade", FieldType.INTEGER, enum=(2, 150, 800)),
    ),
    rules=(
        AtMost("first", "second"),
        AtMost("second", "third"),
        AtMost("weight", "first"),
        AtMost("first", "grade"),
    ),
)


def random_rows(schema, n_rows, seed):
    """Cells drawn uniformly among the allowed ones."""
    rng = np.random.default_rng(seed)
    domain = table_domain(schema.fields, {})
    codes = [rng.integers(0, size, n_rows).astype(np.int32) for size in domain.sizes]
    keep = np.ones(n_rows, dtype=bool)
    for columns, mask in allowed_cells(domain, schema.rules).items():
        keep &= mask[tuple(codes[column] for column in columns)]
    return domain, [cells[keep] for cells in codes], rng


def violations(table, schema):
    return sum(int((table[low] > table[high]).fillna(False).sum()) for low, high in ordered(schema.rules))


def test_every_row_keeps_a_chain_of_rules():
    domain, codes, rng = random_rows(CHAIN, 200_000, 1)
    table = domain.decode(codes, rng)
    assert len(table) > 1000
    assert violations(table, CHAIN) > 0, "the twin that only decodes must break a rule"
    kept = keep_order(table, codes, domain, CHAIN.rules, rng)
    assert violations(kept, CHAIN) == 0
    assert [str(dtype) for dtype in kept.dtypes] == ["Int64", "Int64", "Int64", "Float64", "Int64"]


def test_values_stay_in_their_cells():
    """Where 0 has a cell of its own, a value drawn again in the bin around it may still be 0."""
    domain, codes, rng = random_rows(CHAIN, 50_000, 2)
    kept = keep_order(domain.decode(codes, rng), codes, domain, CHAIN.rules, rng)
    for column, cells in zip(domain.columns, codes, strict=True):
        other = ~(kept[column.name] == 0).fillna(False).to_numpy(dtype=bool)
        np.testing.assert_array_equal(column.encode(kept[column.name])[other], cells[other])


def test_a_pair_is_allowed_where_some_values_are_in_order():
    schema = TableSchema((integer("low", 0, 5), integer("high", 2, 9)), rules=(AtMost("low", "high"),))
    domain = table_domain(schema.fields, {})
    mask = allowed_cells(domain, schema.rules)[(0, 1)]
    for low, high in product(range(6), range(2, 10)):
        cells = (domain.columns[0].encode(series(low))[0], domain.columns[1].encode(series(high))[0])
        assert mask[cells] == (low <= high)
    assert mask[-1].all()
    assert mask[:, -1].all()


def series(value, dtype="Int64"):
    return pd.Series([value], dtype=dtype)


def test_only_listed_combinations_are_allowed():
    schema = TableSchema(
        (
            Field("code", FieldType.STRING, enum=("a1", "a2", "b1")),
            Field("urgent", FieldType.BOOLEAN, required=True),
            integer("group", 1, 2),
        ),
        rules=(Combinations(("group", "code"), ((1, "a1"), (1, "a2"), (2, "b1"))),),
    )
    domain = table_domain(schema.fields, {})
    masks = allowed_cells(domain, schema.rules)
    assert set(masks) == {(0, 2)}
    expected = np.array([[1, 0, 1], [1, 0, 1], [0, 1, 1], [1, 1, 1]], dtype=bool)
    np.testing.assert_array_equal(masks[(0, 2)], expected)


def test_rules_that_leave_nothing_are_refused():
    nothing = TableSchema((integer("low", 5, 9), integer("high", 0, 3)), rules=(AtMost("low", "high"),))
    with pytest.raises(PlanError, match="no combination"):
        allowed_cells(table_domain(nothing.fields, {}), nothing.rules)


def test_wide_numbers_need_a_list_of_values():
    wide = TableSchema(
        (integer("code", 0, 500), Field("urgent", FieldType.BOOLEAN)),
        rules=(Combinations(("code", "urgent"), ((7, True),)),),
    )
    with pytest.raises(PlanError, match="enum"):
        allowed_cells(table_domain(wide.fields, {}), wide.rules)


def test_a_rule_about_a_column_that_is_not_modelled_is_passed_over():
    assert allowed_cells(table_domain(CHAIN.fields[:1], {}), CHAIN.rules) == {}
