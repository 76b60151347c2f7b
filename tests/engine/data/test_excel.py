"""Workbooks that are damaged, lie about themselves or hold what no table can."""

import datetime as dt
import re
import zipfile

import openpyxl
import pytest

from engine.data.ingest import IngestLimits, read_table
from engine.errors import IngestError
from tests.tables import MARKER

SHEET = "xl/worksheets/sheet1.xml"


def workbook(folder, rows, name="t.xlsx"):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    path = folder / name
    book.save(path)
    return path


def altered(path, pattern, replacement, entry=SHEET):
    """The workbook with a part of one file inside replaced."""
    with zipfile.ZipFile(path) as source:
        contents = {info.filename: source.read(info) for info in source.infolist()}
    changed = re.sub(pattern.encode(), replacement.encode(), contents[entry])
    assert changed != contents[entry]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for filename, content in (contents | {entry: changed}).items():
            target.writestr(filename, content)
    return path


def refusal(path, **options):
    with pytest.raises(IngestError) as caught:
        read_table(path, **options)
    assert caught.value.__context__ is None
    assert MARKER not in str(caught.value)
    return str(caught.value)


def test_every_kind_of_cell(tmp_path):
    rows = [
        ["day", "moment", "clock", "whole", "number", "word", "flag"],
        [dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 7, 30), dt.time(7, 30), 1, 1.5, " x ", True],
        [None, None, None, None, None, "N/A", None],
    ]
    table = read_table(workbook(tmp_path, rows)).table
    expected = ["datetime64[us]", "datetime64[us]", "string", "Int64", "Float64", "string", "boolean"]
    assert table.dtypes.astype(str).tolist() == expected
    moment = dt.datetime(2024, 2, 29, 7, 30)
    assert table.iloc[0].tolist() == [dt.datetime(2024, 2, 29), moment, "07:30:00", 1, 1.5, "x", True]
    assert table.iloc[1].isna().all()


def test_dates_that_excel_does_not_have(tmp_path):
    path = workbook(tmp_path, [["a"], [dt.datetime(2024, 1, 1)]])
    assert "row 1, column 'a': the cell holds an Excel error or a date" in refusal(
        altered(path, r'(<c r="A2"[^>]*>)<v>[^<]*</v>', r"\1<v>99999999999</v>")
    )


@pytest.mark.parametrize("value", [f"<v>{MARKER}</v>", "<v>1e999</v>"])
def test_a_number_that_is_none(tmp_path, value):
    path = workbook(tmp_path, [["a"], [5]])
    text = refusal(altered(path, r"<v>5</v>", value))
    assert "damaged" in text or "row 1, column 'a': the value is not a finite number" in text


def test_a_text_that_is_not_in_the_list_of_texts(tmp_path):
    path = workbook(tmp_path, [["a"], ["x"]])
    assert "damaged" in refusal(altered(path, r'<c r="A2".*</c>', '<c r="A2" t="s"><v>77</v></c>'))


def test_a_cut_sheet(tmp_path):
    path = workbook(tmp_path, [["a"], [5]])
    assert "damaged" in refusal(altered(path, r"</sheetData>.*", ""))


def test_entities_inside_a_sheet(tmp_path):
    path = workbook(tmp_path, [["a"], [5]])
    assert "workbook" in refusal(altered(path, r"<worksheet", '<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet'))


def test_a_header_that_is_a_formula(tmp_path):
    assert "a header is a formula" in refusal(workbook(tmp_path, [["a", "=1+1"], [1, 2]]))


def test_a_text_that_starts_like_a_formula_is_a_text(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["a"])
    book.active.append(["=1+1"])
    book.active["A2"].data_type = "s"
    book.save(tmp_path / "t.xlsx")
    assert read_table(tmp_path / "t.xlsx").table["a"].tolist() == ["=1+1"]


def test_a_sheet_that_claims_to_be_huge_is_read_as_it_is(tmp_path):
    path = workbook(tmp_path, [["a", "b"], [1, 2], [3, 4]])
    table = read_table(altered(path, r'<dimension ref="[^"]*"', '<dimension ref="A1:XFD1048576"')).table
    assert table.shape == (2, 2)
    short = workbook(tmp_path, [["a", "b"], [1, 2], [3, 4]], "short.xlsx")
    assert read_table(altered(short, r'<dimension ref="[^"]*"', '<dimension ref="A1:A1"')).table.shape == (2, 2)


def test_a_row_beyond_the_last_row_of_a_sheet(tmp_path):
    path = workbook(tmp_path, [["a"], [5]])
    assert "more rows than a sheet can have" in refusal(
        altered(path, r'<row r="2".*<c r="A2"', '<row r="99999999"><c r="A99999999"')
    )


def test_empty_rows_and_columns_around_the_table(tmp_path):
    rows = [[None, None, None], ["a", "b", None], [1, 2, None], [None, None, None], [3, 4, None]]
    table = read_table(workbook(tmp_path, rows)).table
    assert table.to_dict("list") == {"a": [1, 3], "b": [2, 4]}


def test_limits(tmp_path):
    path = workbook(tmp_path, [["a", "b"], *([[1, 2]] * 20)])
    assert "more than 19 rows" in refusal(path, limits=IngestLimits(max_rows=19))
    assert "the limit is 1" in refusal(path, limits=IngestLimits(max_columns=1))
    assert "unpacks to far more" in refusal(path, limits=IngestLimits(max_bytes=path.stat().st_size))


def test_an_archive_of_too_many_files(tmp_path):
    path = tmp_path / "t.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(10_001):
            archive.writestr(str(number), b"")
    assert "unpacks to far more" in refusal(path)


@pytest.mark.parametrize("missing", ["[Content_Types].xml", "xl/workbook.xml", SHEET])
def test_a_workbook_that_lacks_a_part(tmp_path, missing):
    path = workbook(tmp_path, [["a"], [1]])
    with zipfile.ZipFile(path) as source:
        kept = {info.filename: source.read(info) for info in source.infolist() if info.filename != missing}
    with zipfile.ZipFile(path, "w") as target:
        for filename, content in kept.items():
            target.writestr(filename, content)
    assert "workbook" in refusal(path)


def test_only_the_first_sheet_is_read(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["a"])
    book.active.append([1])
    book.create_sheet("other").append(["b", "c"])
    book.save(tmp_path / "t.xlsx")
    assert list(read_table(tmp_path / "t.xlsx").table.columns) == ["a"]
