"""Public rules: read, written, and refused where they cannot hold."""

import pytest

from engine.data.rules import AtMost, Combinations, ordered
from engine.data.schema import DomainSource, Field, FieldType, TableSchema
from engine.errors import SchemaError


def number(name, kind=FieldType.INTEGER, **options):
    return Field(name, kind, **({"minimum": 0, "maximum": 9} | options))


FIELDS = (
    number("admitted"),
    number("discharged"),
    number("cost", FieldType.NUMBER),
    Field("seen", FieldType.STRING, enum=("yes", "no"), other_value="other"),
    Field("ward", FieldType.STRING, source=DomainSource.MEASURED),
    Field("urgent", FieldType.BOOLEAN),
)


def schema(*rules):
    return TableSchema(FIELDS, rules=rules)


def test_rules_are_written_and_read_back():
    whole = schema(
        AtMost("admitted", "discharged"),
        Combinations(("seen", "urgent"), (("yes", True), ("no", False), ("other", False))),
        Combinations(("admitted", "urgent"), ((3, True),)),
    )
    assert TableSchema.from_json(whole.to_json()) == whole
    assert whole.digest() != schema().digest()


def test_a_schema_without_rules_is_written_as_before():
    assert set(schema().to_json()) == {"fields", "missingValues"}


def test_chains_imply_further_pairs():
    rules = (AtMost("admitted", "discharged"), AtMost("discharged", "cost"))
    assert ordered(rules) == (("admitted", "cost"), ("admitted", "discharged"), ("discharged", "cost"))


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([AtMost("admitted", "nowhere")], "nowhere"),
        ([AtMost("admitted", "seen")], "cannot be compared"),
        ([AtMost("admitted", "discharged"), AtMost("discharged", "admitted")], "below itself"),
        ([Combinations(("ward", "urgent"), (("a", True),))], "state its values"),
        ([Combinations(("cost", "urgent"), ((1.0, True),))], "state its values"),
        ([Combinations(("seen", "urgent"), (("perhaps", True),))], "does not list"),
        ([Combinations(("admitted", "urgent"), ((10, True),))], "does not list"),
    ],
)
def test_rules_that_cannot_hold_are_refused(rules, message):
    with pytest.raises(SchemaError, match=message):
        schema(*rules)


@pytest.mark.parametrize(
    "value",
    [
        "x",
        {},
        {"kind": "at_most", "low": "a"},
        {"kind": "at_most", "low": "admitted", "high": "admitted"},
        {"kind": "combinations", "columns": ["seen"], "rows": [["yes"]]},
        {"kind": "combinations", "columns": ["seen", "urgent"], "rows": []},
        {"kind": "combinations", "columns": ["seen", "urgent"], "rows": [["yes"]]},
        {"kind": "combinations", "columns": ["seen", "urgent"], "rows": [[["yes"], True]]},
        {"kind": "combinations", "columns": ["seen", "seen"], "rows": [["yes", "yes"]]},
    ],
)
def test_malformed_rules_are_refused(value):
    with pytest.raises(SchemaError):
        TableSchema.from_json(schema().to_json() | {"x-synthesis": {"rules": [value]}})


def test_rules_are_a_list():
    with pytest.raises(SchemaError, match="list"):
        TableSchema.from_json(schema().to_json() | {"x-synthesis": {"rules": {}}})


def test_a_rule_says_itself_in_words():
    assert AtMost("a", "b").describe() == "a is at most b"
    assert "2 listed combinations" in Combinations(("a", "b"), ((1, 2), (2, 3))).describe()
