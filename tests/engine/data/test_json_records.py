"""JSON read piece by piece is the JSON that was written."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.data import cells, json_records
from engine.data.ingest import IngestLimits, read_table
from engine.data.profiling import profile_table
from engine.data.schema import Field, FieldType, TableSchema
from engine.errors import IngestError
from tests.tables import MARKER

SCALARS = st.none() | st.integers(-(2**63) + 1, 2**63 - 1) | st.text(max_size=9)
RECORDS = st.lists(st.dictionaries(st.sampled_from("abc"), SCALARS, min_size=1), min_size=1, max_size=9)


@pytest.fixture
def tiny_blocks(monkeypatch):
    """Blocks and batches so small that everything is cut somewhere."""
    monkeypatch.setattr(json_records, "_BLOCK_CHARACTERS", 3)
    monkeypatch.setattr(cells, "_BATCH_ROWS", 2)


def write(folder, text, name="t.json"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(RECORDS, st.sampled_from(["{}", '{{"data": {}}}', '{{"n": 1, "x": [{{}}], "records" : {} }}', " \n{}\n"]))
def test_every_record_is_read(tmp_path, tiny_blocks, records, frame):
    path = write(tmp_path, frame.format(json.dumps(records, indent=1)))
    with path.open(encoding="utf-8") as file:
        assert list(json_records._Reader(file).records()) == records


def test_a_number_is_not_cut_at_the_end_of_a_block(tmp_path, tiny_blocks):
    numbers = [1234567, 89, 1.5e10, -3]
    path = write(tmp_path, json.dumps([{"a": number} for number in numbers]))
    assert read_table(path).table["a"].tolist() == numbers


@pytest.mark.parametrize("name", ["t.json", "t.jsonl"])
def test_a_record_that_never_ends_is_refused_early(tmp_path, monkeypatch, name):
    monkeypatch.setattr(json_records, "_BLOCK_CHARACTERS", 64)
    monkeypatch.setattr(json_records, "_LONGEST_RECORD", 256)
    endless = '[{"a": "' if name == "t.json" else '{"a": "'
    with pytest.raises(IngestError, match=r"row 1: .*(long|JSON)") as caught:
        read_table(write(tmp_path, endless + MARKER * 100, name))
    assert MARKER not in str(caught.value)


def test_columns_that_appear_late_or_change_their_kind(tmp_path, tiny_blocks):
    records = [{"a": 1}, {"a": 2}, {"a": 2.5, "b": True}, {"b": None}, {"b": False, "c": "x"}, {"c": 7}]
    table = read_table(write(tmp_path, json.dumps(records))).table
    assert table.dtypes.astype(str).tolist() == ["Float64", "boolean", "string"]
    assert table["a"].dropna().tolist() == [1.0, 2.0, 2.5]
    assert table["c"].dropna().tolist() == ["x", "7"]
    assert table.isna().sum().tolist() == [3, 4, 4]


def test_mixed_cells_become_texts_that_the_profile_reports(tmp_path):
    path = write(tmp_path, json.dumps([{"a": 1}, {"a": 2.5}, {"a": MARKER}, {"a": 4}]))
    profile = profile_table(read_table(path).table).columns[0]
    assert profile.inferred_type is FieldType.STRING
    assert [finding.kind for finding in profile.findings] == ["mixed types"]
    with pytest.raises(IngestError, match="row 3, column 'a': the value is not a number"):
        read_table(path, schema=TableSchema((Field("a", FieldType.NUMBER),)))
    mixed = write(tmp_path, json.dumps([{"a": True}, {"a": 1}, {"a": None}, {"a": "x"}, {"a": 1.0}]))
    assert read_table(mixed).table["a"].dropna().tolist() == ["true", "1", "x", "1"]


@pytest.mark.parametrize("value", ["[]", "{}", "[1]", '{"b": 2}'])
def test_nested_values_are_refused(tmp_path, value):
    with pytest.raises(IngestError, match="row 2, column 'a': the value is a list, an object"):
        read_table(write(tmp_path, f'[{{"a": 1}}, {{"a": {value}}}]'))


def test_too_many_rows_are_refused_before_the_end_is_read(tmp_path, tiny_blocks):
    path = write(tmp_path, '[{"a": 1}, {"a": 2}, {"a": 3}, not JSON')
    with pytest.raises(IngestError, match="more than 2 rows"):
        read_table(path, limits=IngestLimits(max_rows=2))
