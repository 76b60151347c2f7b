"""Failures without cell values.

An exception's text may quote a private cell, and RQ keeps the text of what a job raises. So nothing that a job
raises leaves it: known errors become their own safe sentence, every other one its class and its place in the code.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType

from rq.timeouts import JobTimeoutException

from app.errors import AppError
from app.logs import describe_exception
from app.services.sources import sentence
from engine.errors import CancelledError, EngineError

OUT_OF_MEMORY = "The run needed more memory than the worker has. Synthesize fewer columns or categories."
OUT_OF_TIME = "The run took longer than this installation allows (JOB_TIMEOUT_HOURS)."


class RedactedJobError(Exception):
    """Raised in place of an unexpected exception; holds its class and place, never its message."""


@dataclass(frozen=True)
class Failure:
    """What went wrong.

    Args:
        sentence: what to tell the owner.
        place: class and place in the code, for the log.
        is_cancelled: whether the work stopped because it was asked to.
        is_expected: whether it is an error that the engine or the application names.
    """

    sentence: str
    place: str
    is_cancelled: bool
    is_expected: bool


class FailureGuard:
    """A context manager that ends every exception of its block and keeps a safe description of it.

    It is no `except` clause, so what is raised after the block carries no hidden reference to the exception.
    """

    def __init__(self) -> None:
        self.failure: Failure | None = None

    def __enter__(self) -> FailureGuard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self.failure = describe(error)
        return True


def describe(error: Exception) -> Failure:
    """What may be said of an exception."""
    place = describe_exception(error)
    if isinstance(error, CancelledError):
        return Failure("The run was cancelled.", place, is_cancelled=True, is_expected=True)
    if isinstance(error, EngineError):
        return Failure(sentence(error), place, is_cancelled=False, is_expected=True)
    if isinstance(error, AppError):
        return Failure(error.user_message, place, is_cancelled=False, is_expected=True)
    known = {MemoryError: OUT_OF_MEMORY, JobTimeoutException: OUT_OF_TIME}
    for kind, text in known.items():
        if isinstance(error, kind):
            return Failure(text, place, is_cancelled=False, is_expected=True)
    text = f"An unexpected error happened ({place}). Its message is withheld, since it may quote a cell."
    return Failure(text, place, is_cancelled=False, is_expected=False)
