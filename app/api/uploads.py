"""A request's body, written to the disk as it arrives."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from app.errors import InvalidInputError, TooLargeError


@asynccontextmanager
async def received_body(request: Request, max_bytes: int) -> AsyncIterator[Path]:
    """The body as a file, for as long as the block runs.

    Args:
        request: the request.
        max_bytes: most bytes.

    Raises:
        TooLargeError: there are more.
        InvalidInputError: there are none.
    """
    with tempfile.TemporaryDirectory(prefix="studio-") as folder:
        path = Path(folder) / "upload"
        size = 0
        with path.open("wb") as target:
            async for chunk in request.stream():
                size += len(chunk)
                if size > max_bytes:
                    raise TooLargeError(f"The file is larger than {max_bytes / 1024**2:g} MiB, the limit here.")
                await run_in_threadpool(target.write, chunk)
        if size == 0:
            raise InvalidInputError("Send the file as the body of the request.")
        yield path
