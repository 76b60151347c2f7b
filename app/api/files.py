"""Stored files as downloads."""

from __future__ import annotations

from starlette.background import BackgroundTask
from starlette.responses import StreamingResponse

from app.services.views import ArtifactFile

CHUNK_BYTES = 64 * 1024


def file_response(file: ArtifactFile) -> StreamingResponse:
    """An opened file, streamed; a browser saves it and never shows it as a page of ours.

    Args:
        file: the file; its stream is closed afterwards.
    """
    headers = {
        "Content-Disposition": f'attachment; filename="{file.filename}"',
        "Content-Length": str(file.view.size_bytes),
        "X-Classification": file.view.classification,
        "X-Content-Type-Options": "nosniff",
    }
    chunks = iter(lambda: file.stream.read(CHUNK_BYTES), b"")
    return StreamingResponse(
        chunks, media_type=file.media_type, headers=headers, background=BackgroundTask(file.stream.close)
    )
