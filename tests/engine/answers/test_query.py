"""Questions are checked when they are made, and read from JSON and from a command line alike."""

from datetime import date

import pytest

from engine.answers.query import Condition, Measure, Query, Terms
from engine.data.schema import Field, FieldType
from engine.errors import InputError

AGE = Field("age", FieldType.INTEGER, minimum=0, maximum=99)
REGION = Field("region", FieldType.STRING, enum=("north", "a,b", "1..2"))
DAY = Field("day", FieldType.DATE, minimum=date(2024, 1, 1), maximum=date(2024, 12, 31))
SMOKER = Field("smoker", FieldType.BOOLEAN)
ODD = Field("a=b", FieldType.INTEGER, minimum=0, maximum=9)
FIELDS = (AGE, REGION, DAY, SMOKER, ODD)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("age=30..45", Condition(AGE, None, 30, 45)),
        ("age=30..", Condition(AGE, None, 30, None)),
        ("age=..45", Condition(AGE, None, None, 45)),
        ("age=30,31", Condition(AGE, (30, 31))),
        ("age=", Condition(AGE, (None,))),
        ("age=30,", Condition(AGE, (30, None))),
        ('region=north,"a,b"', Condition(REGION, ("north", "a,b"))),
        ("region=1..2", Condition(REGION, ("1..2",))),
        ("day=2024-02-01..2024-03-01", Condition(DAY, None, date(2024, 2, 1), date(2024, 3, 1))),
        ("smoker=TRUE", Condition(SMOKER, (True,))),
        ("a=b=3", Condition(ODD, (3,))),
    ],
)
def test_conditions_as_a_command_line_states_them(text, expected):
    found = Condition.from_text(text, FIELDS)
    assert found == expected
    assert Condition.from_json(found.to_json(), FIELDS) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("age", "written as column=value"),
        ("height=3", "written as column=value"),
        ("age=old", "not of type integer"),
        ("age=45..30", "ends before it begins"),
        ("age=..", "either values or a range"),
    ],
)
def test_a_condition_that_says_nothing_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        Condition.from_text(text, FIELDS)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("age", "a condition names a column"),
        ({"column": 3}, "a condition names a column"),
        ({"column": "age", "like": 3}, "a condition names a column"),
        ({"column": "age", "values": 3}, "are a list"),
        ({"column": "age", "values": []}, "allows no value"),
        ({"column": "age", "values": [3], "minimum": 1}, "not both"),
        ({"column": "age"}, "either values or a range"),
        ({"column": "region", "minimum": "a"}, "no order"),
        ({"column": "height", "values": [3]}, "no synthesized column 'height'"),
    ],
)
def test_a_malformed_condition_is_refused(value, message):
    with pytest.raises(InputError, match=message):
        Condition.from_json(value, FIELDS)


def test_a_question_is_read_back():
    question = Query(
        Measure.SHARE,
        SMOKER,
        Condition(SMOKER, (True,)),
        where=(Condition(AGE, None, 30, None),),
        by=(REGION,),
    )
    assert Query.from_json(question.to_json(), FIELDS) == question
    assert question.columns == ("age", "region", "smoker")
    short = {"measure": "share", "column": "smoker", "of": {"values": [True]}}
    assert Query.from_json(short, FIELDS).of == Condition(SMOKER, (True,))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "a question has a measure"),
        ({"measure": "median"}, "a question has a measure"),
        ({"measure": ["count"]}, "a question has a measure"),
        ({"measure": "count", "more": 1}, "a question has a measure"),
        ({"measure": "count", "column": "age"}, "names no column"),
        ({"measure": "mean"}, "names no column"),
        ({"measure": "mean", "column": "region"}, "is not a number"),
        ({"measure": "mean", "column": "day"}, "is not a number"),
        ({"measure": "mean", "column": "age", "of": {"values": [3]}}, "those of its own column"),
        ({"measure": "share", "column": "age", "of": {"column": "region", "values": ["north"]}}, "its own column"),
        ({"measure": "count", "by": "region"}, "are lists"),
        ({"measure": "count", "by": ["region", "region"]}, "at most 2 different columns"),
        ({"measure": "count", "by": ["region", "age", "smoker"]}, "at most 2 different columns"),
        ({"measure": "mean", "column": "age", "by": ["age"]}, "both what is asked for and a group"),
        ({"measure": "count", "where": [{"column": "age", "values": [3]}] * 2}, "one condition at most"),
        (
            {
                "measure": "mean",
                "column": "age",
                "by": ["region", "smoker"],
                "where": [{"column": "a=b", "values": [1]}],
            },
            "at most 3 columns",
        ),
    ],
)
def test_a_question_whose_parts_do_not_fit_is_refused(value, message):
    with pytest.raises(InputError, match=message):
        Query.from_json(value, FIELDS)


@pytest.mark.parametrize("confidence", [0.4, 1.0, "0.9", True, float("nan")])
def test_a_confidence_is_a_chance(confidence):
    with pytest.raises(InputError, match=r"from 0\.5 to 0\.999"):
        Terms(confidence)
