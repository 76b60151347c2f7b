"""Files in, tables out; and errors that name the place and never the value."""

import io
import json
import traceback
import zipfile
from datetime import datetime

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.data.export import write_csv, write_parquet
from engine.data.ingest import IngestLimits, coerce_table, read_table
from engine.data.schema import Field, FieldType, TableSchema
from engine.errors import IngestError, SchemaError
from tests.tables import MARKER, SMALL_SCHEMA, small_table, typed

NUMBERS = TableSchema((Field("a", FieldType.INTEGER, minimum=0, maximum=9),))


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def workbook(folder, rows, change=lambda sheet: None):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    change(book.active)
    path = folder / "table.xlsx"
    book.save(path)
    return path


def refusal(path, **options):
    """The error's text; neither it nor what led to it may quote the marker."""
    with pytest.raises((IngestError, SchemaError)) as caught:
        read_table(path, **options)
    shown = "".join(traceback.format_exception(caught.value))
    words = " ".join(str(error) for error in (caught.value, caught.value.__cause__, caught.value.__context__))
    assert MARKER not in words
    assert MARKER not in shown
    return str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encodings_and_delimiters(tmp_path, encoding, delimiter):
    lines = [["name", "größe"], ["Müller", "1"], ["Åse", "2"], ["plain", "3"]]
    path = write(tmp_path, "t.csv", "\n".join(delimiter.join(line) for line in lines).encode(encoding))
    read = read_table(path)
    assert list(read.table.columns) == ["name", "größe"]
    assert read.table["name"].tolist() == ["Müller", "Åse", "plain"]
    assert read.table["größe"].tolist() == [1, 2, 3]
    assert read.delimiter == delimiter


def test_bytes_that_only_latin_1_knows(tmp_path):
    assert read_table(write(tmp_path, "t.csv", b"a,b\n\x81,\xe9\n")).encoding == "latin-1"


