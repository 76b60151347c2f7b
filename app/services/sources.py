"""Reading a table for its owner, at registration. The data engine is loaded on first use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.errors import InvalidDataError
from app.settings import Settings
from engine.data.schema import TableSchema
from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.data.ingest import IngestLimits

SAMPLE_NAME = "encounters"


@dataclass(frozen=True)
class ReadSource:
    """What registration keeps of a table.

    Args:
        n_rows: number of rows.
        columns: names in file order.
        profile: the profile as JSON, for the owner's eyes only.
        proposal: the proposed schema as JSON.
    """

    n_rows: int
    columns: tuple[str, ...]
    profile: dict[str, Any]
    proposal: dict[str, Any]


def read_source(path: Path, filename: str, settings: Settings) -> ReadSource:
    """Check and profile a table.

    Args:
        path: the file.
        filename: its name, whose ending tells the format.
        settings: limits.

    Raises:
        InvalidDataError: it is not a table that can be read.

    Privacy: the result holds exact numbers of private rows and is for the owner's eyes only.
    """
    from engine.data.ingest import read_table
    from engine.data.profiling import profile_table, propose_schema

    try:
        table = read_table(path, filename=filename, limits=ingest_limits(settings)).table
        profile = profile_table(table)
        proposal = propose_schema(profile)
    except EngineError as error:
        raise InvalidDataError(sentence(error)) from None
    return ReadSource(
        n_rows=len(table),
        columns=tuple(str(name) for name in table.columns),
        profile=profile.to_json(),
        proposal=proposal.to_json(),
    )


def check_readable(path: Path, filename: str, schema: TableSchema, settings: Settings) -> None:
    """Refuse a schema that the table cannot be read with, before a run is charged for finding out.

    Args:
        path: the file.
        filename: its name, whose ending tells the format.
        schema: the schema.
        settings: limits.

    Raises:
        InvalidDataError: a cell cannot be what the schema says; names its row and column, not its value.

    Privacy: the message is for the owner's eyes only.
    """
    from engine.data.ingest import read_table

    try:
        read_table(path, filename=filename, schema=schema, limits=ingest_limits(settings))
    except EngineError as error:
        raise InvalidDataError(sentence(error)) from None


def ingest_limits(settings: Settings) -> IngestLimits:
    """The settings' limits as the engine takes them."""
    from engine.data.ingest import IngestLimits

    return IngestLimits(
        max_bytes=settings.max_upload_bytes, max_rows=settings.max_rows, max_columns=settings.max_columns
    )


def sample_files() -> tuple[Path, Path]:
    """The simulated table that comes with the product, and its schema."""
    import engine.data

    folder = Path(next(iter(engine.data.__path__))) / "samples"
    return folder / f"{SAMPLE_NAME}.csv", folder / f"{SAMPLE_NAME}.schema.json"


def sentence(error: EngineError) -> str:
    """An engine's message as a sentence for people; the engine's messages quote no cell value."""
    text = str(error).strip()
    if text[:1].isascii():  # ε begins a sentence as it is: its capital reads as another letter
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
