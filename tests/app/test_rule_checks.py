"""Rules before they are saved: what they can be about, lists of combinations, and edits that would break them."""

from dataclasses import replace

import pytest

from app.errors import InvalidDataError
from app.services import rule_checks
from engine.data.rules import AtMost, Combinations
from engine.data.schema import DomainSource, Field, FieldType, TableSchema, Treatment
from engine.errors import SchemaError

FIELDS = (
    Field("admitted", FieldType.INTEGER, minimum=0, maximum=20),
    Field("discharged", FieldType.INTEGER, minimum=0, maximum=500),
    Field("cost", FieldType.NUMBER, minimum=0, maximum=100),
    Field("day", FieldType.DATE, source=DomainSource.MEASURED),
    Field("ward", FieldType.STRING, enum=("A", "B"), other_value="other"),
    Field("group", FieldType.STRING, enum=("x", "y", "z")),
    Field("urgent", FieldType.BOOLEAN),
    Field("code", FieldType.STRING, source=DomainSource.MEASURED),
)
NAMES = [field.name for field in FIELDS]
PAIRS = Combinations(("ward", "group"), (("A", "x"), ("B", "y")))


def schema(*rules):
    return TableSchema(FIELDS, rules=rules)


def field(name):
    return schema().field(name)


def test_numbers_are_comparable_with_numbers_only():
    assert rule_checks.comparable(schema(), "admitted", NAMES) == ["discharged", "cost"]
    assert rule_checks.comparable(schema(), "day", NAMES) == []
    assert rule_checks.comparable(schema(), "ward", NAMES) == []


def test_columns_that_list_few_values_can_stand_in_a_list():
    assert [name for name in NAMES if rule_checks.choices(field(name))] == ["admitted", "ward", "group", "urgent"]
    assert rule_checks.choices(field("ward")) == ("A", "B", "other")
    assert rule_checks.choices(field("admitted"))[:3] == (0, 1, 2)


def test_only_synthesized_columns_can_be_under_a_rule():
    dropped = schema().replace_field(replace(field("cost"), treatment=Treatment.DROP))
    assert rule_checks.rule_columns(dropped, ["ward", "cost", "admitted"]) == ["admitted", "ward"]


def test_lines_become_a_rule():
    lines = [{"ward": "A", "group": "x"}, {}, {"ward": "B", "group": "y"}, {"ward": "A", "group": "x"}]
    assert rule_checks.combinations_of_lines([field("ward"), field("group")], lines) == PAIRS


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "at least one"),
        ([{"ward": None}], "at least one"),
        ([{"ward": "A", "group": "x"}, {"ward": "A"}], "Line 2 of the list has no value of 'group'"),
        ([{"ward": "C", "group": "x"}], "Line 1 of the list holds a value that column 'ward' does not list"),
    ],
)
def test_lines_that_are_no_list_name_their_place_and_no_value(lines, message):
    with pytest.raises(InvalidDataError, match=message) as refused:
        rule_checks.combinations_of_lines([field("ward"), field("group")], lines)
    assert "'C'" not in refused.value.user_message


def test_a_file_becomes_a_rule_with_typed_values():
    content = b"note;urgent;admitted;ward\nfirst;true;3;A\nsecond;false;4;other\nagain;false;4;other\n"
    rule = rule_checks.combinations_of_file([field("admitted"), field("ward"), field("urgent")], content, "list.csv")
    assert rule == Combinations(("admitted", "ward", "urgent"), ((3, "A", True), (4, "other", False)))
    assert [type(value) for value in rule.rows[0]] == [int, str, bool]
    assert TableSchema.from_json(schema(rule).to_json()).rules == (rule,)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "list.csv: The file is empty"),
        (b"ward\nA\n", "has no column 'group'"),
        (b"ward,group\nA,x\nB,q\n", "Line 2 of the list holds a value that column 'group' does not list"),
        (b"ward,group\nA,x\nB,\n", "Line 2 of the list has no value of 'group'"),
        (b"ward,group\n" + b"A,x\n" * 10_001, "more than 10,000 rows"),
        (b"ward,group\n" + b"A,x" * 2**19, "larger than the limit of 1 MiB"),
    ],
)
def test_a_file_that_is_no_list_is_refused(content, message):
    with pytest.raises(InvalidDataError, match=message):
        rule_checks.combinations_of_file([field("ward"), field("group")], content, "../list.csv")


@pytest.mark.parametrize(
    ("rule", "changed", "reason"),
    [
        (AtMost("admitted", "cost"), Field("cost", FieldType.DATE, source="measured"), "cannot be compared"),
        (PAIRS, Field("group", FieldType.STRING, enum=("x", "z")), "holds a value that column 'group' does not list"),
        (PAIRS, Field("group", FieldType.STRING, source="measured"), "state its values"),
        (PAIRS, Field("group", FieldType.STRING, treatment="drop"), "state its values"),
        (
            AtMost("admitted", "cost"),
            Field("cost", FieldType.NUMBER, treatment="fake", fake_provider="row_number"),
            "is faked",
        ),
        (AtMost("admitted", "cost"), Field("cost", FieldType.NUMBER, minimum=-9, maximum=-1), "no combination"),
    ],
)
def test_an_edit_that_breaks_a_rule_says_which_and_what_to_do(rule, changed, reason):
    with pytest.raises(InvalidDataError) as refused:
        rule_checks.with_field(schema(rule), changed)
    message = refused.value.user_message
    assert reason in message
    assert f"under the rule that {rule.describe()}." in message
    assert message.endswith("Nothing was saved: remove the rule first, or keep the column as it is.")


def test_other_edits_are_let_through():
    whole = schema(AtMost("admitted", "cost"), PAIRS)
    wider = replace(field("cost"), maximum=1000.0)
    assert rule_checks.with_field(whole, wider).field("cost").maximum == 1000.0
    dropped = replace(field("cost"), treatment=Treatment.DROP)
    assert rule_checks.with_field(whole, dropped).rules == whole.rules


def test_a_rule_with_too_many_cells_is_refused_before_they_are_made():
    names = [f"{number}" for number in range(150)]
    wide = tuple(Field(name, FieldType.STRING, enum=tuple(names)) for name in "abc")
    with pytest.raises(InvalidDataError, match="3,442,951 combinations of a, b, c"):
        rule_checks.check_rules_hold(TableSchema(wide, rules=(Combinations(("a", "b", "c"), (("1", "2", "3"),)),)))


def test_too_many_combinations_are_refused():
    values = tuple(str(number) for number in range(101))
    wide = [Field(name, FieldType.STRING, enum=values) for name in "ab"]
    lines = [{"a": first, "b": second} for first in values for second in values]
    with pytest.raises(SchemaError, match="between 1 and 10,000"):
        rule_checks.combinations_of_lines(wide, lines)
