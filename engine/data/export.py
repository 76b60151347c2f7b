"""Tables as files."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""First characters with which a spreadsheet takes a text for a formula (OWASP, CSV injection)."""


def write_csv(
    table: pd.DataFrame, path: Path, *, neutralise_formulas: bool = True, missing: str = "", append: bool = False
) -> None:
    """Write a typed table as CSV in UTF-8.

    Args:
        table: typed columns; integers stay integers, dates are ISO, booleans `true` and `false`.
        path: where to.
        neutralise_formulas: put an apostrophe before texts and headers that a spreadsheet would run.
        missing: text of a missing cell.
        append: put the rows behind those that the file holds, whose columns must be the same.
    """
    texts = {name: _texts(column) for name, column in table.items()}
    if neutralise_formulas:
        texts = {name: _neutralised(column) for name, column in texts.items()}
    names = [_neutral(str(name)) if neutralise_formulas else str(name) for name in table.columns]
    frame = pd.DataFrame(dict(enumerate(texts.values())))
    # the writer quotes line feeds by itself, but not carriage returns
    returns = any(_holds_carriage_return(column) for _, column in frame.items())
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL
    header = False if append else names
    mode: Literal["a", "w"] = "a" if append else "w"
    frame.to_csv(path, mode=mode, index=False, header=header, na_rep=missing, lineterminator="\n", quoting=quoting)


def write_parquet(table: pd.DataFrame, path: Path) -> None:
    """Write a typed table as Parquet."""
    table.to_parquet(path, index=False)


class TableWriter:
    """Writes a table piece by piece as Parquet or CSV.

    Args:
        path: where to.
        suffix: `.parquet` for Parquet; all else is CSV.
        neutralise_formulas: as in `write_csv`.
    """

    def __init__(self, path: Path, suffix: str, *, neutralise_formulas: bool = True) -> None:
        self._path = path
        self._is_parquet = suffix.lower() == ".parquet"
        self._neutralise_formulas = neutralise_formulas
        self._parquet: pq.ParquetWriter | None = None
        self._is_empty = True

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(self, *_: object) -> None:
        if self._parquet is not None:
            self._parquet.close()

    def write(self, piece: pd.DataFrame) -> None:
        """Add rows; all pieces have the same columns."""
        if self._is_parquet:
            part = pa.Table.from_pandas(piece, preserve_index=False)
            self._parquet = self._parquet or pq.ParquetWriter(self._path, part.schema)
            self._parquet.write_table(part)
        else:
            write_csv(piece, self._path, neutralise_formulas=self._neutralise_formulas, append=not self._is_empty)
        self._is_empty = False


def _holds_carriage_return(column: pd.Series) -> bool:
    return bool(
        pd.api.types.is_string_dtype(column.dtype)
        and column.astype("string").str.contains("\r", regex=False).fillna(False).any()
    )


def _texts(column: pd.Series) -> pd.Series:
    if pd.api.types.is_bool_dtype(column.dtype):
        return column.astype("object").map({True: "true", False: "false"})
    return _iso(column) if pd.api.types.is_datetime64_dtype(column.dtype) else column


def _iso(column: pd.Series) -> pd.Series:
    """ISO texts with four-digit years, to the day, second or microsecond, whichever all moments need."""
    moments = column.to_numpy(dtype="datetime64[us]")
    known = moments[~np.isnat(moments)]
    unit: Literal["D", "s", "us"] = "us"
    if (known == known.astype("datetime64[D]")).all():
        unit = "D"
    elif (known == known.astype("datetime64[s]")).all():
        unit = "s"
    texts = pd.Series(np.datetime_as_string(moments, unit=unit), index=column.index, dtype="string")
    return texts.mask(np.isnat(moments))


def _neutralised(column: pd.Series) -> pd.Series:
    if not pd.api.types.is_string_dtype(column.dtype):
        return column
    risky = column.fillna("").astype(str).str.startswith(FORMULA_STARTS)
    return column.where(~risky, "'" + column.astype("string")) if risky.any() else column


def _neutral(name: str) -> str:
    return f"'{name}" if name.startswith(FORMULA_STARTS) else name
