"""JSON in and out, and the one shape of every error: `{"error": {"code": ..., "message": ...}}`."""

from __future__ import annotations

import dataclasses
import json
import math
from datetime import datetime
from typing import Any

from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse

from app.errors import AppError, InvalidInputError, TooLargeError
from app.logs import describe_exception, get_logger
from app.services.sources import sentence
from app.services.views import ArtifactFile
from engine.data.schema import TableSchema
from engine.errors import EngineError
from engine.privacy.plan import UnitOfProtection

_logger = get_logger(__name__)

LARGEST_JSON_BYTES = 64 * 1024

_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def json_response(value: Any, status: int = 200) -> JSONResponse:
    """A view, or plain JSON, as a response."""
    return JSONResponse(plain(value), status)


def file_response(file: ArtifactFile) -> StreamingResponse:
    """An opened file, streamed and then closed; a browser saves it and never shows it as a page of ours."""
    headers = {
        "Content-Disposition": f'attachment; filename="{file.filename}"',
        "Content-Length": str(file.view.size_bytes),
        "X-Classification": file.view.classification,
        "X-Content-Type-Options": "nosniff",
    }
    chunks = iter(lambda: file.stream.read(64 * 1024), b"")
    close = BackgroundTask(file.stream.close)
    return StreamingResponse(chunks, media_type=file.media_type, headers=headers, background=close)


def error_response(status: int, code: str, message: str) -> JSONResponse:
    """An error in the one shape."""
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers=headers)


def plain(value: Any) -> Any:
    """A view as JSON: dates in ISO form, sets as sorted lists, what is not finite as null."""
    if isinstance(value, TableSchema | UnitOfProtection):
        return value.to_json()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


async def read_body(request: Request, max_bytes: int) -> bytes:
    """A small body, whole; raises TooLargeError as soon as it passes `max_bytes`."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise TooLargeError(f"The body of the request is larger than {max_bytes // 1024:,} KiB.")
    return bytes(body)


async def read_json(request: Request, max_bytes: int = LARGEST_JSON_BYTES) -> dict[str, Any]:
    """A request's body as a JSON object.

    Args:
        request: the request.
        max_bytes: most bytes.

    Raises:
        InvalidInputError: it is none, or is not declared as JSON; a form on another site cannot declare that.
        TooLargeError: there are more.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise InvalidInputError("Send JSON, with the header 'Content-Type: application/json'.")
    try:
        value = json.loads(await read_body(request, max_bytes))
        json.dumps(value, ensure_ascii=False).encode()  # half a character could be stored, but never sent back
    except (ValueError, RecursionError):
        raise InvalidInputError("The body must be JSON.") from None
    if not isinstance(value, dict):
        raise InvalidInputError("The body must be a JSON object.")
    return value


def on_app_error(request: Request, error: Exception) -> JSONResponse:
    """An error of ours, in its own words."""
    if not isinstance(error, AppError):
        raise TypeError("only errors of the application come here")
    return error_response(error.http_status, error.code, error.user_message)


def on_engine_error(request: Request, error: Exception) -> JSONResponse:
    """An error of the engine about what was sent; its messages quote no cell value."""
    if not isinstance(error, EngineError):
        raise TypeError("only errors of the engine come here")
    return error_response(422, error.code, sentence(error))


def on_http_error(request: Request, error: Exception) -> JSONResponse:
    """An error of the framework: an unknown path, a wrong method, a body that is too large."""
    if not isinstance(error, HTTPException):
        raise TypeError("only HTTP errors come here")
    return error_response(error.status_code, _CODES.get(error.status_code, "bad_request"), f"{error.detail}.")


def on_unexpected_error(request: Request, error: Exception) -> JSONResponse:
    """Anything else: its class and place go to the log, nothing of it to the caller."""
    _logger.error("request_failed", path=request.url.path, place=describe_exception(error))
    return error_response(500, "internal_error", "Something unexpected happened. The log says where.")