def test_quotes_line_breaks_and_spaces(tmp_path):
    read = read_table(write(tmp_path, "t.csv", 'a,b\n" x ","one\nline, ""quoted"""\n y ,z\n'))
    assert read.table.to_dict("list") == {"a": ["x", "y"], "b": ['one\nline, "quoted"', "z"]}


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (["1", "-2", "+3", ""], "Int64"),
        (["1.5", "2", "NA"], "Float64"),
        (["1e3", "2"], "Float64"),
        (["true", "False", ""], "boolean"),
        (["2024-01-31", "1999-12-31"], "datetime64[us]"),
        (["2024-01-31T10:00:00", "2024-01-31 10:00:01"], "datetime64[us]"),
        (["1", "x"], "string"),
        (["99999999999999999999", "1"], "string"),
        (["0", "1"], "Int64"),
        (["", ""], "string"),
    ],
)
def test_inference(tmp_path, values, dtype):
    path = write(tmp_path, "t.csv", "k,v\n" + "".join(f"{row},{value}\n" for row, value in enumerate(values)))
    assert str(read_table(path).table["v"].dtype) == dtype


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("t.csv", f"a,b\n1,{MARKER}\n{MARKER}\n", "row 2: the row has 1 cells, the header 2"),
        ("t.csv", f"a,b\n1,2\n3,4\n5,6,{MARKER}\n", "row 3: the row has 3 cells"),
        ("t.csv", f'a,b\n1,2\n3,"{MARKER}\n', "a quote is not closed"),
        ("t.csv", f"a,b,a\n1,2,{MARKER}\n", "columns 1 and 3 have the same header"),
        ("t.csv", f"{MARKER}, {MARKER}\n1,2\n", "columns 1 and 2 have the same header"),
        ("t.csv", f"{MARKER * 20},b\n1,2\n", "the header of column 1 is longer than 200 characters"),
        ("t.csv", f"a,\x07{MARKER}\n1,2\n", "the header of column 2 holds a control character"),
        ("t.csv", f"a,b,\n1,{MARKER},\n", "column 3 has no name"),
        ("t.csv", f"a,b\n\n1,2\n\n{MARKER}\n", "row 2: the row has 1 cells"),
        ("t.csv", b"\xff\xfea\x00,\x00b\x00\n\x001", "the text is broken"),
        ("t.csv", b"\xff\xfe\x00\xd8\x00\xd8", "not text in a known encoding"),
        ("t.csv", b"\x00\x00\x00\x00", "a control character"),
        ("t.csv", f"a,\n1,{MARKER}\n", "column 2 has no name"),
        ("t.csv", "a,b\n", "a header but no rows"),
        ("t.csv", "", "the file is empty"),
        ("t.csv", " \n\n", "the file is empty"),
        ("t.csv", b"a,b\n1,\x00\n", "NUL bytes"),
        ("t.csv", f'a,b\n1,"{MARKER}\n2,y\n3,z\n'.encode("utf-16"), "row 1: a quote is not closed"),
        ("t.csv", f'a,"b\n1,{MARKER}\n', "the header cannot be read: check its quotes"),
        ("t.csv", "a,b\n1,1e400\n", "row 1, column 'b': the value is not a finite number"),
        ("t.csv", "a,b\n1,2.5\n3,inf\n", "row 2, column 'b': the value is not a finite number"),
        ("t.csv", f"a\n{MARKER * 80_000}\n", "row 1, column 'a': the cell is longer than"),
        ("t.json", '[{"a": NaN}]', "NaN, infinite or too large"),
        ("t.json", '[{"a": 1e400}]', "NaN, infinite or too large"),
        ("t.json", '[{"a": 1}, {"a": 1e400}]', "row 2: a number is NaN, infinite"),
        ("t.json", f'[{{"a": 1}}, {{"a": {MARKER}}}]', "row 2: this is not JSON"),
        ("t.json", f'[{{"a": 1}} {{"a": "{MARKER}"}}]', "row 2: this is not JSON"),
        ("t.json", f'[{{"a": 1, "a": "{MARKER}"}}]', "row 1: the record has two values of one name"),
        ("t.json", f'{{"data" [{{"a": "{MARKER}"}}]}}', "not JSON"),
        ("t.json", f'{{"data": "{MARKER}", "records": 3}}', "not a list of records"),
        ("t.json", f'["{MARKER}', "not JSON"),
        ("t.json", MARKER, "not a list of records"),
        ("t.json", "", "the file is empty"),
        ("t.json", '[{"a": "x"}, {"a": "\\ud800"}]', "row 2, column 'a': the text is not valid UTF-8"),
        ("t.json", '[{"a": "é"}]'.encode("latin-1"), "row 1, column 'a': the text is not valid UTF-8"),
        ("t.json", '[{"\\ud800": 1}]', "the header of column 1"),
        ("t.json", f'[{{"a": ["{MARKER}"]}}]', "row 1, column 'a': the value is a list"),
        ("t.json", f'[{{"a": 1}}, "{MARKER}"]', "row 2: the record is not an object"),
        ("t.json", f'{{"a": "{MARKER}"}}', "not a list of records"),
        ("t.json", f'[{{"a": "{MARKER}"', "not JSON"),
        ("t.json", "[" * 100_000, "not JSON"),
        ("t.json", '[{"a": 99999999999999999999}]', "does not fit 64 bits"),
        ("t.json", "[]", "no rows"),
        ("t.jsonl", f'{{"a": 1}}\n{{"a": {MARKER}}}\n', "row 2: this is not JSON"),
        ("t.jsonl", '{"a": 1}\n{"a": Infinity}\n', "row 2: a number is NaN"),
        ("t.parquet", f"not parquet {MARKER}", "not readable Parquet"),
        ("t.xlsx", f"not a workbook {MARKER}", "not an .xlsx workbook"),
        ("t.xls", "old", "save the sheet as .xlsx or .csv"),
        ("t.pdf", "x", "files ending in '.pdf' are not read"),
        ("t", "x", "are not read"),
    ],
)
def test_refusals(tmp_path, name, content, expected):
    assert expected in refusal(write(tmp_path, name, content))


