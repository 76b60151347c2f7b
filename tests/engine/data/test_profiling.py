"""What the owner sees, what is proposed, and what is flagged."""

import json
from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data.export import write_csv
from engine.data.ingest import read_table
from engine.data.pii import (
    find_by_header,
    is_card_number,
    is_email,
    is_iban,
    is_ip_address,
    is_phone_number,
    is_social_security_number,
)
from engine.data.profiling import TableProfile, profile_table, propose_schema, round_outward
from engine.data.samples.make_encounters import SCHEMA_PATH, TABLE_PATH, encounters_schema, make_encounters
from engine.data.schema import DomainSource, FieldType, TableSchema, Treatment
from tests.tables import MARKER, small_table


def column(values, dtype="string"):
    return profile_table(pd.DataFrame({"x": pd.Series(values, dtype=dtype)})).columns[0]


def kinds(profile):
    return {finding.kind for finding in profile.findings}


def test_numbers():
    found = column([3, 1, None, 10, 10], "Int64")
    assert (found.inferred_type, found.n_rows, found.n_missing, found.n_distinct) == (FieldType.INTEGER, 5, 1, 3)
    assert (found.minimum, found.maximum) == (1, 10)
    assert sum(found.histogram["counts"]) == 4


def test_texts_and_dates():
    found = column(["a", "b", "a", None])
    assert found.top_values == [{"value": "a", "count": 2}, {"value": "b", "count": 1}]
    dated = column(pd.to_datetime(["2020-05-01", "2021-06-30"]), "datetime64[us]")
    assert (dated.inferred_type, dated.minimum, dated.maximum) == (FieldType.DATE, "2020-05-01", "2021-06-30")
    timed = column(pd.to_datetime(["2020-05-01 10:00"]), "datetime64[us]")
    assert timed.inferred_type is FieldType.DATETIME


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "string", "boolean", "datetime64[us]"])
def test_an_empty_column_is_dropped(dtype):
    found = column([None, None], dtype)
    assert found.suggested_treatment is Treatment.DROP
    assert found.suggestion_reason == "the column is empty"


def test_a_profile_is_marked_and_survives_json():
    profile = profile_table(small_table())
    stored = json.loads(json.dumps(profile.to_json(), allow_nan=False))
    assert stored["classification"] == "owner only"
    assert TableProfile.from_json(stored) == profile


def test_a_proposal_takes_no_category_from_the_rows():
    schema = propose_schema(profile_table(small_table()))
    region = schema.field("region")
    assert (region.enum, region.source) == (None, DomainSource.MEASURED)
    assert "north" not in json.dumps(schema.to_json())


def test_proposed_bounds_are_round_and_hold_the_rows():
    table = small_table()
    age = propose_schema(profile_table(table)).field("age")
    assert (age.minimum, age.maximum) == (0, 90)
    assert table["age"].max() == 89
    assert age.source is DomainSource.DECLARED


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (17, 90, (0, 90)),
        (0, 100, (0, 100)),
        (0, 1, (0, 1)),
        (0, 101, (0, 200)),
        (12_285, 1_484_705, (0, 2_000_000)),
        (-3, 4, (-3, 4)),
        (0, 0, (0, 1)),
        (0.1, 0.4, (0, 1)),
        (1990, 2024, (1990, 2030)),
        (35.1, 41.2, (35, 42)),
        (-1000, -995, (-1000, -995)),
        (-7, -7, (-7, -6)),
        (1_000_000, 1_000_000, (0, 1_000_000)),
        (1e-6, 5e-6, (0, 5e-6)),
        (-0.004, -0.003, (-0.004, -0.003)),
    ],
)
def test_round_outward(low, high, expected):
    assert round_outward(low, high) == pytest.approx(expected, rel=1e-9, abs=0)


def test_round_outward_always_covers():
    rng = np.random.default_rng(0)
    for low, width in zip(rng.normal(0, 1e6, 500), rng.exponential(1e5, 500), strict=True):
        lower, upper = round_outward(low, low + width)
        assert lower <= low
        assert upper >= low + width


