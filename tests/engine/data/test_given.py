"""Fixed values as people write them."""

from datetime import date, datetime

import pytest

from engine.data.given import given_texts, given_values
from engine.data.schema import Field, FieldType
from engine.errors import InputError

FIELDS = [Field(kind.value, kind, source="measured") for kind in FieldType]
FIELDS += [Field("a=b", FieldType.STRING, source="measured"), Field("a", FieldType.STRING, source="measured")]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("string", "north", "north"),
        ("string", "", ""),
        ("boolean", True, True),
        ("boolean", "False", False),
        ("integer", 7, 7),
        ("integer", 7.0, 7),
        ("integer", "-7", -7),
        ("number", "1e3", 1000.0),
        ("number", 2, 2.0),
        ("date", "2024-12-31", date(2024, 12, 31)),
        ("date", datetime(2024, 12, 31, 5), date(2024, 12, 31)),
        ("datetime", "2024-12-31 13:45:00", datetime(2024, 12, 31, 13, 45)),
        ("number", None, None),
    ],
)
def test_a_value_gets_the_type_of_its_column(name, value, expected):
    found = given_values(FIELDS, {name: value})[name]
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("string", 3),
        ("boolean", 1),
        ("boolean", "maybe"),
        ("integer", "3.5"),
        ("integer", 3.5),
        ("integer", True),
        ("integer", float("inf")),
        ("number", "north"),
        ("number", [1]),
        ("date", "31.12.2024"),
        ("date", 20241231),
        ("datetime", "2024-12-31T00:00:00+01:00"),
    ],
)
def test_a_value_of_another_type_is_refused_without_quoting_it(name, value):
    with pytest.raises(InputError, match=f"the value given for column '{name}' is not of type {name}"):
        given_values(FIELDS, {name: value})


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(InputError, match="no synthesized column 'size'"):
        given_values(FIELDS, {"size": 1})


def test_texts_are_split_at_the_longest_name():
    found = given_texts(FIELDS, ["a=b=c=d", "a=x", "integer=3", "string="])
    assert found == {"a=b": "c=d", "a": "x", "integer": 3, "string": None}


@pytest.mark.parametrize(
    ("texts", "message"), [(["size=1"], "column=value"), (["a"], "column=value"), (["a=1", "a=2"], "given twice")]
)
def test_texts_of_another_form_are_refused(texts, message):
    with pytest.raises(InputError, match=message):
        given_texts(FIELDS, texts)
