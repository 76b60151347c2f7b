"""Structured logs without cell values.

An exception's text may quote a private cell, so no handler of any library ever sees one: every log record keeps
the exception's class and the place in the code, and loses its message and its traceback.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import structlog

ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def _describe_in_place(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put an exception's description in the place of the exception."""
    given = event.pop("exc_info", None)
    error = given if isinstance(given, BaseException) else sys.exc_info()[1]
    if given and error is not None:
        event["exception"] = describe_exception(error)
    return event


_SHARED: list[Any] = [
    _describe_in_place,
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]

_CHATTY = ("alembic", "uvicorn.error", "botocore", "boto3", "urllib3", "s3transfer")
"""Libraries that tell of every step at INFO."""


def configure_logs(log_format: str = "console", level: str = "INFO") -> None:
    """Send all records of this process to standard error, redacted.

    Args:
        log_format: `console` or `json`.
        level: least level that is written.
    """
    redact_all_records()
    # A handler that fails would print the exception it was handling, message and all.
    logging.raiseExceptions = False
    renderer = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger that takes an event name and values: `logger.info("run_started", run_id=run_id)`."""
    return cast(structlog.stdlib.BoundLogger, structlog.get_logger(name))


def redact_all_records() -> None:
    """Make every log record of this process lose exception messages, whichever library writes it."""
    current = logging.getLogRecordFactory()
    if not getattr(current, "redacts", False):
        logging.setLogRecordFactory(_redacting(current))


def describe_exception(error: BaseException) -> str:
    """Class and place of an exception, without its message: `ValueError at ingest.py:31 in read_table`."""
    name = type(error).__name__
    place = error.__traceback__
    if place is None:
        return name
    while place.tb_next is not None:
        place = place.tb_next
    code = place.tb_frame.f_code
    return f"{name} at {Path(code.co_filename).name}:{place.tb_lineno} in {code.co_name}"


def _redacting(inner: Callable[..., logging.LogRecord]) -> Callable[..., logging.LogRecord]:
    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = inner(*args, **kwargs)
        # A record of structlog's is a dict whose exception was described before.
        if record.exc_info and record.exc_info[1] is not None and not isinstance(record.msg, dict):
            first_line = next(iter(record.getMessage().splitlines()), "")
            record.msg = f"{first_line} [{describe_exception(record.exc_info[1])}]"
            record.args = ()
        record.exc_info = None
        record.exc_text = None
        return record

    factory.redacts = True  # type: ignore[attr-defined]
    return factory
