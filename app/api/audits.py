"""The route of the recorded audits."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse

from app.api.auth import require_user
from app.api.responses import json_response
from app.services import audits


def get_audits(request: Request) -> JSONResponse:
    """What the last full audit proved of each method; nothing of it is private."""
    require_user(request)
    return json_response(audits.recorded())
