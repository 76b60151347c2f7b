"""Routes of the audit log."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse

from app.api.auth import require_user, services_of
from app.api.responses import file_response, json_response, read_json
from app.errors import InvalidInputError
from app.services.audit import MOST_LINES, AuditFilter


def list_entries(request: Request) -> JSONResponse:
    """Lines, newest first: `user`, `action`, `object_kind`, `object_id`, `since`, `until`, `before` and `limit`."""
    user, query = require_user(request), request.query_params
    wanted = AuditFilter(
        username=query.get("user", ""),
        action=query.get("action", ""),
        object_kind=query.get("object_kind", ""),
        object_id=query.get("object_id", ""),
        since=_moment(request, "since"),
        until=_moment(request, "until", ends_day=True),
    )
    limit = _whole(request, "limit", MOST_LINES) or 200
    before = _whole(request, "before", 2**53)
    return json_response(services_of(request).audit.list(user, limit, wanted=wanted, before=before))


def verify_log(request: Request) -> JSONResponse:
    """Whether the log's chain is whole, and where not."""
    return json_response(services_of(request).audit.verify(require_user(request)))


def export_log(request: Request) -> StreamingResponse:
    """The log as JSON lines: for an administrator all of it with its signed head, for others their own lines."""
    return file_response(services_of(request).audit_export.export(require_user(request)))


async def erase_person(request: Request) -> JSONResponse:
    """Erase the name and addresses of `user_id` from all lines so far."""
    user = await run_in_threadpool(require_user, request)
    user_id = (await read_json(request)).get("user_id")
    if not isinstance(user_id, str):
        raise InvalidInputError("State whose name and addresses to erase: the id of a user as 'user_id'.")
    count = await run_in_threadpool(services_of(request).audit.erase_person, user, user_id)
    return json_response({"lines": count})


def _moment(request: Request, name: str, *, ends_day: bool = False) -> datetime | None:
    """A moment from the query; a day alone begins at midnight UTC or, where asked, includes that day."""
    text = request.query_params.get(name, "")
    if not text:
        return None
    try:
        if len(text) == len("2026-01-31"):
            day = date.fromisoformat(text) + timedelta(days=int(ends_day))
            return datetime.combine(day, time(), UTC)
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInputError(f"State '{name}' as a day or a moment, such as 2026-01-31.") from None


def _whole(request: Request, name: str, highest: int) -> int | None:
    text = request.query_params.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 16 and 1 <= int(text) <= highest):
        raise InvalidInputError(f"State '{name}' as a whole number from 1 to {highest}.")
    return int(text)