@pytest.mark.parametrize(
    ("kind", "good", "bad", "expected"),
    [
        (FieldType.INTEGER, "5.0", "5.5", "not a whole number"),
        (FieldType.INTEGER, "-7", MARKER, "not a whole number"),
        (FieldType.NUMBER, "1e3", MARKER, "not a number"),
        (FieldType.BOOLEAN, "yes", MARKER, "not true or false"),
        (FieldType.DATE, "2024-02-29", "2023-02-29", "not an ISO date"),
        (FieldType.DATE, "0001-01-01", "10000-01-01", "not an ISO date"),
        (FieldType.DATETIME, "2024-02-29T12:00:00Z", MARKER, "not an ISO date and time"),
    ],
)
def test_a_schema_says_what_a_text_means(tmp_path, kind, good, bad, expected):
    schema = TableSchema((Field("v", kind),))
    fine = write(tmp_path, "good.csv", f"k,v\n1,{good}\n2,\n")
    column = read_table(fine, schema=schema).table["v"]
    assert column.notna().tolist() == [True, False]
    broken = write(tmp_path, "bad.csv", f"k,v\n1,{good}\n2,{good}\n3,{bad}\n4,{good}\n")
    text = refusal(broken, schema=schema)
    assert "row 3, column 'v'" in text
    assert expected in text


def test_values_outside_the_domain_are_no_error(tmp_path):
    assert read_table(write(tmp_path, "t.csv", "a\n500\n"), schema=NUMBERS).table["a"].tolist() == [500]


def test_missing_values_are_the_schemas(tmp_path):
    path = write(tmp_path, "t.csv", "k,v\n1,NA\n2,-9\n3,x\n")
    schema = TableSchema((Field("v", FieldType.STRING),), missing_values=("-9",))
    assert read_table(path, schema=schema).table["v"].fillna("missing").tolist() == ["NA", "missing", "x"]


def test_columns_of_the_schema_are_needed_and_others_left_out(tmp_path):
    path = write(tmp_path, "t.csv", f"a,secret\n1,{MARKER}\n")
    assert list(read_table(path, schema=NUMBERS).table.columns) == ["a"]
    assert "no column 'a'" in refusal(write(tmp_path, "u.csv", "b\n1\n"), schema=NUMBERS)


def test_a_wide_table_with_long_headers(tmp_path):
    names = [f"é{'x' * 195}{number:03d}" for number in range(1000)]
    path = write(tmp_path, "t.csv", ",".join(names) + "\n" + ",".join(["1"] * 1000) + "\n")
    assert list(read_table(path).table.columns) == names
    assert "1,001 columns" in refusal(write(tmp_path, "u.csv", ",".join(["a"] * 1001) + "\n1\n"))


@pytest.mark.parametrize("start", ["\n\n", "\r\n"])
@pytest.mark.parametrize("line", ["\n", "\r\n", "\r"])
def test_line_ends_and_empty_lines(tmp_path, start, line):
    path = write(tmp_path, "t.csv", start + line.join(["a,b", "1,x", "", "2,y", "", ""]))
    assert read_table(path).table.to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}


def test_a_header_may_hold_a_line_break(tmp_path):
    path = write(tmp_path, "t.csv", 'a,"blood\npressure"\n1,2\n3,4\n')
    assert read_table(path).table.to_dict("list") == {"a": [1, 3], "blood pressure": [2, 4]}


