"""Errors of the engine. Every message is safe to show and to log: it never quotes a cell value.

EngineError
├── InputError               a file or table cannot be used as it is
│   ├── IngestError          a file cannot be read; names the row and column where there is one
│   └── SchemaError          a schema is malformed or contradicts itself
├── PlanError                a synthesis plan cannot be carried out
├── BudgetExceededError      a mechanism would spend more than its envelope
├── UnsupportedEventError    a privacy event that no accountant here can compose
├── AlreadyFittedError       a synthesizer is fitted twice on one reservation
├── ExecutionError           the cluster or the scratch folder that the settings name cannot be used
├── NotFittedError           rows are asked of a synthesizer that was not fitted
└── CancelledError           the caller asked for the work to stop
"""

from __future__ import annotations

from typing import ClassVar


class EngineError(Exception):
    """Raised when the engine refuses or fails; `str(error)` says what to do, without any cell value."""

    code: ClassVar[str] = "engine_error"


class InputError(EngineError):
    """Raised when a file or a table cannot be used as it is."""

    code = "bad_input"


class IngestError(InputError):
    """Raised when a file cannot be read as a table.

    Args:
        message: what is wrong and what to do, without any cell value.
        row: 1-based data row (the header is not counted), where there is one.
        column: column name, where there is one.
    """

    code = "unreadable_file"

    def __init__(self, message: str, *, row: int | None = None, column: str | None = None) -> None:
        place = [f"row {row}"] if row is not None else []
        place += [f"column {column!r}"] if column is not None else []
        super().__init__(f"{', '.join(place)}: {message}" if place else message)
        self.message = message
        self.row = row
        self.column = column

    def after(self, rows: int) -> IngestError:
        """The same error in a part of a table that begins after some rows."""
        row = None if self.row is None else self.row + rows
        return IngestError(self.message, row=row, column=self.column)


class SchemaError(InputError):
    """Raised when a schema is malformed or contradicts itself."""

    code = "invalid_schema"


class PlanError(EngineError):
    """Raised when a synthesis plan cannot be carried out as stated."""

    code = "invalid_plan"


class BudgetExceededError(EngineError):
    """Raised when a mechanism would spend more privacy loss than its envelope holds."""

    code = "budget_exceeded"


class UnsupportedEventError(EngineError):
    """Raised when a recorded event is unknown to every accountant, so no ε may be printed."""

    code = "unsupported_event"


class AlreadyFittedError(EngineError):
    """Raised when a synthesizer that has been fitted is fitted again: a second fit is a second charge."""

    code = "already_fitted"


class NotFittedError(EngineError):
    """Raised when rows are asked of a synthesizer that was not fitted."""

    code = "not_fitted"


class ExecutionError(EngineError):
    """Raised when the cluster or the scratch folder that the settings name cannot be used."""

    code = "execution_unavailable"


class CancelledError(EngineError):
    """Raised by a progress callback to stop the work; whatever was charged stays charged."""

    code = "cancelled"
