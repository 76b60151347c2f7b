"""The schema as Frictionless JSON, SDV metadata as a source, and what is refused."""

import json
from datetime import date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data.fake import PROVIDERS, fake_column
from engine.data.schema import DomainSource, Field, FieldType, TableSchema, Treatment
from engine.data.sdv_metadata import is_sdv_metadata, schema_from_sdv
from engine.errors import PlanError, SchemaError

FRICTIONLESS = {
    "fields": [
        {"name": "age", "type": "integer", "title": "Age", "constraints": {"minimum": 17, "maximum": 90}},
        {"name": "job", "type": "string", "constraints": {"enum": ["a", "b"], "required": True}, "format": "default"},
        {"name": "city"},
        {"name": "born", "type": "date", "constraints": {"minimum": "1900-01-01", "maximum": "2020-12-31"}},
        {"name": "seen", "type": "datetime"},
        {"name": "member", "type": "boolean"},
        {
            "name": "pay",
            "type": "number",
            "constraints": {"minimum": 0, "maximum": 9.5},
            "x-synthesis": {"domainSource": "public", "atoms": [0], "decimals": 2},
        },
        {"name": "who", "type": "string", "x-synthesis": {"treatment": "fake", "fakeProvider": "name"}},
    ],
    "missingValues": ["", "?"],
    "primaryKey": "who",
}


def test_frictionless_is_read():
    schema = TableSchema.from_json(FRICTIONLESS)
    assert schema.names == ("age", "job", "city", "born", "seen", "member", "pay", "who")
    assert schema.field("born").minimum == date(1900, 1, 1)
    assert schema.field("job").required
    assert schema.missing_values == ("", "?")
    sources = [field.source.value for field in schema.fields]
    assert sources == ["declared", "declared", "measured", "declared", "measured", "declared", "public", "measured"]
    assert schema.field("who").treatment is Treatment.FAKE


def test_round_trip_and_digest(tmp_path):
    schema = TableSchema.from_json(FRICTIONLESS)
    assert TableSchema.from_json(json.loads(json.dumps(schema.to_json()))) == schema
    schema.save(tmp_path / "s.json")
    assert TableSchema.load(tmp_path / "s.json") == schema
    assert schema.digest() == TableSchema.load(tmp_path / "s.json").digest()
    changed = schema.replace_field(Field("age", FieldType.INTEGER, minimum=17, maximum=91))
    assert changed.digest() != schema.digest()


@given(
    st.builds(
        Field,
        name=st.text(min_size=1, max_size=20).filter(str.strip),
        type=st.just(FieldType.INTEGER),
        minimum=st.integers(-(2**53), 0),
        maximum=st.integers(0, 2**53),
        required=st.booleans(),
        source=st.sampled_from(DomainSource),
    )
)
def test_any_field_survives(field):
    assert Field.from_json(json.loads(json.dumps(field.to_json()))) == field


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"name": " "}, "needs a name"),
        ({"minimum": 5, "maximum": 4}, "minimum 5 is above maximum 4"),
        ({"minimum": 0.5}, "a bound is not a integer"),
        ({"minimum": True}, "a bound is not a integer"),
        ({"maximum": 2**60}, "within ±2\\^53"),
        ({"minimum": float("nan")}, "a bound is not"),
        ({"enum": ()}, "enum is empty"),
        ({"enum": (1, 1)}, "names a value twice"),
        ({"enum": ("a",)}, "is not a integer"),
        ({"enum": (1,), "minimum": 0}, "either enum or minimum"),
        ({"type": FieldType.STRING, "minimum": 0}, "has no minimum"),
        ({"type": FieldType.DATE, "enum": ("2020-01-01",)}, "takes minimum and maximum"),
        ({"type": FieldType.DATE, "minimum": datetime(2020, 1, 1)}, "a bound is not a date"),
        ({"treatment": Treatment.FAKE}, "say what to fake"),
        ({"atoms": (7,), "minimum": 0, "maximum": 5}, "within the bounds"),
        ({"type": FieldType.STRING, "atoms": (0,)}, "only numbers have atoms"),
        ({"other_value": "else"}, "only a string has an otherValue"),
        ({"decimals": 2}, "decimals is a whole number"),
        ({"type": FieldType.NUMBER, "decimals": 99}, "decimals is a whole number"),
    ],
)
def test_contradictions(arguments, expected):
    with pytest.raises(SchemaError, match=expected):
        Field(**({"name": "x", "type": FieldType.INTEGER} | arguments))


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"fields": []},
        {"fields": [1]},
        {"fields": [{}]},
        {"fields": [{"name": 3}]},
        {"fields": [{"name": "a", "type": "geopoint"}]},
        {"fields": [{"name": "a"}, {"name": "a"}]},
        {"fields": [{"name": "a", "constraints": []}]},
        {"fields": [{"name": "a", "constraints": {"enum": "abc"}}]},
        {"fields": [{"name": "a", "type": "date", "constraints": {"minimum": "yesterday"}}]},
        {"fields": [{"name": "a", "x-synthesis": {"domainSource": "guess"}}]},
        {"fields": [{"name": "a", "x-synthesis": {"atoms": 3}}]},
        {"fields": [{"name": "a"}], "missingValues": "?"},
        {"fields": [{"name": "a"}], "missingValues": [3]},
        {"fields": [{"name": "a"}], "missingValues": [{"label": "x"}]},
        {"fields": [{"name": "a\ud800"}]},
        {"fields": [{"name": "a", "constraints": {"enum": ["\ud800"]}}]},
        {"fields": [{"name": "a", "constraints": {"enum": [[1], {}]}}]},
        {"fields": [{"name": "a", "title": 3}]},
        {"fields": [{"name": "a", "type": "integer", "constraints": {"minimum": 10**400}}]},
        {"fields": [{"name": "a", "type": "number", "constraints": {"maximum": 10**400}}]},
        {"fields": [{"name": "a", "type": "number", "constraints": {"maximum": "9"}}]},
        {"fields": [{"name": "a", "type": "datetime", "constraints": {"minimum": "2020-01-01T00:00:00Z"}}]},
        {"fields": [{"name": "a", "type": "date", "format": "%d %b %Y"}]},
        {"fields": [{"name": "a", "type": "date", "format": 3}]},
        {"fields": [{"name": "a", "type": ["integer"]}]},
        {"fields": [{"name": "a", "x-synthesis": {"treatment": "fake", "fakeProvider": "password"}}]},
        {"fields": [{"name": "a", "x-synthesis": {"fakeProvider": []}}]},
        {"fields": [{"name": "a", "type": "integer", "x-synthesis": {"atoms": [0.5]}}]},
        {"fields": [{"name": "a", "type": "integer", "x-synthesis": {"atoms": [10**400]}}]},
    ],
)
def test_malformed_json(value):
    with pytest.raises(SchemaError):
        TableSchema.from_json(value)


