"""Rows part by part are the rows that reading everything gives, whatever the size of a part."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data import rows as rows_module
from engine.data.export import write_csv, write_parquet
from engine.data.ingest import IngestLimits, read_table
from engine.data.rows import FileRows, FrameRows, KeptRows, SpooledRows, open_rows
from engine.data.schema import Field, FieldType, TableSchema
from engine.errors import IngestError, InputError, SchemaError
from tests.tables import MARKER, SMALL_SCHEMA, small_table

SCHEMA = TableSchema(
    (
        *SMALL_SCHEMA.fields,
        Field("day", FieldType.DATE),
        Field("seen", FieldType.DATETIME),
        Field("note", FieldType.STRING),
    ),
    missing_values=("", "NA"),
)


def table_with_dates(n_rows=300):
    table = small_table(n_rows)
    rng = np.random.default_rng(1)
    moments = np.datetime64("2019-12-30T00:00:00", "us") + rng.integers(0, 10**9, n_rows) * np.timedelta64(1, "s")
    table["day"] = pd.Series(moments.astype("datetime64[D]").astype("datetime64[us]"))
    table["seen"] = pd.Series(moments)
    table["note"] = pd.Series([f'said "{row}",\nthen left' for row in range(n_rows)], dtype="string")
    table.loc[3, ["day", "seen", "note", "smoker", "age"]] = None
    return table


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    table = table_with_dates()
    write_csv(table, folder / "t.csv")
    write_parquet(table, folder / "t.parquet")
    table[["age", "day"]].to_parquet(folder / "groups.parquet", row_group_size=7)
    return folder


def joined(rows, names):
    return pd.concat(list(rows.chunks(names)), ignore_index=True)


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
@settings(max_examples=15, deadline=None)
@given(chunk_rows=st.integers(1, 400), names=st.permutations(SCHEMA.names).map(lambda names: names[:4]))
def test_file_rows_are_those_of_read_table(files, name, chunk_rows, names):
    rows = FileRows(files / name, SCHEMA, chunk_rows=chunk_rows)
    whole = read_table(files / name, schema=SCHEMA).table
    parts = list(rows.chunks(names))
    assert max(map(len, parts)) <= chunk_rows
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole[list(names)])
    pd.testing.assert_frame_equal(joined(rows, names), whole[list(names)])


def test_row_groups_do_not_matter(files):
    schema = TableSchema((Field("age", FieldType.NUMBER), Field("day", FieldType.DATETIME)))
    rows = FileRows(files / "groups.parquet", schema, chunk_rows=50)
    pd.testing.assert_frame_equal(joined(rows, schema.names), read_table(files / "groups.parquet", schema=schema).table)


def error_of(call):
    with pytest.raises(InputError) as raised:
        call()
    assert MARKER not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None
    return type(raised.value), str(raised.value)


BROKEN = {
    "type": "age,region\n" + "1,x\n" * 40 + f"{MARKER},x\n" + "1,x\n" * 40,
    "not finite": "age,region\n" + "1,x\n" * 40 + "inf,x\n",
    "ragged": "age,region\n" + "1,x\n" * 40 + f"1,x,{MARKER}\n",
    "open quote": "age,region\n" + "1,x\n" * 40 + f'1,"{MARKER}\n',
    "no rows": "age,region\n",
    "no column": "age\n1\n",
    "empty": "",
    "binary": "age,region\n1,\0\n",
}


@pytest.mark.parametrize("case", BROKEN)
def test_file_rows_fail_as_read_table_does(tmp_path, case):
    path = tmp_path / "broken.csv"
    path.write_text(BROKEN[case])
    schema = TableSchema((Field("age", FieldType.NUMBER), Field("region", FieldType.STRING)))
    found = error_of(lambda: list(FileRows(path, schema, chunk_rows=9).chunks(schema.names)))
    assert found == error_of(lambda: read_table(path, schema=schema))


def test_broken_parquet(tmp_path):
    path = tmp_path / "broken.parquet"
    write_parquet(pd.DataFrame({"age": [f"{MARKER}"] * 30}), path)
    schema = TableSchema((Field("age", FieldType.INTEGER),))
    found = error_of(lambda: list(FileRows(path, schema, chunk_rows=9).chunks(["age"])))
    assert found == error_of(lambda: read_table(path, schema=schema))
    path.write_bytes(path.read_bytes()[:-10])
    assert error_of(lambda: FileRows(path, schema)) == error_of(lambda: read_table(path, schema=schema))


def test_limits_hold_for_parts_too(files):
    with pytest.raises(IngestError, match="more than 100 rows"):
        list(FileRows(files / "t.csv", SCHEMA, limits=IngestLimits(max_rows=100)).chunks(["age"]))
    with pytest.raises(IngestError, match="more than 100 rows"):
        FileRows(files / "t.parquet", SCHEMA, limits=IngestLimits(max_rows=100))
    with pytest.raises(SchemaError, match="'height'"):
        FileRows(files / "t.csv", TableSchema((Field("height", FieldType.NUMBER),)))


def test_kept_rows_follow_the_mask():
    table = small_table(100)
    keep = np.arange(100) % 3 == 0
    kept = KeptRows(FrameRows(table, chunk_rows=7), keep)
    pd.testing.assert_frame_equal(joined(kept, ["cost"]), table.loc[keep, ["cost"]].reset_index(drop=True))
    for wrong in (keep[:-1], np.append(keep, True)):
        with pytest.raises(InputError, match="changed while it was read"):
            joined(KeptRows(FrameRows(table, chunk_rows=7), wrong), ["cost"])


def test_spooled_rows_are_a_copy(files, tmp_path):
    rows = FileRows(files / "t.csv", SCHEMA, chunk_rows=60)
    with (tmp_path / "spool").open("x+b") as file:
        spooled = SpooledRows(rows, ["seen", "note", "age", "smoker"], file)
        for names in (["note"], ["smoker", "seen"], ["age"]):
            pd.testing.assert_frame_equal(joined(spooled, names), joined(rows, names))
        assert not spooled.rereads_everything
    assert rows.rereads_everything


def test_large_files_are_read_in_parts(files, monkeypatch, tmp_path):
    assert isinstance(open_rows(files / "t.csv", SCHEMA), FrameRows)
    monkeypatch.setattr(rows_module, "STREAM_FROM_BYTES", 100)
    for name in ("t.csv", "t.parquet"):
        assert isinstance(open_rows(files / name, SCHEMA), FileRows)
    (tmp_path / "t.json").write_text('[{"age": 1}, {"age": 2}]' + " " * 200)
    schema = TableSchema((Field("age", FieldType.INTEGER),))
    assert open_rows(tmp_path / "t.json", schema).table["age"].tolist() == [1, 2]