@given(st.floats(-(2.0**53), 2.0**53), st.floats(-(2.0**53), 2.0**53))
def test_round_outward_covers_any_range(one, other):
    low, high = sorted((one, other))
    lower, upper = round_outward(low, high)
    assert lower <= low <= high <= upper
    assert lower < upper


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1e308, -1e308], "Float64"),
        ([1e17, 1e17 + 16], "Float64"),
        ([5e-324, 0], "Float64"),
        ([1e308, 1e308], "Float64"),
        ([2**62, -(2**62)], "Int64"),
        ([2**63 - 1, -(2**63)], "Int64"),
        ([2**63 - 1], "Int64"),
        ([2**53 + 1, 2**53 + 2], "Int64"),
        ([2**53, -(2**53)], "Int64"),
    ],
)
def test_numbers_at_the_edge_of_what_there_is(values, dtype):
    profile = profile_table(pd.DataFrame({"x": pd.Series(values, dtype=dtype)}))
    found = profile.columns[0]
    assert sum(found.histogram["counts"]) == len(values)
    assert (found.minimum, found.maximum) == (min(values), max(values))
    json.dumps(profile.to_json(), allow_nan=False)
    field = propose_schema(profile).fields[0]
    if field.minimum is None:
        assert field.source is DomainSource.MEASURED
    else:
        assert field.minimum <= min(values) <= max(values) <= field.maximum


@pytest.mark.parametrize("dtype", ["Int64", "Float64"])
def test_histograms_agree_with_numpy(dtype):
    values = np.random.default_rng(5).integers(-1000, 1000, 5000)
    found = column(values, dtype).histogram
    counts, edges = np.histogram(values, bins=20)
    assert found["counts"] == counts.tolist()
    assert found["edges"] == pytest.approx(edges.tolist(), abs=1e-9)


@pytest.mark.parametrize("bound", ["0001-01-01", "9999-12-31"])
def test_dates_at_the_ends_of_the_calendar(bound):
    profile = profile_table(pd.DataFrame({"x": np.array([bound, "2024-02-29"], dtype="datetime64[us]")}))
    field = propose_schema(profile).fields[0]
    assert field.minimum <= date.fromisoformat(bound) <= field.maximum


@pytest.mark.parametrize(
    ("texts", "date_format", "bounds"),
    [
        (["31/12/2024", "1/2/2023"], "%d/%m/%Y", (date(2023, 1, 1), date(2024, 12, 31))),
        (["12/31/2024", "1/2/2023"], "%m/%d/%Y", (date(2023, 1, 1), date(2024, 12, 31))),
        (["31.12.2024 23:59", "01.02.2024 00:00"], "%d.%m.%Y %H:%M", None),
    ],
)
def test_dates_of_another_form_are_recognised_and_read_back(tmp_path, texts, date_format, bounds):
    path = tmp_path / "t.csv"
    path.write_text("k;v\n" + "".join(f"1;{text}\n" for text in [*texts, ""]))
    profile = profile_table(read_table(path).table)
    assert profile.columns[1].n_missing == 1
    schema = propose_schema(TableProfile.from_json(json.loads(json.dumps(profile.to_json()))))
    field = schema.field("v")
    assert field.date_format == date_format
    if bounds is not None:
        assert (field.type, field.minimum, field.maximum) == (FieldType.DATE, *bounds)
    read = read_table(path, schema=schema).table["v"].dropna()
    assert read.tolist() == [datetime.strptime(text, date_format) for text in texts]


def test_dates_that_could_be_two_stay_texts():
    found = column(["1/2/2024", "3/4/2024"])
    assert found.inferred_type is FieldType.STRING
    assert kinds(found) == {"ambiguous date"}
    assert column(["31/12/0000"]).inferred_type is FieldType.STRING


@pytest.mark.parametrize(
    ("texts", "kind", "comma", "top"),
    [
        (["1,5", "2,25", "1.000,5", "7"], FieldType.NUMBER, True, 1000.5),
        (["1,000", "12,000.5", "1,234,567"], FieldType.NUMBER, False, 1_234_567.0),
        (["1,000", "12", "1,234,567"], FieldType.INTEGER, False, 1_234_567),
    ],
)
def test_numbers_with_commas_are_recognised_and_read_back(tmp_path, texts, kind, comma, top):
    path = tmp_path / "t.csv"
    path.write_text("k;v\n" + "".join(f"1;{text}\n" for text in texts))
    profile = profile_table(read_table(path).table)
    assert (profile.columns[1].inferred_type, profile.columns[1].maximum) == (kind, top)
    schema = propose_schema(TableProfile.from_json(json.loads(json.dumps(profile.to_json()))))
    assert schema.field("v").decimal_comma is comma
    assert read_table(path, schema=schema).table["v"].max() == top


@pytest.mark.parametrize("values", [["1,234", "5,678"], ["1,5", "none", "2,5"]])
def test_numbers_that_read_in_two_ways_or_none_stay_texts(values):
    found = column(values)
    assert found.inferred_type is FieldType.STRING
    assert kinds(found) == {"number with commas"}


