"""`python -m engine interval`, and copies drawn for combining: one JSON line, or exit status 2 and one line."""

import json

import pandas as pd
import pytest

from engine.cli import main
from engine.synthesizers.model_file import save_model
from tests.engine.answers.asking import fitted
from tests.tables import small_table


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.npz"
    save_model(fitted("mst", small_table(1000)), path)
    return path


def run(capsys, *arguments):
    status = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.mark.parametrize(
    ("arguments", "groups"),
    [
        (["--count"], [{}]),
        (["--count", "--by", "smoker"], [{"smoker": False}, {"smoker": True}, {"smoker": None}]),
        (["--share", "smoker=true", "--where", "age=30..60"], [{}]),
        (["--share", "region"], [{"region": name} for name in ("north", "south", "east", None)]),
        (["--mean", "cost", "--where", "cost=10..", "--confidence", "0.9", "--population"], [{}]),
        (["--count", "--where", "region=north,south", "--by", "region"], [{"region": "north"}, {"region": "south"}]),
    ],
)
def test_questions(capsys, model, arguments, groups):
    status, out, err = run(capsys, "interval", model, *arguments)
    assert (status, err, out.count("\n")) == (0, "", 1)
    answers = json.loads(out)
    assert [row["group"] for row in answers["rows"]] == groups
    for row in answers["rows"]:
        assert row["kind"] in ("measured", "bounded")
        assert row["value"] is None or row["low"] <= row["value"] <= row["high"]
    assert answers["confidence"] == (0.9 if "0.9" in arguments else 0.95)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required"),
        (["--count", "--mean", "cost"], "not allowed with"),
        (["--share", ""], "of which column"),
        (["--share", "cost"], "say which values"),
        (["--mean", "region"], "not a number"),
        (["--count", "--by", "height"], "no synthesized column 'height'"),
        (["--count", "--where", "region=west"], "no such value"),
        (["--count", "--where", "region"], "column=value"),
        (["--count", "--confidence", "1"], "from 0.5 to 0.999"),
    ],
)
def test_what_cannot_be_answered_takes_one_line(capsys, model, arguments, message):
    status, out, err = run(capsys, "interval", model, *arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_copies_are_numbered_tables_that_differ(capsys, model, tmp_path):
    arguments = ("sample", model, "--rows", 200, "--copies", 3, "--sample-seed", 1, "--out", tmp_path / "rows.csv")
    status, out, err = run(capsys, *arguments)
    assert (status, err) == (0, "")
    files = [tmp_path / f"rows-{number}.csv" for number in (1, 2, 3)]
    assert json.loads(out)["out"] == [str(file) for file in files]
    copies = [pd.read_csv(file) for file in files]
    assert [len(copy) for copy in copies] == [200, 200, 200]
    assert not copies[0].equals(copies[1]) and not copies[1].equals(copies[2])


@pytest.mark.parametrize("copies", [0, -1, 101])
def test_a_number_of_copies_that_makes_no_sense_is_refused(capsys, model, tmp_path, copies):
    status, _, err = run(capsys, "sample", model, "--rows", 10, "--copies", copies, "--out", tmp_path / "rows.csv")
    assert (status, err.count("\n")) == (2, 1)
    assert "between 1 and 100" in err
    assert not list(tmp_path.iterdir())
