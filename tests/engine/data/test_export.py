"""Tables as files that spreadsheets open without running anything."""

import numpy as np
import pandas as pd
import pytest

from engine.data.export import FORMULA_STARTS, write_csv


def written(tmp_path, table, **options):
    path = tmp_path / "t.csv"
    write_csv(table, path, **options)
    return path.read_bytes().decode()


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_formulas_are_neutralised(tmp_path, start):
    table = pd.DataFrame({f"{start}h": pd.Series([f"{start}cmd|' /C calc'!A0", "fine", None], dtype="string")})
    text = written(tmp_path, table)
    assert f"'{start}cmd" in text
    assert f"'{start}h" in text
    assert "fine" in text
    assert f"'{start}" not in written(tmp_path, table, neutralise_formulas=False)


def test_negative_numbers_stay_numbers(tmp_path):
    table = pd.DataFrame({"n": pd.Series([-5, None], dtype="Int64"), "f": pd.Series([-0.5, 2.0], dtype="Float64")})
    assert written(tmp_path, table) == "n,f\n-5,-0.5\n,2.0\n"


def test_booleans_dates_and_missing(tmp_path):
    table = pd.DataFrame(
        {
            "b": pd.Series([True, None], dtype="boolean"),
            "d": pd.to_datetime(pd.Series(["2024-02-29", None])),
            "t": pd.to_datetime(pd.Series(["2024-02-29 13:45:00", None])),
        }
    )
    assert written(tmp_path, table, missing="?") == "b,d,t\ntrue,2024-02-29,2024-02-29T13:45:00\n?,?,?\n"


@pytest.mark.parametrize(
    ("moments", "texts"),
    [
        (["0001-01-01", "0999-12-31"], ["0001-01-01", "0999-12-31"]),
        (["0999-12-31T07:30:00", "2024-02-29"], ["0999-12-31T07:30:00", "2024-02-29T00:00:00"]),
        (["2024-02-29T07:30:00.000001", "NaT"], ["2024-02-29T07:30:00.000001", ""]),
    ],
)
def test_moments_keep_what_they_hold(tmp_path, moments, texts):
    table = pd.DataFrame({"k": [1, 2], "d": np.array(moments, dtype="datetime64[us]")}, index=[7, 9])
    assert written(tmp_path, table) == f"k,d\n1,{texts[0]}\n2,{texts[1]}\n"
