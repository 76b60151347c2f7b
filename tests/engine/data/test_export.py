"""Tables as files that spreadsheets open without running anything."""

import pandas as pd
import pytest

from engine.data.export import write_csv


def written(tmp_path, table, **options):
    path = tmp_path / "t.csv"
    write_csv(table, path, **options)
    return path.read_bytes().decode()


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
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
