"""What a cell means, whatever stands in the other rows."""

from datetime import date, datetime

import pandas as pd
import pyarrow as pa
import pytest

from engine.data.coerce import coerce_column, infer_column
from engine.data.date_format import KNOWN_DATE_FORMATS, is_date_format
from engine.data.schema import Field, FieldType
from engine.errors import IngestError, SchemaError
from tests.tables import MARKER

INTEGER, NUMBER, STRING = FieldType.INTEGER, FieldType.NUMBER, FieldType.STRING
BOOLEAN, DATE, DATETIME = FieldType.BOOLEAN, FieldType.DATE, FieldType.DATETIME


def chunked(values, kind=None):
    return pa.chunked_array([pa.array(values, kind)])


def read(values, field_type, **options):
    column = coerce_column(chunked(values), Field("v", field_type, **options))
    return [None if value is pd.NA or value is pd.NaT else value for value in column]


def test_a_fraction_elsewhere_does_not_blur_a_long_whole_number():
    long = 2**53 + 1
    assert read([str(long), "5.0", "+3", None, "1e3"], INTEGER) == [long, 5, 3, None, 1000]


@pytest.mark.parametrize("text", ["0x1F", "5.5", "1_000", "1,00", "1,000,", "9223372036854775808", "", "--1", "²"])
def test_texts_that_are_no_whole_numbers(text):
    with pytest.raises(IngestError, match="row 2, column 'v': the value is not a whole number"):
        read(["1", text], INTEGER)


def test_zoned_and_plain_moments_are_each_read_alone():
    texts = [
        "2024-02-29T12:00:00",
        "2024-02-29T12:00:00Z",
        "2024-02-29 12:00:00+02:00",
        "2024-02-29 12:00:00.123456789",
    ]
    expected = [datetime(2024, 2, 29, 12), datetime(2024, 2, 29, 12), datetime(2024, 2, 29, 10)]
    assert read(texts, DATETIME) == [*expected, datetime(2024, 2, 29, 12, 0, 0, 123456)]
    assert read(texts[:3], DATE) == [datetime(2024, 2, 29)] * 3


def test_the_row_named_is_the_first_that_fails():
    values = ["2024-02-29", "2024-02-29T12:00:00Z"] * 500 + [MARKER] + ["2024-02-29"] * 500
    with pytest.raises(IngestError, match="row 1001, column 'v'") as caught:
        read(values, DATE)
    assert MARKER not in str(caught.value)


@pytest.mark.parametrize("text", ["0000-01-01", "0000-12-31T23:59:59"])
def test_the_year_nought_is_refused(text):
    with pytest.raises(IngestError, match="row 1, column 'v': the date lies outside the years 1 to 9999"):
        read([text], DATETIME)
    with pytest.raises(IngestError, match="outside the years"):
        infer_column(chunked([text]), "v")


@pytest.mark.parametrize(
    ("date_format", "text", "expected"),
    [
        ("%d/%m/%Y", "5/4/2024", datetime(2024, 4, 5)),
        ("%m/%d/%Y", "5/4/2024", datetime(2024, 5, 4)),
        ("%d.%m.%Y", "29.02.2024", datetime(2024, 2, 29)),
        ("%Y/%m/%d", "2024/2/29", datetime(2024, 2, 29)),
        ("%d/%m/%Y %H:%M", "05/04/2024 7:30", datetime(2024, 4, 5, 7, 30)),
        ("%d/%m/%Y %H:%M:%S", "05/04/2024 07:30:59", datetime(2024, 4, 5, 7, 30, 59)),
        ("%Y%m%d", "20240229", datetime(2024, 2, 29)),
    ],
)
def test_dates_of_a_stated_format(date_format, text, expected):
    assert read([text, None], DATETIME, date_format=date_format) == [expected, None]


@pytest.mark.parametrize("text", ["30/02/2024", "2024-02-29", "31/12/24", "13/13/2024", "5/4/2024 x", "٥/4/2024"])
def test_dates_that_are_not_of_the_format(text):
    with pytest.raises(IngestError, match="row 2, column 'v': the value is not a date of the form %d/%m/%Y"):
        read(["1/2/2024", text], DATE, date_format="%d/%m/%Y")


@pytest.mark.parametrize("date_format", KNOWN_DATE_FORMATS)
def test_known_formats_agree_with_python(date_format):
    moment = datetime(2024, 2, 9, 7, 5, 3)
    text = moment.strftime(date_format)
    assert read([text], DATETIME, date_format=date_format) == [datetime.strptime(text, date_format)]