def test_limits(tmp_path):
    path = write(tmp_path, "t.csv", "a,b,c\n" + "1,2,3\n" * 50)
    assert "larger than the limit" in refusal(path, limits=IngestLimits(max_bytes=100))
    assert "3 columns; the limit is 2" in refusal(path, limits=IngestLimits(max_columns=2))
    assert "more than 49 rows" in refusal(path, limits=IngestLimits(max_rows=49))
    assert len(read_table(path, limits=IngestLimits(max_rows=50, max_columns=3)).table) == 50


@pytest.mark.parametrize("name", ["t.json", "t.jsonl", "t.parquet"])
def test_limits_of_other_formats(tmp_path, name):
    frame = pd.DataFrame({"a": range(50), "b": range(50)})
    path = tmp_path / name
    if name.endswith("parquet"):
        frame.to_parquet(path)
    else:
        frame.to_json(path, orient="records", lines=name.endswith("jsonl"))
    assert "more than 49 rows" in refusal(path, limits=IngestLimits(max_rows=49))
    assert "the limit is 1" in refusal(path, limits=IngestLimits(max_columns=1))
    assert len(read_table(path).table) == 50


def test_json_records_may_lack_names(tmp_path):
    records = [{"a": 1, "b": "x"}, {"a": 2.5}, {"b": "", "c": True}]
    table = read_table(write(tmp_path, "t.json", json.dumps({"data": records}))).table
    assert table.dtypes.astype(str).to_dict() == {"a": "Float64", "b": "string", "c": "boolean"}
    assert table.isna().sum().to_dict() == {"a": 1, "b": 2, "c": 2}


def test_workbooks(tmp_path):
    rows = [
        ["when", "n", "word", "flag", None],
        [datetime(2024, 1, 2), 3, "x", True, None],
        [None, 2.5, "NA", False, None],
    ]
    table = read_table(workbook(tmp_path, rows)).table
    assert table.dtypes.astype(str).tolist() == ["datetime64[us]", "Float64", "string", "boolean"]
    assert table["word"].isna().tolist() == [False, True]


def test_workbook_cells_that_are_no_values(tmp_path):
    def formula(sheet):
        sheet["B3"] = "=1+1"

    assert "row 2, column 'b': the cell is a formula" in refusal(
        workbook(tmp_path, [["a", "b"], [1, 2], [3, 4]], formula)
    )

    def error(sheet):
        sheet["A2"] = "#DIV/0!"
        sheet["A2"].data_type = "e"

    assert "row 1, column 'a': the cell holds an Excel error" in refusal(workbook(tmp_path, [["a"], [1]], error))
    assert "more cells than the header" in refusal(workbook(tmp_path, [["a"], [1, MARKER]]))
    assert "first sheet is empty" in refusal(workbook(tmp_path, []))


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (80 * 2**20))
    assert path.stat().st_size < 2**20
    assert "unpacks to far more than its size" in refusal(path)


def test_xml_entities_are_not_expanded(tmp_path):
    path = workbook(tmp_path, [["a"], ["x"]])
    content = io.BytesIO(path.read_bytes())
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    with zipfile.ZipFile(content) as source, zipfile.ZipFile(path, "w") as target:
        for entry in source.infolist():
            text = source.read(entry)
            if entry.filename == "xl/workbook.xml":
                text = text.replace(b"<workbook", bomb.encode() + b"<workbook", 1)
            target.writestr(entry.filename, text)
    assert "workbook" in refusal(path)


def test_parquet_of_foreign_types(tmp_path):
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"a": pa.array([[1], [2]])}), path)
    assert "column 'a': the column holds neither" in refusal(path)
    parquet.write_table(pa.table({"a": pa.array([1.0, float("inf")])}), path)
    assert "row 2, column 'a'" in refusal(path)
    parquet.write_table(pa.table({"a": pa.array([2**63], pa.uint64())}), path)
    assert "does not fit 64 bits" in refusal(path)
    parquet.write_table(pa.table({"a": pa.array(["x", None, "y"]).dictionary_encode(), "b": [1, 2, None]}), path)
    assert read_table(path).table.dtypes.astype(str).tolist() == ["string", "Int64"]


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_what_is_written_reads_back(tmp_path, name):
    table = small_table()
    path = tmp_path / name
    (write_csv if name.endswith("csv") else write_parquet)(table, path)
    again = read_table(path, schema=SMALL_SCHEMA).table
    pd.testing.assert_frame_equal(again, table, check_dtype=False)


