"""The straight line on small tables: output inside the schema, charges inside the envelope."""

import json
import pickle
from datetime import date

import numpy as np
import pandas as pd
import pytest

from engine import pipeline
from engine.certificate import recompute
from engine.data.encode import pandas_dtype
from engine.data.export import write_csv
from engine.data.rows import FileRows
from engine.data.rules import AtMost, Combinations
from engine.data.schema import DomainSource, Field, FieldType, TableSchema, Treatment
from engine.errors import CancelledError, InputError, PlanError
from engine.pipeline import synthesize
from engine.privacy import held_rows, private_table
from engine.privacy.contributions import bound_contributions
from engine.privacy.noise import SecureNoise
from engine.privacy.plan import UnitKind, UnitOfProtection
from engine.privacy.price import price_plan
from engine.synthesizers.registry import default_method
from tests.noise_sources import SeededNoiseThatPassesAsSecure
from tests.tables import MARKER, SMALL_SCHEMA, UNPROTECTED, small_plan, small_table, typed

METHODS = ["aim", "mst", "independent"]


def persons(rows_per_person, n_persons=50):
    table = small_table(n_rows=rows_per_person * n_persons)
    owners = [str(person) for person in range(n_persons) for _ in range(rows_per_person)]
    table.insert(0, "person", pd.Series(owners, dtype="string"))
    schema = TableSchema((Field("person", FieldType.STRING, enum=("x",)), *SMALL_SCHEMA.fields))
    return table, schema


@pytest.mark.parametrize("method", METHODS)
def test_output_is_inside_the_schema(method):
    result = synthesize(small_table(), small_plan(method, epsilon=5.0))
    made = result.synthetic
    assert list(made.columns) == list(SMALL_SCHEMA.names)
    assert made["age"].dropna().between(0, 99).all()
    assert made["cost"].dropna().between(0, 1000).all()
    assert set(made["region"].dropna()) <= {"north", "south", "east"}
    assert made.dtypes.astype(str).tolist() == ["Int64", "string", "boolean", "Float64"]
    assert (made["cost"].dropna() * 100 % 1 < 1e-6).any()


@pytest.mark.parametrize("method", METHODS)
def test_certificate_is_true(method):
    plan = small_plan(method)
    certificate = json.loads(json.dumps(synthesize(small_table(), plan).certificate))
    again = recompute(certificate)
    assert again["agrees"]
    assert again["epsilon"] <= plan.epsilon
    assert again["epsilon"] == pytest.approx(plan.epsilon, rel=1e-6)
    assert certificate["privacy"]["charged_epsilon"] == price_plan(plan).epsilon
    assert certificate["privacy"]["epsilon_zcdp"] >= certificate["privacy"]["epsilon"] * 0.9
    assert {column["name"] for column in certificate["columns"]} == set(SMALL_SCHEMA.names)
    assert all(event["reads"] for event in certificate["events"])


def test_a_changed_event_is_noticed():
    certificate = synthesize(small_table(), small_plan()).certificate
    certificate["events"][0]["event"]["noise_multiplier"] /= 3
    assert not recompute(certificate)["agrees"]


@pytest.mark.parametrize("broken", [{}, [], {"certificate_version": 99}, {"certificate_version": 1}])
def test_what_is_no_certificate(broken):
    with pytest.raises(InputError):
        recompute(broken)


def test_the_count_of_rows_is_noisy():
    """σ of the total is about 5 rows here, so exactness in 12 runs would mean it is read: chance below 1e-9."""
    table = small_table()
    counts = [synthesize(table, small_plan("independent", 0.5)).certificate["rows"]["synthetic"] for _ in range(12)]
    assert len(set(counts)) > 1


def test_rows_on_request():
    assert len(synthesize(small_table(), small_plan(n_rows=17)).synthetic) == 17


def test_the_same_seed_does_not_repeat_the_noise():
    first = synthesize(small_table(), small_plan(n_rows=300), sample_seed=1).synthetic
    second = synthesize(small_table(), small_plan(n_rows=300), sample_seed=1).synthetic
    assert not first.equals(second)


def test_sampling_repeats_with_its_seed():
    model = synthesize(small_table(), small_plan()).synthesizer
    first = model.sample(100, np.random.default_rng(3))
    assert first.equals(model.sample(100, np.random.default_rng(3)))


