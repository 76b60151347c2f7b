"""Where a request comes from, for the audit log."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from app import origin


class OriginMiddleware:
    """Tells the application the address of the connection; no header is believed here.

    Args:
        app: what answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, with its address known."""
        client = scope.get("client")
        with origin.coming_from(client[0] if client else ""):
            await self.app(scope, receive, send)
