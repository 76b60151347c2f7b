"""Migrations make exactly the tables that the code expects, on both databases."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, inspect, select, text

from app.services.audit import AuditService
from app.store.models import AuditEntry, Base, Run
from app.store.session import MIGRATIONS, Database

NEWEST = "0006"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    if request.param == "postgresql":
        url = request.getfixturevalue("make_postgres_database")()
    else:
        url = f"sqlite:///{tmp_path / 'data' / 'studio.sqlite3'}"
    made = Database(url)
    yield made
    made.close()


@pytest.mark.integration
def test_the_newest_version_is_the_metadata(database):
    database.migrate()
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def names_of_constraints(inspector, table):
    parts = (
        [inspector.get_pk_constraint(table)],
        inspector.get_unique_constraints(table),
        inspector.get_foreign_keys(table),
        inspector.get_indexes(table),
    )
    return {part["name"] for group in parts for part in group}


@pytest.mark.integration
def test_constraints_have_the_names_of_the_metadata(database, tmp_path):
    database.migrate()
    made = Database(f"sqlite:///{tmp_path / 'metadata.sqlite3'}")
    Base.metadata.create_all(made.engine)
    migrated, expected = inspect(database.engine), inspect(made.engine)
    for table in Base.metadata.tables:
        assert names_of_constraints(migrated, table) >= names_of_constraints(expected, table), table
    made.close()


@pytest.mark.integration
def test_migrating_again_or_from_several_processes_changes_nothing(database):
    gate = threading.Barrier(4)

    def migrate(_):
        mine = Database(database.url.render_as_string(hide_password=False))
        gate.wait()
        mine.migrate()
        mine.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, range(4)))
    database.migrate()
    with database.engine.connect() as connection:
        assert connection.scalars(text("SELECT version_num FROM alembic_version")).all() == [NEWEST]


@pytest.mark.integration
def test_the_way_back_leaves_nothing(database):
    database.migrate()
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert inspect(database.engine).get_table_names() == ["alembic_version"]


@pytest.mark.integration
def test_a_ledger_of_an_older_version_is_kept_and_may_hold_entries_without_an_epsilon(database):
    """Tables of version 0002 with one row in each, filled by their own columns' types, then migrated."""
    migrate_to(database, "0002")
    older = MetaData()
    older.reflect(database.engine)
    with database.engine.begin() as connection:
        for table in older.sorted_tables:
            if table.name in Base.metadata.tables:
                connection.execute(table.insert().values({column.name: filler(column) for column in table.columns}))
    migrate_to(database, "head")
    with database.engine.begin() as connection:
        assert connection.execute(text("SELECT epsilon_micro, delta FROM ledger_entries")).all() == [(7, 7.0)]
        assert connection.scalar(text("SELECT allows_unprotected FROM datasets")) in (True, 1)
        connection.execute(text("UPDATE ledger_entries SET epsilon_micro = NULL, delta = NULL"))


@pytest.mark.integration
def test_plans_of_an_older_version_have_no_criteria_and_those_with_some_hold_the_version(database):
    """Tables of version 0003 with one row in each, migrated, and the way back once a plan has criteria."""
    migrate_to(database, "0003")
    older = MetaData()
    older.reflect(database.engine)
    with database.engine.begin() as connection:
        for table in older.sorted_tables:
            if table.name in Base.metadata.tables:
                connection.execute(table.insert().values({column.name: filler(column) for column in table.columns}))
    migrate_to(database, "head")
    with database.read() as session:
        run = session.scalars(select(Run)).one()
        assert (run.plan.criteria, run.verdict, run.release_override, run.task) == ([], None, None, "synthesis")
    migrate_back(database, "0003")
    migrate_to(database, "head")
    with database.write() as session:
        session.scalars(select(Run)).one().plan.criteria = [{"metric": "copies", "measure": "exact", "limit": 0.0}]
    with pytest.raises(ValueError, match="acceptance criteria"):
        migrate_back(database, "0003")


def filler(column):
    """A value of a column's type; ids are all the same, so that every key points to a row."""
    kinds = {int: 7, float: 7.0, bool: True, datetime: datetime(2026, 1, 2, tzinfo=UTC), object: {}, dict: {}}
    kind = column.type.python_type
    if kind is str:
        return "0" * 32 if column.name == "id" or column.foreign_keys else "x"
    return kinds[kind]


def migrate_to(database, revision):
    if database.url.get_backend_name() == "sqlite":
        Path(database.url.database).parent.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def migrate_back(database, revision):
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def test_sqlite_is_set_up_for_several_processes(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'studio.sqlite3'}")
    with database.read() as session:
        found = {
            name: session.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "foreign_keys", "busy_timeout")
        }
    database.close()
    assert found == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 30_000}