def test_treatments():
    schema = TableSchema(
        (
            Field("name", FieldType.STRING, treatment=Treatment.FAKE, fake_provider="name"),
            Field("note", FieldType.STRING, treatment=Treatment.DROP),
            *SMALL_SCHEMA.fields,
        )
    )
    table = small_table()
    table.insert(0, "name", pd.Series([f"{MARKER} {row}" for row in range(len(table))], dtype="string"))
    table.insert(1, "note", pd.Series([MARKER] * len(table), dtype="string"))
    result = synthesize(table, small_plan(schema=schema, n_rows=50))
    assert list(result.synthetic.columns) == ["name", *SMALL_SCHEMA.names]
    assert result.synthetic["name"].nunique() > 10
    assert MARKER not in result.synthetic.to_csv() + json.dumps(result.certificate)
    assert not {"name", "note"} & {name for event in result.certificate["events"] for name in event["reads"]}


@pytest.mark.parametrize("method", METHODS)
def test_learned_domains(method):
    schema = TableSchema(
        (
            Field("age", FieldType.INTEGER, source=DomainSource.MEASURED),
            Field("region", FieldType.STRING, source=DomainSource.MEASURED),
            *SMALL_SCHEMA.fields[2:],
        )
    )
    table = small_table(n_rows=5000)
    table.loc[0, "region"] = MARKER
    result = synthesize(table, small_plan(method, epsilon=3.0, schema=schema))
    assert set(result.synthetic["region"].dropna()) <= {"north", "south", "east", "Other"}
    assert {"north", "south", "east"} <= set(result.synthetic["region"].dropna())
    assert result.synthetic["age"].max() <= 127
    assert MARKER not in json.dumps(result.certificate)
    mechanisms = {event["mechanism"] for event in result.certificate["events"]}
    assert {"category_discovery", "numeric_histogram"} <= mechanisms
    assert recompute(result.certificate)["epsilon"] <= 3.0


def test_a_range_that_cannot_be_learned_is_refused(monkeypatch):
    """Noise alone passes for a range in one of twenty runs, so it is the same in every run of this test."""
    monkeypatch.setattr(private_table, "SecureNoise", lambda: SeededNoiseThatPassesAsSecure(1))
    schema = TableSchema((Field("age", FieldType.INTEGER, source=DomainSource.MEASURED),))
    with pytest.raises(PlanError, match="range of column 'age'"):
        synthesize(small_table(n_rows=5)[["age"]], small_plan("independent", 0.01, schema=schema))


def test_missing_column():
    with pytest.raises(InputError, match="'cost'"):
        synthesize(small_table().drop(columns="cost"), small_plan())


