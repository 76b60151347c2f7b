"""The browser's sign-in cookie. Pages cannot set one that scripts cannot read, so this route does."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from app.api.auth import services_of
from app.api.responses import read_json
from app.errors import NotSignedInError

COOKIE_NAME = "studio_session"
_SECONDS_PER_DAY = 86_400


async def keep_session(request: Request) -> Response:
    """Put an open session's secret into the browser's cookie; the body is JSON, which other sites cannot post."""
    secret = (await read_json(request)).get("session")
    services = services_of(request)
    if not isinstance(secret, str) or services.accounts.session_user(secret) is None:
        raise NotSignedInError
    response = Response(status_code=204)
    response.set_cookie(
        COOKIE_NAME,
        secret,
        max_age=services.settings.session_days * _SECONDS_PER_DAY,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


def forget_session(request: Request) -> Response:
    """End the cookie's session and remove the cookie."""
    secret = request.cookies.get(COOKIE_NAME)
    if secret:
        services_of(request).accounts.close_session(secret)
    response = Response(status_code=204)
    response.delete_cookie(COOKIE_NAME)
    return response
