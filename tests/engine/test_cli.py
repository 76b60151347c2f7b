"""The command line: one JSON line, exit status 2 and one line for bad input, no cell value anywhere."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.cli import main
from engine.data.export import write_csv, write_parquet
from engine.data.ingest import read_table
from engine.data.samples.make_encounters import SCHEMA_PATH, TABLE_PATH
from engine.data.schema import Field, FieldType, TableSchema
from tests.tables import MARKER, SMALL_SCHEMA, small_table

ROOT = Path(__file__).resolve().parents[2]


def run(capsys, *arguments):
    status = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture
def files(tmp_path):
    write_csv(small_table(), tmp_path / "data.csv")
    SMALL_SCHEMA.save(tmp_path / "schema.json")
    return tmp_path


def synthesize(capsys, folder, *further, data="data.csv", schema="schema.json"):
    return run(
        capsys,
        *("synthesize", folder / data, "--schema", folder / schema),
        *("--out", folder / "out.csv", "--certificate", folder / "cert.json", *further),
    )


def test_the_line(capsys, files):
    status, out, err = synthesize(capsys, files, "--epsilon", 1, "--method", "mst", "--rows", 300, "--sample-seed", 1)
    assert (status, err) == (0, "")
    result = json.loads(out)
    assert out.count("\n") == 1
    assert (result["rows"], result["columns"]) == (300, 4)
    assert result["epsilon"] <= 1.0
    status, out, _ = run(capsys, "recompute", files / "cert.json")
    assert status == 0
    assert json.loads(out)["epsilon"] == result["epsilon"]
    status, out, err = run(
        capsys,
        *("evaluate", "--train", files / "data.csv", "--holdout", files / "data.csv"),
        *("--synthetic", files / "out.csv", "--schema", files / "schema.json"),
        *("--target", "smoker", "--out", files / "report.json"),
    )
    assert (status, err) == (0, "")
    assert json.loads(out)["classification"] == "internal"
    assert json.loads((files / "report.json").read_text())["classification"] == "internal"


def test_profile(capsys, tmp_path):
    status, out, _ = run(capsys, "profile", TABLE_PATH, "--out", tmp_path / "schema.json")
    assert status == 0
    assert json.loads(out)["classification"] == "owner only"
    schema = TableSchema.load(tmp_path / "schema.json")
    assert schema.names == TableSchema.load(SCHEMA_PATH).names
    assert (schema.field("age").source, schema.field("age").maximum) == ("measured", None)
    status, out, err = synthesize(capsys, tmp_path, "--epsilon", 5, data=TABLE_PATH)
    assert (status, err) == (0, "")
    status, out, _ = run(capsys, "profile", TABLE_PATH, "--declare-bounds", "--out", tmp_path / "stated.json")
    assert TableSchema.load(tmp_path / "stated.json").field("age").source == "declared"


def test_sdv_metadata_is_a_schema_too(capsys, files):
    columns = {"age": {"sdtype": "numerical", "computer_representation": "Int64"}, "region": {"sdtype": "categorical"}}
    (files / "sdv.json").write_text(json.dumps({"columns": columns}))
    status, out, err = synthesize(capsys, files, "--epsilon", 5, schema="sdv.json")
    assert (status, err) == (0, "")
    assert json.loads(out)["columns"] == 2


def test_persons(capsys, tmp_path):
    table = small_table()
    table.insert(0, "person", [f"{MARKER}-{row // 4}" for row in range(len(table))])
    write_csv(table, tmp_path / "data.csv")
    TableSchema((Field("person", FieldType.STRING), *SMALL_SCHEMA.fields)).save(tmp_path / "schema.json")
    status, _, err = synthesize(capsys, tmp_path, "--epsilon", 2, "--unit-column", "person", "--max-rows-per-unit", 2)
    assert (status, err) == (0, "")
    assert MARKER not in (tmp_path / "out.csv").read_text() + (tmp_path / "cert.json").read_text()
    status, _, err = synthesize(capsys, tmp_path, "--epsilon", 2, "--unit-column", "person")
    assert status == 2
    assert "--max-rows-per-unit" in err


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_large_files_are_read_and_written_in_parts(capsys, files, monkeypatch, suffix):
    monkeypatch.setattr("engine.data.rows.STREAM_FROM_BYTES", 10)
    monkeypatch.setattr("engine.pipeline.PIECE_ROWS", 100)
    data = f"data.{suffix}"
    if suffix == "parquet":
        write_parquet(small_table(), files / data)
    out = files / f"made.{suffix}"
    status, text, err = run(
        capsys,
        *("synthesize", files / data, "--schema", files / "schema.json", "--epsilon", 1, "--rows", 320),
        *("--out", out, "--certificate", files / "cert.json"),
    )
    assert (status, err) == (0, "")
    result = json.loads(text)
    assert (result["rows"], result["columns"]) == (320, 4)
    assert set(result["seconds"]) == {"reading and encoding", "counting", "fitting", "sampling", "report", "writing"}
    made = read_table(out, schema=SMALL_SCHEMA).table
    assert len(made) == 320
    assert made["age"].dropna().between(0, 99).all()
    assert not list(files.glob("*.part"))


def test_a_share_buys_a_releasable_report(capsys, files):
    report = files / "report.json"
    asked = ("--epsilon", 3, "--target", "smoker", "--evaluation-share", 0.1, "--holdout-share", 0.3)
    status, _, err = synthesize(capsys, files, *asked, "--report", report)
    assert (status, err) == (0, "")
    found = json.loads(report.read_text(encoding="utf-8"))
    assert (found["classification"], found["evaluation_share"]) == ("releasable", 0.1)
    assert found["metrics"]["noisy-distances"]["findings"]
    assert "set aside to test on" not in str(found["metrics"]["noisy-utility"])
    assert found["tables"]["estimated_rows"] < 350
    for wrong in (("--evaluation-share", 0.7), ("--holdout-share", 0.7), ("--holdout-share", -0.1)):
        assert synthesize(capsys, files, "--epsilon", 1, *wrong)[0] == 2


def test_a_method_without_a_guarantee_has_no_releasable_report(capsys, files):
    status, _, err = synthesize(capsys, files, "--method", "gaussian-copula", "--report", files / "report.json")
    assert status == 2
    assert "leave --report out" in err


def test_rows_that_cannot_be_written_leave_no_part(capsys, files, monkeypatch):
    def fail(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.data.export.write_csv", fail)
    status, out, err = synthesize(capsys, files, "--epsilon", 1)
    assert (status, out) == (2, "")
    assert "No space left" in err
    assert sorted(path.name for path in files.iterdir()) == ["data.csv", "schema.json"]


@pytest.mark.parametrize(
    ("further", "expected"),
    [
        (["--epsilon", 0], "ε must be between 0.001 and 100"),
        (["--epsilon", "much"], "invalid float value"),
        ([], "--epsilon"),
        (["--epsilon", 1, "--delta", 1], "δ must be between"),
        (["--epsilon", 1, "--delta", 1e-3, "--declared-rows", 5000], "too large for about 5,000 rows"),
        (["--epsilon", 1, "--method", "magic"], "choose one of aim, mst, independent"),
        (["--epsilon", 1, "--method", "ctgan"], "leave --epsilon out"),
        (["--method", "tvae", "--delta", 1e-6], "no δ either"),
        (["--method", "tvae", "--model", "model.npz"], "leave --model out"),
        (["--epsilon", 1, "--rows", 0], "whole number"),
        (["--epsilon", 1, "--device", "abacus"], "device"),
        (["--epsilon", 1, "--unit-column", "nobody", "--max-rows-per-unit", 1], "no column 'nobody'"),
        (["--epsilon", 1, "--max-rows-per-unit", 2], "neither an id column"),
    ],
)
def test_bad_options(capsys, files, further, expected):
    status, out, err = synthesize(capsys, files, *further)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert expected in err
    assert not (files / "out.csv").exists()


def test_bad_files(capsys, files):
    (files / "bad.csv").write_text(f"age,region,smoker,cost\n1,north,true,{MARKER}\n")
    status, out, err = synthesize(capsys, files, "--epsilon", 1, data="bad.csv")
    assert (status, out) == (2, "")
    assert err == "error: row 1, column 'cost': the value is not a number\n"
    assert synthesize(capsys, files, "--epsilon", 1, data="none.csv")[0] == 2
    assert "is not JSON" in synthesize(capsys, files, "--epsilon", 1, schema="data.csv")[2]


def test_a_forged_certificate(capsys, files):
    synthesize(capsys, files, "--epsilon", 1)
    certificate = json.loads((files / "cert.json").read_text())
    certificate["privacy"]["epsilon"] = 0.1
    (files / "cert.json").write_text(json.dumps(certificate))
    status, out, err = run(capsys, "recompute", files / "cert.json")
    assert (status, out) == (2, "")
    assert "but the certificate states 0.1" in err
    certificate["events"][0]["event"] = {"type": "os.system"}
    (files / "cert.json").write_text(json.dumps(certificate))
    assert "kind that is not known" in run(capsys, "recompute", files / "cert.json")[2]


def test_a_method_without_a_guarantee_says_so_wherever_it_speaks(capsys, files):
    status, out, err = synthesize(capsys, files, "--method", "ctgan", "--rows", 30)
    result = json.loads(out)
    assert status == 0
    assert (result["guarantee"], result["epsilon"], result["delta"]) == ("none", None, None)
    assert result["statement"].startswith("No privacy guarantee:")
    assert err == f"{result['statement']}\n"
    assert len(read_table(files / "out.csv", schema=SMALL_SCHEMA).table) == 30
    status, out, err = run(capsys, "recompute", files / "cert.json")
    again = json.loads(out)
    assert (status, again["guarantee"], again["epsilon"]) == (0, "none", None)
    assert err.startswith("No privacy guarantee:")
    certificate = json.loads((files / "cert.json").read_text())
    certificate["privacy"]["epsilon"] = 1.0
    (files / "cert.json").write_text(json.dumps(certificate))
    status, out, err = run(capsys, "recompute", files / "cert.json")
    assert (status, out) == (2, "")
    assert "no privacy guarantee" in err


def test_as_a_process(files):
    command = [sys.executable, "-m", "engine", "recompute", str(files / "data.csv")]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr == "error: data.csv is not JSON\n"


def test_further_rows_of_a_kept_model(capsys, files):
    status, _, err = synthesize(
        capsys,
        files,
        *("--epsilon", 2, "--method", "aim", "--rows", 50, "--model", files / "model.npz"),
        *("--target", "smoker", "--important", "age", "--important", "region"),
    )
    assert (status, err) == (0, "")
    parameters = json.loads((files / "cert.json").read_text())["method"]["parameters"]
    assert parameters["emphasised"] == ["age", "region", "smoker"]
    drawn = []
    for seed in (1, 1, 2):
        status, out, err = run(
            capsys,
            *("sample", files / "model.npz", "--rows", 70, "--sample-seed", seed, "--out", files / "further.csv"),
            *("--given", "region=south", "--given", "age=33", "--given", "cost="),
        )
        assert (status, err) == (0, "")
        assert json.loads(out)["rows"] == 70
        drawn.append(read_table(files / "further.csv", schema=SMALL_SCHEMA).table)
    assert drawn[0].equals(drawn[1]) and not drawn[0].equals(drawn[2])
    assert set(drawn[0]["region"]) == {"south"} and set(drawn[0]["age"]) == {33}
    assert drawn[0]["cost"].isna().all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rows", 0], "--rows is a whole number between 1"),
        (["--rows", 5, "--given", "colour=red"], "column=value, with the name of a synthesized column"),
        (["--rows", 5, "--given", f"age={MARKER}"], "the value given for column 'age' is not of type integer"),
        (["--rows", 5, "--given", "region=mars"], "column 'region' has no such value"),
    ],
)
def test_a_draw_that_cannot_be_made_says_why(capsys, files, arguments, message):
    assert synthesize(capsys, files, "--epsilon", 1, "--model", files / "model.npz")[0] == 0
    status, out, err = run(capsys, "sample", files / "model.npz", "--out", files / "further.csv", *arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert MARKER not in err and "mars" not in err
    assert not (files / "further.csv").exists()


def test_a_file_that_is_no_model_is_refused(capsys, files):
    status, _, err = run(capsys, "sample", files / "data.csv", "--rows", 5, "--out", files / "further.csv")
    assert status == 2
    assert "data.csv: this is not a model file" in err
