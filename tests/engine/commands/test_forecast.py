"""`python -m engine forecast` reads a schema and no rows."""

import json

import pytest

from engine.cli import BAD_INPUT, main
from tests.tables import SMALL_SCHEMA


@pytest.fixture
def schema(tmp_path):
    path = tmp_path / "schema.json"
    SMALL_SCHEMA.save(path)
    return str(path)


def run(capsys, schema, *further, method="mst"):
    """Exit status, result and complaint."""
    status = main(["forecast", "--schema", schema, "--method", method, "--declared-rows", "5000", *further])
    captured = capsys.readouterr()
    return status, json.loads(captured.out) if captured.out else None, captured.err


def test_errors_of_columns_and_a_pair(capsys, schema):
    status, result, _ = run(capsys, schema, "--epsilon", "1")
    assert status == 0
    assert [column["name"] for column in result["columns"]] == list(SMALL_SCHEMA.names)
    assert result["pair"]["measurements"] == 3
    assert "query" not in result


def test_a_chosen_query_and_the_epsilon_for_an_accepted_error(capsys, schema):
    question = ["--query", "region=north,south;smoker=true", "--accept", "80"]
    _, result, _ = run(capsys, schema, "--epsilon", "1", *question)
    assert (result["query"]["columns"], result["query"]["cells"]) == (["region", "smoker"], 2)
    assert len(result["curve"]) == 25
    _, again, _ = run(capsys, schema, *question)
    assert again["epsilon"] == again["epsilon_for_accepted"] == result["epsilon_for_accepted"]
    assert again["query"]["half_width"] <= 80


def test_a_mean_by_group(capsys, schema):
    _, result, _ = run(capsys, schema, "--epsilon", "1", "--mean", "cost", "--by", "region")
    assert (result["query"]["unit"], result["query"]["expected_error_share"]) == ("cost", None)
    assert result["query"]["expected_error"] > 0


def test_a_person_with_several_rows_takes_more_noise(capsys, schema):
    _, row, _ = run(capsys, schema, "--epsilon", "1")
    _, person, _ = run(capsys, schema, "--epsilon", "1", "--unit-column", "age", "--max-rows-per-unit", "4")
    assert person["columns"][-1]["noise_scale"] > 3 * row["columns"][-1]["noise_scale"]


@pytest.mark.parametrize(
    ("further", "words"),
    [
        ([], "--epsilon"),
        (["--epsilon", "1", "--accept", "50"], "--query"),
        (["--epsilon", "1", "--query", "nothing=1"], "column=value"),
        (["--epsilon", "1", "--query", "region=west"], "region"),
        (["--query", "region=north", "--accept", "0.6"], "even ε = 100"),
        (["--epsilon", "1", "--max-rows-per-unit", "3"], "rows per unit"),
    ],
)
def test_what_cannot_be_forecast_takes_one_line(capsys, schema, further, words):
    status, result, complaint = run(capsys, schema, *further)
    assert (status, result) == (BAD_INPUT, None)
    assert words in complaint
    assert len(complaint.splitlines()) == 1


def test_what_is_never_counted_together_has_no_curve(capsys, schema):
    _, result, _ = run(capsys, schema, "--epsilon", "1", "--query", "region=north;smoker=true", method="independent")
    assert result["query"]["expected_error"] is None
    assert result["curve"] == []
