"""The API: Starlette routes over the services, with tokens of their own."""

from app.api.routes import create_api

__all__ = ["create_api"]
