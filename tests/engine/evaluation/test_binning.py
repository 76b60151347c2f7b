from datetime import date

import numpy as np
import pandas as pd

from engine.data.schema import Field, FieldType, TableSchema
from engine.evaluation.binning import N_BINS, OTHER_LABEL, OUTSIDE_LABEL, TOP_CATEGORIES, cut_columns
from tests.tables import typed


def cut(field, train, synthetic):
    schema = TableSchema((field,))
    tables = {
        name: typed(pd.DataFrame({field.name: pd.Series(values, dtype=object)}), schema)
        for name, values in (("train", train), ("synthetic", synthetic))
    }
    return cut_columns(schema.fields, tables)[0]


def test_bounds_of_the_schema_give_twenty_equal_bins():
    cells = cut(Field("x", FieldType.NUMBER, minimum=0.0, maximum=40.0), [0.0, 1.9, 2.0, 40.0, None], [3.0])
    assert len(cells.labels) == N_BINS
    assert cells.labels[0] == "0 – 2"
    assert cells.codes["train"].tolist() == [0, 0, 1, N_BINS - 1, N_BINS]
    assert cells.codes["synthetic"].tolist() == [1]


def test_whole_numbers_get_a_bin_each_where_they_are_few():
    cells = cut(Field("x", FieldType.INTEGER, minimum=1, maximum=5), [1, 2, 5], [3])
    assert cells.labels == ("1", "2", "3", "4", "5")
    assert cells.codes["train"].tolist() == [0, 1, 4]


def test_every_whole_number_falls_into_the_bin_whose_label_names_it():
    cells = cut(Field("x", FieldType.INTEGER, minimum=17, maximum=90), list(range(17, 91)), [17])
    for value, code in zip(range(17, 91), cells.codes["train"], strict=True):
        first, _, last = cells.labels[code].partition(" – ")
        assert int(first) <= value <= int(last or first)


def test_values_outside_the_bounds_get_cells_of_their_own():
    cells = cut(Field("x", FieldType.INTEGER, minimum=1, maximum=3), [0, 1, 3], [4])
    assert cells.labels == ("below 1", "1", "2", "3", "above 3")
    assert cells.codes["train"].tolist() == [0, 1, 3]
    assert cells.codes["synthetic"].tolist() == [4]


def test_a_constant_column_without_bounds_tells_other_values_apart():
    cells = cut(Field("x", FieldType.NUMBER), [5.0, 5.0], [5.0, 6.0])
    assert cells.labels == ("5", "above 5")
    assert cells.codes["synthetic"].tolist() == [0, 1]


def test_a_column_without_any_real_value_has_one_cell_for_values():
    cells = cut(Field("x", FieldType.NUMBER), [None, None], [1.0, None])
    assert cells.codes["train"].tolist() == [1, 1]
    assert cells.codes["synthetic"].tolist() == [0, 1]


def test_dates_are_labelled_as_dates():
    field = Field("d", FieldType.DATE, minimum=date(2020, 1, 1), maximum=date(2020, 1, 3))
    cells = cut(field, [pd.Timestamp("2020-01-03"), pd.NaT], [pd.Timestamp("2020-01-01")])
    assert cells.labels == ("2020-01-01", "2020-01-02", "2020-01-03")
    assert cells.codes["train"].tolist() == [2, 3]


def test_categories_stand_in_the_order_of_the_list():
    cells = cut(Field("c", FieldType.STRING, enum=("z", "a")), ["a", "z", None], ["elsewhere"])
    assert cells.labels == ("z", "a", OUTSIDE_LABEL)
    assert cells.codes["train"].tolist() == [1, 0, 3]
    assert cells.codes["synthetic"].tolist() == [2]


def test_without_a_list_the_most_frequent_categories_come_first():
    values = [f"v{i:02}" for i in range(40) for _ in range(i + 1)]
    cells = cut(Field("c", FieldType.STRING), values, ["v39"])
    assert cells.labels[:2] == ("v39", "v38")
    assert len(cells.labels) == TOP_CATEGORIES + 1
    assert cells.labels[-1] == OTHER_LABEL
    assert (cells.codes["train"] == TOP_CATEGORIES).sum() == sum(range(1, 11))


def test_a_long_list_is_cut_to_its_frequent_categories():
    names = tuple(f"v{i:03}" for i in range(150))
    cells = cut(Field("c", FieldType.STRING, enum=names), ["v149"] * 3 + ["v000"], ["v001"])
    assert cells.labels == ("v149", "v000", OTHER_LABEL)


def test_booleans_have_two_cells():
    cells = cut(Field("b", FieldType.BOOLEAN), [True, None, False], [True])
    assert cells.labels == ("false", "true")
    assert cells.codes["train"].tolist() == [1, 2, 0]


def test_counts_hold_every_row_once():
    cells = cut(Field("x", FieldType.NUMBER), list(np.linspace(0, 1, 50)), [0.5])
    assert cells.counts("train").sum() == 50
    assert cells.size == len(cells.labels) + 1
