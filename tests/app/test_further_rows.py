"""Further rows of a run: free, fresh, as asked for, and for its owner only."""

import io

import pandas as pd
import pytest

from app.errors import InvalidInputError, NotFoundError, UnavailableError
from app.services.further_rows import MOST_VALUES, most_rows
from engine.data.schema import Field, FieldType, TableSchema
from tests.app.builders import ready_dataset, submit
from workers.jobs import do_run

SCHEMA = TableSchema(
    (
        Field("age", FieldType.INTEGER, minimum=0, maximum=99),
        Field("colour", FieldType.STRING, enum=("=blue", "green", "red"), required=True),
        Field("day", FieldType.DATE, source="measured"),
        Field("email", FieldType.STRING, treatment="fake", fake_provider="email"),
        Field("id", FieldType.STRING, treatment="drop"),
    )
)
TABLE = "age,colour,day,email,id\n" + "".join(
    f"{20 + row * 7 % 60},{('=blue', 'green', 'red')[row % 3]},2024-0{1 + row % 9}-11,a@b.example,{row}\n"
    for row in range(300)
)


@pytest.fixture
def run(services, owner):
    dataset_id = ready_dataset(services, owner, cap=10.0, schema=SCHEMA, content=TABLE)
    submitted = submit(services, owner, dataset_id, epsilon=8.0, method="mst")
    do_run(services, submitted.id)
    return services.runs.get(owner, submitted.id)


def draw(services, owner, run, n_rows, given=None, **options):
    return pd.read_csv(io.BytesIO(services.further_rows.draw_csv(owner, run.id, n_rows, given or {}, **options)))


def test_rows_are_fresh_and_cost_nothing(services, owner, run):
    spent = services.ledger.summary(owner, run.dataset_id)
    first, second = (draw(services, owner, run, 400) for _ in range(2))
    assert len(first) == len(second) == 400
    assert list(first.columns) == ["age", "colour", "day", "email"]
    assert not first.equals(second)
    assert services.ledger.summary(owner, run.dataset_id) == spent


def test_fixed_values_hold_in_every_row(services, owner, run):
    given = {"colour": "green", "age": "33", "day": "2024-03-11"}
    rows = draw(services, owner, run, 50, given)
    assert set(rows["colour"]) == {"green"} and set(rows["age"]) == {33} and set(rows["day"]) == {"2024-03-11"}
    assert draw(services, owner, run, 50, {"age": None})["age"].isna().all()


def test_formulas_are_neutralised_unless_it_is_said_otherwise(services, owner, run):
    assert set(draw(services, owner, run, 5, {"colour": "=blue"})["colour"]) == {"'=blue"}
    assert set(draw(services, owner, run, 5, {"colour": "=blue"}, neutralise_formulas=False)["colour"]) == {"=blue"}


def test_columns_say_what_they_can_be(services, owner, run):
    columns = {column.name: column for column in services.further_rows.columns(owner, run.id)}
    assert set(columns) == {"age", "colour", "day"}
    assert columns["colour"].values == ("=blue", "green", "red")
    assert not columns["colour"].can_be_missing
    assert (columns["age"].ends, columns["age"].can_be_missing) == (("0", "99"), True)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"colour": "mauve"}, "no such value"),
        ({"colour": None}, "no such value"),
        ({"age": "old"}, "not of type integer"),
        ({"age": 100}, "no such value"),
        ({"email": "a"}, "no synthesized column 'email'"),
        ({"id": "1"}, "no synthesized column 'id'"),
    ],
)
def test_values_that_no_row_can_have_are_refused(services, owner, run, given, message):
    with pytest.raises(InvalidInputError, match=message) as refused:
        services.further_rows.preview(owner, run.id, given)
    assert "mauve" not in refused.value.user_message


@pytest.mark.parametrize("n_rows", [0, -1, True, "5", 2.0, None, MOST_VALUES])
def test_a_number_that_one_draw_cannot_make_is_refused(services, owner, run, n_rows):
    with pytest.raises(InvalidInputError, match=f"from 1 to {most_rows(5):,} rows"):
        services.further_rows.draw_csv(owner, run.id, n_rows, {})


def test_a_run_without_a_model_says_why(services, owner, stranger, run):
    waiting = submit(services, owner, run.dataset_id, epsilon=0.5)
    with pytest.raises(UnavailableError, match="not finished"):
        services.further_rows.columns(owner, waiting.id)
    with pytest.raises(NotFoundError):
        services.further_rows.draw_csv(stranger, run.id, 5, {})


def test_a_draw_is_in_the_audit_trail_without_its_values(services, owner, run):
    draw(services, owner, run, 7, {"colour": "green"})
    entry = next(line for line in services.audit.list(owner) if line.action == "artifact.draw")
    assert entry.detail == {"rows": 7, "fixed": 1}
    assert "green" not in str(entry)