def test_a_failed_transaction_leaves_nothing(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'studio.sqlite3'}")
    with database.write() as session:
        session.execute(text("CREATE TABLE things (name TEXT)"))
    with pytest.raises(RuntimeError, match="stop"), database.write() as session:
        session.execute(text("INSERT INTO things VALUES ('one')"))
        raise RuntimeError("stop")
    with database.read() as session:
        assert session.scalar(text("SELECT count(*) FROM things")) == 0
    database.close()


def test_an_unreachable_database_is_reported(tmp_path):
    reachable = Database(f"sqlite:///{tmp_path / 'studio.sqlite3'}")
    away = Database(f"postgresql://nobody@/none?host={tmp_path}")
    assert reachable.is_reachable()
    assert not away.is_reachable()
    reachable.close()


def test_errors_of_the_database_hide_what_was_written(tmp_path):
    from sqlalchemy.exc import OperationalError

    database = Database(f"sqlite:///{tmp_path / 'studio.sqlite3'}")
    with pytest.raises(OperationalError) as failed, database.read() as session:
        session.execute(text("SELECT * FROM nothing WHERE cell = :cell"), {"cell": "Zebulon-Quux-493"})
    database.close()
    assert "Zebulon" not in str(failed.value)


@pytest.mark.integration
def test_runs_of_before_get_a_secret_key_each(database):
    """A run that waits while the application is upgraded must set the same rows aside in every attempt, too."""
    database.migrate()
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    now = datetime(2026, 8, 1, tzinfo=UTC)
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
        old = MetaData()
        old.reflect(connection)
        common = {"created_at": now}
        values = {
            "users": {"username": "a", "username_key": "a", "email": "", "password_hash": "", "is_admin": True},
            "datasets": {"owner_id": "u", "name": "", "filename": "", "n_rows": 1, "n_columns": 1, "columns": []}
            | {"size_bytes": 1, "is_sample": False, "confirmed": [], "delta": 0.1, "draft": {}, "ledger_version": 0},
            "plans": {"dataset_id": "d", "user_id": "u", "plan": {}, "price": {}},
        }
        for table, key in (("users", "u"), ("datasets", "d"), ("plans", "p")):
            connection.execute(old.tables[table].insert().values(id=key, **common, **values[table]))
        for key in ("r1", "r2"):
            run = {"dataset_id": "d", "plan_id": "p", "user_id": "u", "status": "queued", "stage": ""}
            connection.execute(old.tables["runs"].insert().values(id=key, holdout_share=0.2, **run, **common))
    database.migrate()
    with database.read() as session:
        runs = list(session.scalars(select(Run)))
    assert [(run.attempt, run.steps_begun, run.checkpoint_id) for run in runs] == [(1, 0, None)] * 2
    assert len({run.holdout_key for run in runs}) == 2
    assert {len(bytes.fromhex(run.holdout_key)) for run in runs} == {32}


@pytest.mark.integration
def test_an_audit_log_of_an_older_version_is_chained_in_the_order_of_its_time(database):
    """Lines of version 0005, with numbers that JSON does not keep exactly, migrated, gone on with, and the way back."""
    migrate_to(database, "0005")
    older = MetaData()
    older.reflect(database.engine)
    with database.engine.begin() as connection:
        for number in (2, 1, 3):
            values = {"id": str(number) * 32, "created_at": datetime(2026, 1, number, 12, 0, 0, 5, tzinfo=UTC)}
            values |= {"username": "ada", "action": f"day.{number}", "object_kind": "run", "detail": {"n": 2**60}}
            connection.execute(older.tables["audit_entries"].insert().values(values))
    database.migrate()
    audit = AuditService(database, lambda: datetime(2026, 1, 4, tzinfo=UTC))
    audit.record(None, "day.4", "run", None)
    found = audit.check()
    assert (found.is_whole, found.entries) == (True, 4)
    with database.read() as session:
        lines = list(session.scalars(select(AuditEntry).order_by(AuditEntry.sequence)))
    assert [(line.sequence, line.action) for line in lines] == [(number, f"day.{number}") for number in (1, 2, 3, 4)]
    assert (lines[0].detail, lines[0].username, lines[0].address) == ({"n": str(2**60)}, "ada", "")
    migrate_back(database, "0005")
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE audit_entries SET username = 'eve'"))
        assert connection.scalar(text("SELECT count(*) FROM audit_entries")) == 4
    assert "audit_heads" not in inspect(database.engine).get_table_names()
    database.migrate()
    assert audit.check().is_whole