@pytest.mark.parametrize(
    "text", ["%d/%m", "%d/%m/%y", "%d %b %Y", "%d/%m/%Y %H", "%Y-%Y-%m-%d", "%d/%m/%Y %", "dd/mm/yyyy"]
)
def test_formats_that_are_refused(text):
    assert not is_date_format(text)
    with pytest.raises(SchemaError, match="the format of a date"):
        Field("v", DATE, date_format=text)


def test_a_format_is_for_dates():
    with pytest.raises(SchemaError, match="the format of a date"):
        Field("v", STRING, date_format="%d/%m/%Y")
    assert Field.from_json({"name": "v", "type": "string", "format": "email"}).date_format is None
    field = Field("v", DATE, minimum=date(2020, 1, 1), date_format="%d/%m/%Y")
    assert Field.from_json(field.to_json()) == field


@pytest.mark.parametrize(
    ("values", "field_type", "expected"),
    [
        ([1.0, 2.5, None], STRING, ["1", "2.5", None]),
        ([True, None], STRING, ["true", None]),
        ([datetime(2024, 2, 29), datetime(2024, 2, 29, 7, 30)], STRING, ["2024-02-29", "2024-02-29 07:30:00"]),
        ([1.0, 0.0, None], BOOLEAN, [True, False, None]),
        ([3.0, None], INTEGER, [3, None]),
        ([1, None], NUMBER, [1.0, None]),
        ([date(2024, 2, 29)], DATE, [datetime(2024, 2, 29)]),
        ([datetime(2024, 2, 29, 7, 30)], DATE, [datetime(2024, 2, 29)]),
    ],
)
def test_typed_values_become_what_the_schema_says(values, field_type, expected):
    assert read(values, field_type) == expected


@pytest.mark.parametrize(
    ("values", "field_type"),
    [([datetime(2024, 2, 29)], INTEGER), ([datetime(2024, 2, 29)], NUMBER), ([20240229], DATE), ([2.5], INTEGER)],
)
def test_typed_values_that_mean_something_else_are_refused(values, field_type):
    with pytest.raises(IngestError, match="row 1, column 'v'"):
        read(values, field_type)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (["007", "123"], "string"),
        (["0", "-0", "10"], "Int64"),
        (["0x1F", "1"], "string"),
        (["0.5", "007"], "Float64"),
        (["2024-02-29T12:00:00Z", "2024-02-29"], "datetime64[us]"),
        (["5/4/2024"], "string"),
    ],
)
def test_inference_keeps_what_a_number_would_lose(values, dtype):
    assert str(infer_column(chunked(values), "v").dtype) == dtype


def test_nanoseconds_are_cut_and_years_beyond_microseconds_refused():
    values = chunked([1_700_000_000_123_456_789], pa.timestamp("ns"))
    assert infer_column(values, "v")[0].microsecond == 123_456
    with pytest.raises(IngestError, match="row 2, column 'v': the date lies outside"):
        infer_column(chunked([0, 2**62], pa.timestamp("s")), "v")


def test_unsigned_numbers_beyond_64_bits_name_their_row():
    with pytest.raises(IngestError, match="row 2, column 'v': the whole number does not fit"):
        infer_column(chunked([1, 2**63], pa.uint64()), "v")


@pytest.mark.parametrize(
    ("texts", "options", "expected"),
    [
        (["1,234.5", "12", "-1,000,000", "1e3"], {}, [1234.5, 12.0, -1e6, 1000.0]),
        (["1.234,5", "12", "-1.000.000", "0,25", None], {"decimal_comma": True}, [1234.5, 12.0, -1e6, 0.25, None]),
    ],
)
def test_numbers_with_commas(texts, options, expected):
    assert read(texts, NUMBER, **options) == expected


@pytest.mark.parametrize(
    ("text", "comma"), [("1,5", False), ("1,2345", False), ("1.5", True), ("1,5,5", True), ("x", True)]
)
def test_commas_in_the_wrong_place(text, comma):
    with pytest.raises(IngestError, match="row 2, column 'v': the value is not a number"):
        read(["1", text], NUMBER, decimal_comma=comma)


def test_decimal_char_is_read_and_written():
    field = Field.from_json({"name": "v", "type": "number", "decimalChar": ","})
    assert field.decimal_comma
    assert Field.from_json(field.to_json()) == field
    assert not Field.from_json({"name": "v", "type": "number", "decimalChar": "."}).decimal_comma
    assert read([1.5], NUMBER, decimal_comma=True) == [1.5]
    with pytest.raises(SchemaError, match="a point or a comma"):
        Field.from_json({"name": "v", "type": "number", "decimalChar": ";"})
    with pytest.raises(SchemaError, match="only a number"):
        Field("v", INTEGER, decimal_comma=True)


def test_whole_numbers_may_have_groups():
    assert read(["1,234", "7", "5.0"], INTEGER) == [1234, 7, 5]
