"""Who asks: a Bearer token of one of our users."""

from __future__ import annotations

from starlette.requests import Request

from app.errors import NotSignedInError
from app.services.views import UserView
from app.wiring import Services

SCHEME = "bearer"


def services_of(request: Request) -> Services:
    """The application that the API was made for."""
    services: Services = request.app.state.services
    return services


def require_user(request: Request) -> UserView:
    """The user whose token came with the request.

    Raises:
        NotSignedInError: there is none, or it is revoked or unknown.
    """
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != SCHEME or not secret.strip():
        raise NotSignedInError("Send an API token as 'Authorization: Bearer …'. Tokens are made on the account page.")
    user = services_of(request).accounts.user_for_token(secret.strip())
    if user is None:
        raise NotSignedInError("This API token is unknown or revoked.")
    return user
