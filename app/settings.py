"""Every setting of the application, read once from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


class SettingError(ValueError):
    """Raised when a setting's value cannot be used; names the setting and what it takes."""


@dataclass(frozen=True)
class Setting:
    """One row of the settings table.

    Args:
        name: environment variable.
        default: its value where the variable is absent, as text.
        help: what it does.
    """

    name: str
    default: str
    help: str


SETTINGS = (
    Setting("DATA_DIR", "./data", "Folder of the database, uploads, results and the embedded Redis"),
    Setting("DATABASE_URL", "", "SQLAlchemy URL, such as postgresql://user@host/name; empty: SQLite in DATA_DIR"),
    Setting("REDIS_URL", "", "Redis of the queue; empty: the launcher starts one"),
    Setting("S3_BUCKET", "", "Bucket for uploads and results; empty: a folder in DATA_DIR"),
    Setting("S3_ENDPOINT_URL", "", "S3 endpoint where it is not Amazon's"),
    Setting("SIGNING_KEY_FILE", "", "PKCS#12 file that signs reports; empty: keys that are made at the first start"),
    Setting("SIGNING_KEY_PASSPHRASE", "", "Opens SIGNING_KEY_FILE, and encrypts the keys that are made here"),
    Setting("HOST", "127.0.0.1", "Address to listen on"),
    Setting("PORT", "8501", "Port to listen on"),
    Setting("MAX_UPLOAD_MB", "1024", "Largest upload, in MiB"),
    Setting("MAX_ROWS", "5000000", "Most rows of a table"),
    Setting("MAX_COLUMNS", "1000", "Most columns of a table"),
    Setting("SESSION_DAYS", "7", "Days until a sign-in expires"),
    Setting("LOCKOUT_ATTEMPTS", "5", "Failed sign-ins of a user name before it is locked"),
    Setting("LOCKOUT_MINUTES", "15", "Minutes over which failures count, and that a lock lasts"),
    Setting("QUEUE_NAME", "synthesis", "Name of the queue"),
    Setting("JOB_TIMEOUT_HOURS", "12", "Hours after which a run is stopped"),
    Setting("CANCEL_GRACE_SECONDS", "30", "Seconds a cancelled run has to stop by itself before it is killed"),
    Setting("WORKER_THREADS", "0", "Computing threads of a run; 0: as many as there are processor cores"),
    Setting("GPU", "wait", "What a run that wants a GPU does while all are in use: wait or cpu; off: none is used"),
    Setting("WORKERS", "1", "Worker processes that the launcher starts; 0: none"),
    Setting("LOG_FORMAT", "console", "console or json"),
    Setting("LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING or ERROR"),
)

_DEFAULTS = {setting.name: setting.default for setting in SETTINGS}


@dataclass(frozen=True)
class Settings:
    """The application's settings, one attribute per row of `SETTINGS` in lower case."""

    data_dir: Path
    database_url: str
    redis_url: str
    s3_bucket: str
    s3_endpoint_url: str
    signing_key_file: str
    signing_key_passphrase: str = field(repr=False)
    host: str
    port: int
    max_upload_mb: int
    max_rows: int
    max_columns: int
    session_days: int
    lockout_attempts: int
    lockout_minutes: int
    queue_name: str
    job_timeout_hours: int
    cancel_grace_seconds: int
    worker_threads: int
    gpu: str
    workers: int
    log_format: str
    log_level: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read all settings.

        Args:
            environment: variables; the process's own where None.

        Raises:
            SettingError: a value is not of the form that the setting takes.
        """
        given = os.environ if environment is None else environment
        text = {name: given.get(name, "").strip() or default for name, default in _DEFAULTS.items()}
        data_dir = Path(text["DATA_DIR"]).expanduser().resolve()
        return cls(
            data_dir=data_dir,
            database_url=text["DATABASE_URL"] or f"sqlite:///{data_dir / 'studio.sqlite3'}",
            redis_url=text["REDIS_URL"],
            s3_bucket=text["S3_BUCKET"],
            s3_endpoint_url=text["S3_ENDPOINT_URL"],
            signing_key_file=_absolute(text["SIGNING_KEY_FILE"]),
            signing_key_passphrase=text["SIGNING_KEY_PASSPHRASE"],
            host=text["HOST"],
            port=_whole(text, "PORT", 1, 65535),
            max_upload_mb=_whole(text, "MAX_UPLOAD_MB", 1, 1_000_000),
            max_rows=_whole(text, "MAX_ROWS", 1, 1_000_000_000),
            max_columns=_whole(text, "MAX_COLUMNS", 1, 100_000),
            session_days=_whole(text, "SESSION_DAYS", 1, 3650),
            lockout_attempts=_whole(text, "LOCKOUT_ATTEMPTS", 1, 1000),
            lockout_minutes=_whole(text, "LOCKOUT_MINUTES", 1, 10_000),
            queue_name=text["QUEUE_NAME"],
            job_timeout_hours=_whole(text, "JOB_TIMEOUT_HOURS", 1, 10_000),
            cancel_grace_seconds=_whole(text, "CANCEL_GRACE_SECONDS", 1, 86_400),
            worker_threads=_whole(text, "WORKER_THREADS", 0, 4096),
            gpu=_choice(text, "GPU", ("wait", "cpu", "off")),
            workers=_whole(text, "WORKERS", 0, 256),
            log_format=_choice(text, "LOG_FORMAT", ("console", "json")),
            log_level=_choice(text, "LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR")),
        )

    @property
    def max_upload_bytes(self) -> int:
        """Largest upload in bytes."""
        return self.max_upload_mb * 1024 * 1024


def _absolute(path: str) -> str:
    """A path that stays right when the working folder changes; empty where there is none."""
    return str(Path(path).expanduser().absolute()) if path else ""


def _whole(text: Mapping[str, str], name: str, low: int, high: int) -> int:
    try:
        value = int(text[name])
    except ValueError:
        raise SettingError(f"{name} takes a whole number") from None
    if not low <= value <= high:
        raise SettingError(f"{name} takes a whole number from {low} to {high}")
    return value


def _choice(text: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    value = text[name]
    if value not in choices:
        raise SettingError(f"{name} takes one of {', '.join(choices)}")
    return value
