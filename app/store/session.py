"""The database: one engine, short transactions, migrations."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from app.store import audit_chain

__all__ = ["Database", "IntegrityError", "Session"]

MIGRATIONS = Path(__file__).with_name("migrations")
BUSY_TIMEOUT_SECONDS = 30.0


class Database:
    """One database; nothing is connected before the first transaction.

    Args:
        url: SQLAlchemy URL.
    """

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.engine = _create_engine(str(url))
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that only reads."""
        with self._sessions() as session:
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """A transaction that only reads, all of it as it stood at one moment."""
        options = {} if self.url.get_backend_name() == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        with self._sessions() as session:
            session.connection(execution_options=options)
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that is committed at the end, or rolled back where the block raises.

        Audit entries that the block appended are sealed as the last thing, so that the head of the log is locked for
        no longer than the commit takes, and after every other row.
        """
        with self._sessions.begin() as session:
            session.connection(execution_options={"writes": True})
            audit_chain.open_log(session)
            yield session
            audit_chain.seal_entries(session)

    def migrate(self) -> None:
        """Bring the tables to the newest version; waits while another process does the same."""
        from alembic import command
        from alembic.config import Config

        if self.url.get_backend_name() == "sqlite" and self.url.database:
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            if self.url.get_backend_name() == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(20260801)"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def is_reachable(self) -> bool:
        """Whether a query is answered."""
        try:
            with self.engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return True

    def has_table(self, name: str) -> bool:
        """Whether the database answers and has a table; a database in a file is never made by asking."""
        if self.url.get_backend_name() == "sqlite" and not Path(self.url.database or "").is_file():
            return False
        try:
            return inspect(self.engine).has_table(name)
        except SQLAlchemyError:
            return False

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _create_engine(url: str) -> Engine:
    """An engine that never writes parameters into error messages or logs."""
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, hide_parameters=True, pool_pre_ping=True, pool_size=10, max_overflow=20)
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, record: Any) -> None:
    """Foreign keys, readers beside a writer, and transactions that we open ourselves."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    _write_ahead(cursor)
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _write_ahead(cursor: Any) -> None:
    """Turn the write-ahead log on; SQLite does not wait by itself while another process does the same."""
    deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at the start: a reader that turns writer would fail without waiting."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
