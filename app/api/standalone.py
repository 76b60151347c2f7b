"""The API without the pages: `uvicorn app.api.standalone:app`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool

from app.api.routes import create_api
from app.logs import configure_logs
from app.wiring import process_services


@asynccontextmanager
async def lifespan(api: Starlette) -> AsyncIterator[None]:
    """Bring the tables to the newest version, and make the signing keys, before the first request."""
    services = process_services()
    configure_logs(services.settings.log_format, services.settings.log_level)
    await run_in_threadpool(services.database.migrate)
    await run_in_threadpool(services.signing.prepare)
    yield


app = create_api(process_services(), lifespan=lifespan)