def test_coerce_table_orders_and_types():
    frame = pd.DataFrame({"z": [1], "cost": [1], "smoker": ["no"], "region": ["north"], "age": [4.0]})
    typed = coerce_table(frame, SMALL_SCHEMA)
    assert typed.dtypes.astype(str).tolist() == ["Int64", "string", "boolean", "Float64"]
    with pytest.raises(SchemaError, match="'age'"):
        coerce_table(frame.drop(columns="age"), SMALL_SCHEMA)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.tuples(
            st.none() | st.integers(-(2**63) + 1, 2**63 - 1),
            st.none() | st.floats(allow_nan=False, allow_infinity=False),
            st.none() | st.booleans(),
            st.none() | st.dates().map(lambda day: datetime(day.year, day.month, day.day)),
            st.none() | st.datetimes(),
        ),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(["t.csv", "t.parquet"]),
)
def test_any_typed_table_survives(tmp_path, rows, name):
    kinds = [FieldType.INTEGER, FieldType.NUMBER, FieldType.BOOLEAN, FieldType.DATE, FieldType.DATETIME]
    schema = TableSchema(tuple(Field(kind.value, kind) for kind in kinds))
    columns = {field.name: list(cells) for field, cells in zip(schema.fields, zip(*rows, strict=True), strict=True)}
    table = typed({key: pd.Series(cells, dtype="object") for key, cells in columns.items()}, schema)
    path = tmp_path / name
    (write_csv if name.endswith("csv") else write_parquet)(table, path)
    pd.testing.assert_frame_equal(read_table(path, schema=schema).table, table)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12), min_size=1, max_size=8))
def test_any_text_survives(tmp_path, texts):
    frame = pd.DataFrame({"k": range(len(texts)), "v": pd.Series(texts, dtype="string")})
    path = tmp_path / "t.csv"
    write_csv(frame, path, neutralise_formulas=False)
    again = read_table(path, schema=TableSchema((Field("v", FieldType.STRING),))).table["v"]
    normal = [text.replace("\r\n", "\n").strip() for text in texts]
    assert [value if value is not pd.NA else "" for value in again] == [
        text if np.char.strip(text) else "" for text in normal
    ]


@pytest.mark.parametrize("name", ["t.csv", "t.json", "t.jsonl", "t.xlsx"])
def test_files_broken_anywhere_are_read_or_refused(tmp_path, name):
    frame = pd.DataFrame({"n": [1.5, 2, None] * 3, "word": [f"{MARKER}é", 'a "b", c', None] * 3, "k": range(9)})
    path = tmp_path / name
    if name == "t.csv":
        frame.to_csv(path, index=False)
    elif name == "t.xlsx":
        frame.to_excel(path, index=False)
    else:
        frame.to_json(path, orient="records", lines=name == "t.jsonl")
    whole, rng = path.read_bytes(), np.random.default_rng(11)
    pieces = [b'"', b",", b"\n", b"\0", b"\xff", b"1e400", b"{", b"[", MARKER.encode(), b"9" * 30]
    outcomes = {"read": 0, "refused": 0}
    for _ in range(60):
        start, length = rng.integers(0, len(whole)), rng.integers(0, 6)
        path.write_bytes(whole[:start] + pieces[rng.integers(len(pieces))] + whole[start + length :])
        try:
            read_table(path)
            outcomes["read"] += 1
        except IngestError as error:
            outcomes["refused"] += 1
            assert error.__context__ is None
            assert MARKER not in str(error).replace(repr(error.column), "")
    assert outcomes["refused"] > 0
