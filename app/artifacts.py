"""Stored files by id: in a folder, or in an S3 bucket. No name that a user typed ever becomes a path."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from app.errors import TooLargeError, UnavailableError
from engine.checkpoints import move_durably

CHUNK_BYTES = 1024 * 1024
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class StoredFile:
    """Size and digest of what was stored."""

    size_bytes: int
    sha256: str


class FileStore(Protocol):
    """Where files live."""

    def save(self, file_id: str, path: Path) -> StoredFile:
        """Store a copy of a local file under an id."""

    def open(self, file_id: str) -> BinaryIO:
        """A stream of a file's bytes; raises UnavailableError where it is gone."""

    def local_path(self, file_id: str) -> Any:
        """A context manager that gives a local path for as long as it is open."""

    def delete(self, file_id: str) -> None:
        """Remove a file; nothing happens where it is gone."""

    def close(self) -> None:
        """Close all connections."""


class FolderStore:
    """Files in a folder, spread over 256 subfolders.

    Args:
        folder: made on first use, readable by the owner only.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, file_id: str, path: Path) -> StoredFile:
        """Store a copy of a local file; a reader never sees half of it."""
        target = self._path(file_id)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = target.with_suffix(".partial")
        shutil.copyfile(path, partial)
        partial.chmod(0o600)
        stored = digest(partial)
        move_durably(partial, target)
        return stored

    def open(self, file_id: str) -> BinaryIO:
        """A stream of the file."""
        try:
            return self._path(file_id).open("rb")
        except FileNotFoundError:
            raise UnavailableError("The stored file is gone.") from None

    @contextmanager
    def local_path(self, file_id: str) -> Iterator[Path]:
        """The file where it lies."""
        path = self._path(file_id)
        if not path.is_file():
            raise UnavailableError("The stored file is gone.")
        yield path

    def delete(self, file_id: str) -> None:
        """Remove the file, and what a process that died while it wrote may have left of it."""
        path = self._path(file_id)
        path.unlink(missing_ok=True)
        path.with_suffix(".partial").unlink(missing_ok=True)

    def close(self) -> None:
        """A folder has no connections."""

    def _path(self, file_id: str) -> Path:
        return self.folder / check_id(file_id)[:2] / file_id


class BucketStore:
    """Files in an S3 bucket.

    Args:
        bucket: its name.
        endpoint_url: where it is not Amazon's; empty otherwise.
    """

    def __init__(self, bucket: str, endpoint_url: str = "") -> None:
        self.bucket = bucket
        self.endpoint_url = endpoint_url
        self._client: Any = None

    @property
    def client(self) -> Any:
        """The S3 client, made on first use."""
        if self._client is None:
            import boto3

            self._client = boto3.client("s3", endpoint_url=self.endpoint_url or None)
        return self._client

    def save(self, file_id: str, path: Path) -> StoredFile:
        """Upload a local file."""
        stored = digest(path)
        with self._translated():
            self.client.upload_file(str(path), self.bucket, self._key(file_id))
        return stored

    def open(self, file_id: str) -> BinaryIO:
        """A stream of the object, through a temporary file that vanishes when it is closed."""
        key = self._key(file_id)
        with ExitStack() as undo:
            stream = undo.enter_context(tempfile.TemporaryFile())
            with self._translated():
                self.client.download_fileobj(self.bucket, key, stream)
            stream.seek(0)
            undo.pop_all()  # from here on, the caller closes it
        return cast(BinaryIO, stream)

    @contextmanager
    def local_path(self, file_id: str) -> Iterator[Path]:
        """A temporary copy of the object."""
        with tempfile.TemporaryDirectory(prefix="studio-") as folder:
            path = Path(folder) / check_id(file_id)
            with self._translated():
                self.client.download_file(self.bucket, self._key(file_id), str(path))
            yield path

    def delete(self, file_id: str) -> None:
        """Remove the object."""
        with self._translated():
            self.client.delete_object(Bucket=self.bucket, Key=self._key(file_id))

    def close(self) -> None:
        """Close the client's connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    @staticmethod
    def _key(file_id: str) -> str:
        return f"artifacts/{check_id(file_id)}"

    @contextmanager
    def _translated(self) -> Iterator[None]:
        from boto3.exceptions import S3UploadFailedError
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (BotoCoreError, ClientError, S3UploadFailedError):
            raise UnavailableError("The bucket with the stored files does not answer.") from None


def check_id(file_id: str) -> str:
    """The id, where it is one; raises ValueError otherwise, so no path can be smuggled in."""
    if not _ID.fullmatch(file_id):
        raise ValueError("a file id is 32 hexadecimal digits")
    return file_id


def digest(path: Path) -> StoredFile:
    """Size and SHA-256 of a file."""
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256")
    return StoredFile(path.stat().st_size, found.hexdigest())


def save_json(store: FileStore, file_id: str, value: Any) -> StoredFile:
    """Store a value as JSON; NaN and infinity are refused, since JSON has none."""
    return save_bytes(store, file_id, json.dumps(value, ensure_ascii=False, allow_nan=False).encode())


def save_bytes(store: FileStore, file_id: str, content: bytes) -> StoredFile:
    """Store bytes."""
    with tempfile.TemporaryDirectory(prefix="studio-") as folder:
        path = Path(folder) / "content"
        path.write_bytes(content)
        return store.save(file_id, path)


@contextmanager
def received_file(source: Path | BinaryIO, max_bytes: int) -> Iterator[Path]:
    """An upload on the local disk, for as long as the block runs.

    Args:
        source: a local file, used where it lies, or a stream, copied chunk by chunk.
        max_bytes: most bytes.

    Raises:
        TooLargeError: there are more.
    """
    if isinstance(source, Path):
        if source.stat().st_size > max_bytes:
            raise _too_large(max_bytes)
        yield source
        return
    with tempfile.TemporaryDirectory(prefix="studio-") as folder:
        path = Path(folder) / "upload"
        _copy(source, path, max_bytes)
        yield path


def _copy(source: BinaryIO, path: Path, max_bytes: int) -> None:
    size = 0
    with path.open("wb") as target:
        while chunk := source.read(CHUNK_BYTES):
            size += len(chunk)
            if size > max_bytes:
                raise _too_large(max_bytes)
            target.write(chunk)


def _too_large(max_bytes: int) -> TooLargeError:
    return TooLargeError(f"The file is larger than {max_bytes / 1024**2:g} MiB, the limit of this installation.")
