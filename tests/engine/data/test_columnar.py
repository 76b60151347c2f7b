"""Parquet of foreign writers, and small files that unpack to much."""

from datetime import date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from engine.data.ingest import IngestLimits, coerce_table, read_table
from engine.data.schema import Field, FieldType, TableSchema
from engine.errors import IngestError
from tests.tables import MARKER


@pytest.fixture
def written(tmp_path):
    """Writes columns as Parquet and gives the path."""

    def write(columns, **options):
        path = tmp_path / "t.parquet"
        parquet.write_table(pa.table(columns), path, **options)
        return path

    return write


def refusal(path, **options):
    with pytest.raises(IngestError) as caught:
        read_table(path, **options)
    assert MARKER not in str(caught.value)
    assert caught.value.__context__ is None
    return str(caught.value)


def test_types_of_other_writers(written):
    columns = {
        "small": pa.array([1, None], pa.int8()),
        "half": pa.array(np.array([1.5, np.nan], dtype=np.float16)),
        "money": pa.array([Decimal("1.25"), None]),
        "day": pa.array([date(2024, 2, 29), None]),
        "moment": pa.array([datetime(2024, 2, 29, 7, 30), None], pa.timestamp("ns")),
        "zoned": pa.array([datetime(2024, 2, 29, 7, 30), None], pa.timestamp("ms", tz="Europe/Berlin")),
        "text": pa.array([" x ", "NA"], pa.large_string()),
        "coded": pa.array(["y", ""]).dictionary_encode(),
        "nothing": pa.nulls(2),
        "flag": pa.array([True, None]),
    }
    table = read_table(written(columns)).table
    moment = "datetime64[us]"
    expected = ["Int64", "Float64", "Float64", moment, moment, moment, "string", "string", "string", "boolean"]
    assert table.dtypes.astype(str).tolist() == expected
    assert table.iloc[1].isna().all()
    assert table["text"][0] == "x"
    assert table["zoned"][0] == datetime(2024, 2, 29, 7, 30)


@pytest.mark.parametrize(
    "values",
    [
        pa.array([[1], [2]]),
        pa.array([{"a": 1}, {"a": 2}]),
        pa.array([MARKER.encode(), b"x"]),
        pa.array([1, 2], pa.time64("us")),
        pa.array([1, 2], pa.duration("us")),
    ],
)
def test_types_that_no_table_has(written, values):
    assert "column 'v': the column holds neither numbers" in refusal(written({"k": [1, 2], "v": values}))


def test_pandas_index_is_no_column(tmp_path):
    pd.DataFrame({"a": [1, 2]}, index=["x", "y"]).to_parquet(tmp_path / "t.parquet")
    assert list(read_table(tmp_path / "t.parquet").table.columns) == ["a"]


def test_one_long_text_repeated(written):
    path = written({"a": pa.array([MARKER * 1000] * 20_000)})
    assert path.stat().st_size < 100_000
    assert "too large when unpacked" in refusal(path, limits=IngestLimits(max_bytes=2**20))


def test_many_equal_cells(written):
    path = written({"a": pa.array(np.zeros(2_000_000, dtype=np.int64)), "b": pa.array(np.zeros(2_000_000))})
    assert path.stat().st_size < 2**20
    assert "too large when unpacked" in refusal(path, limits=IngestLimits(max_bytes=2**20))


def test_row_groups_and_an_empty_one(written, tmp_path):
    path = written({"a": pa.array(["x", "y", None, "z"])}, row_group_size=1)
    assert read_table(path).table["a"].tolist() == ["x", "y", pd.NA, "z"]
    assert "no rows" in refusal(written({"a": pa.array([], pa.string())}))


def test_broken_files(written):
    path = written({"a": list(range(5000)), "b": [f"{MARKER}{row}" for row in range(5000)]})
    whole = path.read_bytes()
    rng = np.random.default_rng(3)
    for _ in range(60):
        broken = bytearray(whole)
        for position in rng.integers(0, len(whole), 4):
            broken[position] ^= int(rng.integers(1, 256))
        path.write_bytes(broken[: rng.integers(len(whole) // 2, len(whole) + 1)])
        try:
            assert len(read_table(path).table) == 5000
        except IngestError as error:
            assert MARKER not in str(error)  # a changed byte may also pass unnoticed


def test_texts_that_are_no_utf_8(written):
    bytes_as_text = pa.StringArray.from_buffers(1, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xc3\x28"))
    assert "not readable Parquet" in refusal(written({"a": bytes_as_text}))


def test_a_name_that_is_no_utf_8(written):
    path = written({"column": [1, 2]})
    path.write_bytes(path.read_bytes().replace(b"column", b"c\xf5lumn"))
    assert "not readable Parquet" in refusal(path)


def test_frames_of_mixed_python_values():
    schema = TableSchema((Field("a", FieldType.INTEGER), Field("b", FieldType.STRING)), missing_values=("", "?"))
    frame = pd.DataFrame({"b": [1, "x", None], "a": ["1", " ? ", "3"], "extra": [[], {}, MARKER]})
    typed = coerce_table(frame, schema)
    assert typed["a"].tolist() == [1, pd.NA, 3]
    assert typed["b"].tolist() == ["1", "x", pd.NA]
    with pytest.raises(IngestError, match="row 2, column 'a'") as caught:
        coerce_table(frame.assign(a=[1, MARKER, 2.5]), schema)
    assert MARKER not in str(caught.value)
    assert caught.value.__context__ is None
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(IngestError, match="columns 1 and 2 have the same header"):
        coerce_table(twice, schema)


def test_coercing_again_changes_nothing():
    schema = TableSchema(tuple(Field(kind.value, kind) for kind in FieldType))
    values = [1, 1.5, "x", True, date(2024, 2, 29), datetime(2024, 2, 29, 7)]
    frame = pd.DataFrame({kind.value: [None, value] for kind, value in zip(FieldType, values, strict=True)})
    once = coerce_table(frame, schema)
    pd.testing.assert_frame_equal(coerce_table(once, schema), once)