def test_long_numbers_make_no_overflow():
    wide = [-(2**63) + row for row in range(15)] + [2**63 - 1 - row for row in range(15)]
    assert not column(wide, "Int64").findings


def test_a_mixture_far_down_is_seen():
    found = column(["7"] * 5000 + [MARKER])
    assert kinds(found) == {"mixed types"}
    assert "100 %" in found.findings[0].reason
    assert MARKER not in found.findings[0].reason


def test_codes_with_leading_zeros_are_not_mixed():
    assert not column(["007", "013"] * 40).findings


@pytest.mark.parametrize(
    ("name", "values", "dtype"),
    [("Male", ["Male", "Female"], "string"), ("39", [50, 38], "Int64"), ("2.5", [1.5], "Float64")],
)
def test_a_header_that_looks_like_a_value(name, values, dtype):
    profile = profile_table(pd.DataFrame({name: pd.Series(values, dtype=dtype)}))
    assert "value as its header" in kinds(profile.columns[0])
    assert not kinds(profile_table(pd.DataFrame({"sex": pd.Series(values, dtype=dtype)})).columns[0])


def test_the_profile_says_where_proposed_bounds_come_from():
    assert "private rows" in profile_table(small_table()).to_json()["note"]


def test_the_sample_is_what_its_script_makes(tmp_path):
    read = read_table(TABLE_PATH, schema=encounters_schema()).table
    write_csv(make_encounters(), tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == TABLE_PATH.read_bytes()
    assert TableSchema.load(SCHEMA_PATH) == encounters_schema()
    assert read.shape == (5000, 12)


def test_the_sample_has_dependence_and_missing_values():
    table = make_encounters()
    assert table["smoker"].isna().mean() > 0.05
    stays = table.groupby("severity")["length_of_stay"].mean()
    assert stays["Critical"] > 2 * stays["Low"]


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (is_card_number, ["4111 1111 1111 1111", "5500-0000-0000-0004"], ["4111111111111112", "0" * 16, "12345"]),
        (is_iban, ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432"], ["DE89370400440532013001", "XX00"]),
        (is_ip_address, ["192.168.0.1", "2001:db8::1"], ["192.168.0.256", "1.2.3", "a"]),
        (is_social_security_number, ["123-45-6789"], ["000-45-6789", "123-00-6789", "923-45-6789", "123456789"]),
        (is_email, ["a.b@example.org"], ["a@b", "a b@example.org", "@example.org"]),
        (is_phone_number, ["+49 30 123456", "(555) 123-4567", "555-123-4567"], ["2024-01-31", "12345678", "1.5"]),
    ],
)
def test_shapes(check, good, bad):
    assert all(check(text) for text in good)
    assert not any(check(text) for text in bad)


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("Email", "e-mail address"),
        ("patientName", "person's name"),
        ("first_name", "person's first name"),
        ("MRN", "identifier"),
        ("customer_id", "identifier"),
        ("Phone", "phone number"),
        ("home address", "postal address"),
        ("iban", "IBAN"),
    ],
)
def test_headers(header, kind):
    assert [finding.kind for finding in find_by_header(header)] == [kind]


@pytest.mark.parametrize("header", ["age", "native-country", "brand_names_count", "mobility", "shipping"])
def test_harmless_headers(header):
    assert find_by_header(header) == []


def test_values_are_flagged_with_a_reason_that_quotes_none():
    found = column([f"{MARKER}.{row}@example.org" for row in range(50)])
    assert "e-mail address" in kinds(found)
    assert found.suggested_treatment is Treatment.FAKE
    assert MARKER not in found.suggestion_reason + "".join(finding.reason for finding in found.findings)


def test_identifiers_free_text_and_mixed_types():
    assert kinds(column(range(1000), "Int64")) == {"identifier"}
    assert kinds(column([f"x{row}" for row in range(100)])) == {"identifier"}
    assert "free text" in kinds(column(["a long story about somebody and much of what happened to them"] * 30))
    mixed = column(["1", "2", "3", "many"] * 20)
    assert kinds(mixed) == {"mixed types"}
    assert "75 %" in mixed.findings[0].reason


def test_ordinary_columns_are_not_flagged():
    rng = np.random.default_rng(1)
    assert not column(rng.integers(0, 90, 1000), "Int64").findings
    assert not column(rng.normal(0, 1, 1000), "Float64").findings
    assert not column(rng.choice(["a", "b"], 1000)).findings