def test_what_other_tools_write_is_read():
    field = {"name": "d", "type": "date", "format": "any", "rdfType": "x", "constraints": {"unique": True}}
    schema = TableSchema.from_json({"fields": [field], "missingValues": [{"value": "-9", "label": "refused"}, ""]})
    assert schema.missing_values == ("-9", "")
    assert schema.field("d").date_format is None


def test_a_file_that_is_no_json(tmp_path):
    path = tmp_path / "s.json"
    path.write_text("{")
    with pytest.raises(SchemaError, match=r"s\.json is not JSON"):
        TableSchema.load(path)


SDV = {
    "columns": {
        "id": {"sdtype": "id"},
        "age": {"sdtype": "numerical", "computer_representation": "Int64"},
        "pay": {"sdtype": "numerical"},
        "job": {"sdtype": "categorical"},
        "mail": {"sdtype": "email", "pii": True},
        "when": {"sdtype": "datetime", "datetime_format": "%Y-%m-%d"},
        "at": {"sdtype": "datetime", "datetime_format": "%Y-%m-%d %H:%M"},
        "ok": {"sdtype": "boolean"},
        "us": {"sdtype": "datetime", "datetime_format": "%m/%d/%Y"},
        "free": {"sdtype": "datetime"},
        "small": {"sdtype": "numerical", "computer_representation": "UInt8"},
        "note": {"sdtype": "text"},
    },
    "METADATA_SPEC_VERSION": "SINGLE_TABLE_V1",
}


@pytest.mark.parametrize("value", [SDV, {"tables": {"people": SDV}, "METADATA_SPEC_VERSION": "V1"}])
def test_sdv_metadata(value):
    assert is_sdv_metadata(value)
    schema = schema_from_sdv(value)
    assert [field.type.value for field in schema.fields][1:8] == [
        *("integer", "number", "string", "string", "date", "datetime", "boolean"),
    ]
    assert schema.field("id").fake_provider == "uuid4"
    assert schema.field("mail").treatment is Treatment.FAKE
    assert schema.field("note").treatment is Treatment.DROP
    assert schema.field("age").source is DomainSource.MEASURED
    assert (schema.field("us").type, schema.field("us").date_format) == (FieldType.DATE, "%m/%d/%Y")
    assert (schema.field("free").type, schema.field("free").date_format) == (FieldType.DATETIME, None)
    assert schema.field("small").type is FieldType.INTEGER


@pytest.mark.parametrize(
    "value",
    [
        *(
            None,
            3,
            {},
            {"columns": {}},
            {"columns": {"a": {}}},
            {"columns": {"a": "x"}},
            {"columns": {"": {"sdtype": "id"}}},
        ),
        *({"tables": {}}, {"tables": {"a": SDV, "b": SDV}}, {"tables": {"a": []}}),
        {"columns": {"a": {"sdtype": "datetime", "datetime_format": "%d %b %Y"}}},
        {"columns": {"a": {"sdtype": "datetime", "datetime_format": 3}}},
    ],
)
def test_sdv_metadata_that_is_refused(value):
    with pytest.raises(SchemaError):
        schema_from_sdv(value)


def test_running_numbers():
    made = fake_column("row_number", 3, np.random.default_rng(1))
    assert made.tolist() == [1, 2, 3]


def test_long_columns_of_names_repeat_and_codes_do_not():
    names = fake_column("last_name", 6000, np.random.default_rng(1))
    assert (len(names), names.index[-1], names.isna().sum()) == (6000, 5999, 0)
    assert fake_column("uuid4", 6000, np.random.default_rng(1)).is_unique


@pytest.mark.parametrize("provider", [key for key in PROVIDERS if key != "row_number"])
def test_fakes(provider):
    made = fake_column(provider, 30, np.random.default_rng(1))
    assert len(made) == 30
    assert made.str.len().min() > 0
    assert made.equals(fake_column(provider, 30, np.random.default_rng(1)))
    assert not made.equals(fake_column(provider, 30, np.random.default_rng(2)))


def test_an_unknown_fake_is_refused():
    with pytest.raises(PlanError, match="nothing fakes"):
        fake_column("password_of_my_boss", 1, np.random.default_rng(1))