@pytest.mark.parametrize("device", ["cuda", "abacus"])
def test_a_device_that_is_not_there(device, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(PlanError, match="device"):
        synthesize(small_table(), small_plan(), device=device)


def test_cancelling_stops_the_run():
    def stop(event):
        raise CancelledError("stopped by its owner")

    with pytest.raises(CancelledError):
        synthesize(small_table(), small_plan(), progress=stop)


def test_progress_only_moves_forward():
    seen = []
    synthesize(small_table(), small_plan(), progress=seen.append)
    fractions = [event.fraction for event in seen]
    assert fractions == sorted(fractions)
    assert {event.stage for event in seen} == {"checking", "measuring", "fitting", "sampling"}


@pytest.mark.parametrize("n_rows", [0, 1, 3])
@pytest.mark.parametrize("method", METHODS)
def test_tiny_tables(method, n_rows):
    assert len(synthesize(small_table().iloc[:n_rows], small_plan(method)).synthetic) >= 1


@pytest.mark.parametrize("method", ["mst", "independent"])
def test_one_column(method):
    schema = TableSchema((SMALL_SCHEMA.fields[1],))
    assert len(synthesize(small_table()[["region"]], small_plan(method, schema=schema)).synthetic) >= 1


def test_a_method_refuses_what_it_cannot_treat():
    with pytest.raises(PlanError, match="at least 2 columns"):
        price_plan(small_plan("aim", schema=TableSchema((SMALL_SCHEMA.fields[1],))))
    wide = TableSchema(tuple(Field(f"c{number}", FieldType.BOOLEAN) for number in range(101)))
    with pytest.raises(PlanError, match="at most 100 columns"):
        price_plan(small_plan("aim", schema=wide))
    assert [default_method(n) for n in (1, 2, 100, 101)] == ["mst", "aim", "aim", "mst"]


def test_persons_keep_at_most_k_rows():
    table, _ = persons(rows_per_person=6)
    unit = UnitOfProtection(UnitKind.PERSON, "person", 2)
    kept = bound_contributions(table, unit, SecureNoise())
    assert kept.groupby("person").size().eq(2).all()
    again = bound_contributions(table, unit, SecureNoise())
    assert not kept.index.equals(again.index)


def test_rows_without_a_person_are_left_out():
    table, _ = persons(rows_per_person=1)
    table.loc[:9, "person"] = pd.NA
    assert len(bound_contributions(table, UnitOfProtection(UnitKind.PERSON, "person", 1), SecureNoise())) == 40


def test_the_persons_id_never_leaves():
    table, schema = persons(rows_per_person=2)
    plan = small_plan(schema=schema, unit=UnitOfProtection(UnitKind.PERSON, "person", 2))
    result = synthesize(table, plan)
    assert "person" not in result.synthetic
    assert result.certificate["events"][0]["sensitivity"] == 2.0
    assert recompute(result.certificate)["epsilon"] <= 1.0


@pytest.mark.parametrize("method", ["aim", "mst", "independent"])
def test_the_certificate_bounds_the_error_of_what_was_measured(method):
    certificate = synthesize(small_table(), small_plan(method)).certificate["uncertainty"]
    assert certificate["confidence"] == 0.95
    measured = [entry for entry in certificate["sets"] if entry["measured"]]
    assert {len(entry["columns"]) for entry in measured} >= ({1} if method == "independent" else {1, 2})
    assert all(entry["distance_at_most"] is None or 0.0 < entry["distance_at_most"] < 1.0 for entry in measured)
    assert all(entry["noise_scale"] > 0.0 for entry in measured)


def spread_over_files(table, folder, monkeypatch):
    """Rows of a file, read in parts, whose cells lie in a file too."""
    monkeypatch.setattr(held_rows, "MEMORY_BYTES", 0)
    monkeypatch.setenv("ENGINE_SCRATCH", str(folder / "scratch"))
    (folder / "scratch").mkdir()
    write_csv(table, folder / "t.csv")
    return FileRows(folder / "t.csv", LEARNED_SCHEMA, chunk_rows=700)


LEARNED_SCHEMA = TableSchema(
    (
        Field("age", FieldType.INTEGER, source=DomainSource.MEASURED),
        Field("region", FieldType.STRING, source=DomainSource.MEASURED),
        *SMALL_SCHEMA.fields[2:],
    )
)


@pytest.mark.parametrize("method", METHODS)
def test_rows_from_a_file(method, tmp_path, monkeypatch):
    table = small_table(n_rows=5000)
    table.loc[0, "region"] = MARKER
    table.loc[1, "cost"] = 777.123456
    rows = spread_over_files(table, tmp_path, monkeypatch)
    result = synthesize(rows, small_plan(method, epsilon=3.0, schema=LEARNED_SCHEMA))
    assert abs(len(result.synthetic) - 5000) < 200
    assert recompute(result.certificate)["epsilon"] <= 3.0
    assert list((tmp_path / "scratch").iterdir()) == []
    kept = pickle.dumps(result.synthesizer) + json.dumps(result.certificate).encode()
    assert MARKER.encode() not in kept
    assert np.float64(777.123456).tobytes() not in kept
    assert list(result.timings) == ["fitting", "reading and encoding", "counting", "sampling", "report"]
    assert min(result.timings.values()) > 0


@pytest.mark.parametrize("stop_at", ["measuring", "fitting"])
def test_nothing_is_left_of_a_run_that_stops(tmp_path, monkeypatch, stop_at):
    rows = spread_over_files(small_table(n_rows=5000), tmp_path, monkeypatch)

    def stop(event):
        if event.stage == stop_at:
            raise CancelledError("stopped by its owner")

    with pytest.raises(CancelledError):
        synthesize(rows, small_plan("aim", epsilon=3.0, schema=LEARNED_SCHEMA), progress=stop)
    assert list((tmp_path / "scratch").iterdir()) == []


def test_rows_are_drawn_in_pieces_of_one_size(monkeypatch):
    monkeypatch.setattr(pipeline, "PIECE_ROWS", 100)
    number = Field("number", FieldType.INTEGER, treatment=Treatment.FAKE, fake_provider="row_number")
    schema = TableSchema((number, *SMALL_SCHEMA.fields))
    table = small_table().assign(number=pd.Series(range(400), dtype="Int64"))
    run = pipeline.fit(table, small_plan(schema=schema, n_rows=501))
    pieces = list(run.pieces())
    assert sorted(map(len, pieces)) == [83, 83, 83, 84, 84, 84]
    assert [value for piece in pieces for value in piece["number"]] == list(range(1, 502))


STAYS = TableSchema(
    (
        Field("start", FieldType.DATE, minimum=date(2020, 1, 1), maximum=date(2022, 12, 31)),
        Field("end", FieldType.DATE, source=DomainSource.MEASURED),
        Field("seen", FieldType.DATETIME, source=DomainSource.MEASURED),
        Field("code", FieldType.STRING, enum=("a1", "a2", "b1"), required=True),
        Field("group", FieldType.STRING, enum=("a", "b"), required=True),
        Field("note", FieldType.STRING, source=DomainSource.MEASURED),
        Field("paid", FieldType.NUMBER, minimum=0.0, maximum=500.0, decimals=1),
        Field("name", FieldType.STRING, treatment="fake", fake_provider="name"),
        Field("id", FieldType.STRING, treatment="drop"),
    ),
    rules=(AtMost("start", "end"), Combinations(("code", "group"), (("a1", "a"), ("a2", "a"), ("b1", "b")))),
)


def stays(n_rows=300):
    rng = np.random.default_rng(0)
    start = pd.Timestamp("2020-02-01") + pd.to_timedelta(rng.integers(0, 900, n_rows), unit="D")
    code = rng.choice(["a1", "a2", "b1"], n_rows)
    table = pd.DataFrame(
        {
            "start": start,
            "end": start + pd.to_timedelta(rng.integers(0, 30, n_rows), unit="D"),
            "seen": start + pd.to_timedelta(rng.integers(0, 96, n_rows) * 15, unit="min"),
            "code": code,
            "group": [value[0] for value in code],
            "note": rng.choice(["ward", "home", None], n_rows),
            "paid": np.round(rng.gamma(2.0, 90.0, n_rows), 1),  # some lie above what the schema states
            "name": MARKER,
            "id": MARKER,
        }
    )
    table.loc[::9, "end"] = pd.NaT
    return typed(table, STAYS)


@pytest.mark.parametrize("method", UNPROTECTED)
def test_without_a_guarantee_output_is_inside_the_schema_too(method):
    made = synthesize(stays(), small_plan(method, schema=STAYS), sample_seed=1).synthetic
    assert len(made) == 300  # the exact number: nothing is promised
    assert list(made.columns) == list(STAYS.names[:-1])
    assert made.dtypes.astype(str).tolist() == [pandas_dtype(field.type) for field in STAYS.fields[:-1]]
    assert made["start"].dropna().between(pd.Timestamp("2020-01-01"), pd.Timestamp("2022-12-31")).all()
    assert made["paid"].between(0, 500).all() and (made["paid"].round(1) == made["paid"]).all()
    assert (made["start"] <= made["end"]).where(made["end"].notna(), True).all()
    assert (made["code"].str[0] == made["group"]).all()
    assert set(made["note"].dropna()) <= {"ward", "home"}
    assert (made["seen"].dropna().dt.second == 0).all()
    assert MARKER not in made.to_csv()


@pytest.mark.parametrize("method", UNPROTECTED)
def test_a_certificate_without_a_guarantee_says_so_and_holds_no_number(method):
    certificate = synthesize(small_table(), small_plan(method), sample_seed=1).certificate
    assert json.loads(json.dumps(certificate, allow_nan=False)) == certificate
    assert certificate["guarantee"] == "none"
    privacy = certificate["privacy"]
    assert privacy.pop("statement").startswith("No privacy guarantee:")
    assert privacy.pop("epsilon_at") == []
    assert set(privacy.values()) == {None}
    assert {column["domain_source"] for column in certificate["columns"]} == {"unprotected"}
    again = recompute(certificate)
    assert (again["guarantee"], again["epsilon"], again["delta"], again["agrees"]) == ("none", None, None, True)
    assert again["statement"].startswith("No privacy guarantee:")


def test_a_certificate_that_hides_unprotected_rows_is_refused():
    """Either the statement or the events may be forged; neither gives an ε."""
    honest = synthesize(small_table(), small_plan()).certificate
    assert (honest["guarantee"], recompute(honest)["guarantee"]) == ("differential privacy", "differential privacy")
    honest["events"].append({**honest["events"][0], "event": {"type": "NonPrivateDpEvent"}})
    with pytest.raises(InputError, match="give no ε at all"):
        recompute(honest)
    forged = synthesize(small_table(), small_plan("gaussian-copula")).certificate
    forged["privacy"]["epsilon"] = 0.0
    assert not recompute(forged)["agrees"]
    forged["privacy"]["epsilon"] = None
    forged["events"] = []
    assert not recompute(forged)["agrees"]
