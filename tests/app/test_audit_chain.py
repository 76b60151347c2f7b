"""The audit log in a real database: what refuses changes, what finds them, and writers at the same time."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy.exc import DBAPIError

from app import verify_audit
from app.errors import NotFoundError, UnavailableError
from app.services.audit import AuditService
from app.store import audit_chain
from app.store.models import AuditEntry
from app.store.session import Database
from app.wiring import build
from engine.cli import main
from engine.evidence import chain_check
from engine.evidence.chain import GENESIS, AuditRecord, Person, seal
from tests.conftest import FAST_BCRYPT_ROUNDS

pytestmark = pytest.mark.integration

WRITERS = 50
TABLES = ("audit_entries", "audit_heads")


@pytest.fixture(params=["sqlite", "postgresql"])
def services(request, settings):
    if request.param == "postgresql":
        settings = replace(settings, database_url=request.getfixturevalue("make_postgres_database")())
    built = build(settings, password_rounds=FAST_BCRYPT_ROUNDS)
    built.database.migrate()
    yield built
    built.close()


@pytest.fixture
def log(services, owner):
    """Ten lines, of which the owner's account and the signing keys are the first."""
    services.signing.prepare()
    for number in range(3, 11):
        services.audit.record(owner, "run.reserve", "run", f"{number:032x}", epsilon=number / 10)
    return {entry.sequence: entry.id for entry in services.audit.list(owner)}


def execute(services, *statements):
    """Statements of somebody with all rights on the database."""
    with services.database.engine.execution_options(writes=True).begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def without_triggers(services):
    """Statements that drop what refuses changes."""
    if services.database.url.get_backend_name() == "sqlite":
        with services.database.engine.connect() as connection:
            names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars()
            return [f"DROP TRIGGER {name}" for name in names]
    return [f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in TABLES]


def tamper(services, *statements):
    execute(services, *without_triggers(services), *statements)


def copied(values):
    """A statement that puts a forged row in: a copy of entry 3 with some other values."""
    columns = [column.name for column in AuditEntry.__table__.columns]
    chosen = ", ".join(values.get(name, f'"{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    return f"INSERT INTO audit_entries ({names}) SELECT {chosen} FROM audit_entries WHERE sequence = 3"


FORGED_ID = f"'{'f' * 32}'"
ATTACKS = {
    "altered cell": (["UPDATE audit_entries SET action = 'nothing' WHERE sequence = 5"], [(5, "altered")]),
    "altered detail": (["UPDATE audit_entries SET detail = '{\"epsilon\": 0.1}' WHERE sequence = 5"], [(5, "altered")]),
    "altered time": (
        ["UPDATE audit_entries SET created_at = '2020-01-01 00:00:00' WHERE sequence = 5"],
        [(5, "altered")],
    ),
    "another person": (["UPDATE audit_entries SET username = 'eve' WHERE sequence = 5"], [(5, "altered")]),
    "no salt": (["UPDATE audit_entries SET person_salt = '' WHERE sequence = 5"], [(5, "altered")]),
    "erased without a word": (
        ["UPDATE audit_entries SET username = '', address = '', person_salt = '' WHERE sequence = 5"],
        [(5, "erased")],
    ),
    "deleted in the middle": (["DELETE FROM audit_entries WHERE sequence = 5"], [(5, "missing")]),
    "deleted tail": (["DELETE FROM audit_entries WHERE sequence > 8"], [(9, "tail cut off")]),
    "swapped": (
        [
            "UPDATE audit_entries SET sequence = 99 WHERE sequence = 5",
            "UPDATE audit_entries SET sequence = 5 WHERE sequence = 8",
            "UPDATE audit_entries SET sequence = 8 WHERE sequence = 99",
        ],
        [(5, "out of order"), (8, "out of order")],
    ),
    "forged at the end": ([copied({"id": FORGED_ID, "sequence": "11"})], [(11, "altered"), (11, "inserted")]),
    "head moved back": (["UPDATE audit_heads SET entries = 9"], [(9, "head"), (10, "inserted")]),
    "head's seal": ([f"UPDATE audit_heads SET hash = '{'e' * 64}'"], [(10, "head")]),
    "head gone": (["DELETE FROM audit_heads"], [(11, "head")]),
}


def test_every_change_is_named_by_the_service_and_both_commands(services, owner, log, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DATABASE_URL", services.database.url.render_as_string(hide_password=False))
    export = tmp_path / "audit.jsonl"
    tamper(services, *(f"CREATE TABLE saved_{table} AS SELECT * FROM {table}" for table in TABLES))
    for attack, (statements, expected) in ATTACKS.items():
        execute(services, *restored(), *statements)
        ids = [stored_id(services, sequence) for sequence, _ in expected]
        found = services.audit.verify(owner)
        assert not found.is_whole, attack
        assert [(place.sequence, place.kind) for place in found.breaks] == expected, attack
        assert [place.entry_id for place in found.breaks] == ids, attack
        assert verify_audit.main() == 1
        assert capsys.readouterr().out.splitlines()[:-1] == [place.sentence for place in found.breaks], attack
        if attack == "head gone":  # there is nothing to sign
            continue
        export.write_bytes(services.audit_export.export(owner).read())
        assert main(["verify-audit", str(export)]) == 1
        errors = capsys.readouterr().err
        for (sequence, _), entry_id in zip(expected, ids, strict=True):
            assert (f"Entry {sequence} (id {entry_id})" if entry_id else str(sequence)) in errors, attack


def restored():
    """Statements that put the log back as it was saved."""
    return [f"DELETE FROM {table}" for table in TABLES] + [
        f"INSERT INTO {table} SELECT * FROM saved_{table}" for table in TABLES
    ]


def stored_id(services, sequence):
    with services.database.engine.connect() as connection:
        statement = f"SELECT id FROM audit_entries WHERE sequence = {sequence}"
        return connection.exec_driver_sql(statement).scalar()


def test_a_row_put_in_the_middle_is_named(services, owner, log):
    """As somebody does it who numbers all later rows anew and seals the forged one as it should be."""
    with services.database.read() as session:
        _, _, model, before, *_ = audit_chain.read_chain(session)
    digest = Person(model.person.username, model.person.address, model.person.salt).digest()
    forged = AuditRecord(**(model.record.__dict__ | {"sequence": 5, "id": "f" * 32, "person_digest": digest}))
    sealed = f"'{seal(before.hash, forged)}'"
    moved = [f"UPDATE audit_entries SET sequence = {n + 1} WHERE sequence = {n}" for n in range(10, 4, -1)]
    row = copied({"id": FORGED_ID, "sequence": "5", "previous_hash": f"'{before.hash}'", "hash": sealed})
    tamper(services, *moved, row)
    names = [(place.sequence, place.entry_id, place.kind) for place in services.audit.verify(owner).breaks]
    assert (5, "f" * 32, "inserted") in names
    assert [name[:2] for name in names if name[2] == "out of order"] == [(n + 1, log[n]) for n in range(5, 11)]


def test_a_chain_without_the_hash_before_misses_a_replaced_row(services, owner, log, monkeypatch):
    """Broken twin: the same replaced row, once under the real chain and once under seals of single rows."""
    with services.database.read() as session:
        fifth = list(audit_chain.read_chain(session))[4]
    forged = replace(fifth.record, action="nothing")
    tamper(
        services,
        f"UPDATE audit_entries SET action = 'nothing', hash = '{seal(fifth.previous_hash, forged)}' WHERE sequence = 5",
    )
    assert [place.entry_id for place in services.audit.verify(owner).breaks] == [log[5]]
    monkeypatch.setattr(chain_check._Walk, "_other_predecessor", lambda walk, place: None)
    assert services.audit.verify(owner).is_whole


REFUSED = [
    "UPDATE audit_entries SET action = 'nothing'",
    "UPDATE audit_entries SET username = 'eve'",
    "UPDATE audit_entries SET username = '', address = '', person_salt = '', action = 'nothing'",
    "UPDATE audit_entries SET username = '', address = '', person_salt = '', detail = '{}'",
    "UPDATE audit_entries SET username = '', address = '', person_salt = '', user_id = NULL",
    "UPDATE audit_entries SET username = ''",
    "DELETE FROM audit_entries",
    "DELETE FROM audit_entries WHERE sequence = 10",
    copied({}),
    copied({}).replace("INSERT", "INSERT OR REPLACE"),
    "TRUNCATE audit_entries",
    "UPDATE audit_heads SET entries = 9",
    f"UPDATE audit_heads SET hash = '{'e' * 64}'",
    "UPDATE audit_heads SET number = 2, entries = 11",
    "DELETE FROM audit_heads",
    "INSERT INTO audit_heads VALUES (2, 0, '')",
]


def test_the_database_refuses_every_change_but_an_erasure(services, owner, log):
    for statement in REFUSED:
        with pytest.raises(DBAPIError):
            execute(services, statement)
    assert services.audit.verify(owner).is_whole
    assert services.audit.head()["entries"] == 10


def test_an_erasure_leaves_the_chain_whole_and_shows(services, owner, stranger, log):
    services.audit.record(stranger, "dataset.rename", "dataset", None)
    assert services.audit.erase_person(owner, stranger.id) == 1
    line = next(entry for entry in services.audit.list(owner) if entry.action == "dataset.rename")
    assert (line.username, line.address, line.is_erased) == ("", "", True)
    told = services.audit.list(owner)[0]
    assert (told.action, told.object_id, told.detail) == ("audit.erase", stranger.id, {"lines": 1})
    assert (told.username, told.is_erased) == ("owner", False)
    found = services.audit.verify(owner)
    assert (found.is_whole, found.erased) == (True, 1)
    with services.database.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT username, person_digest FROM audit_entries").all()
    assert "stranger" not in {row[0] for row in rows}
    assert services.audit.erase_person(owner, stranger.id) == 0


def test_only_administrators_erase_and_only_users_that_exist(services, owner, stranger):
    from app.errors import ForbiddenError

    with pytest.raises(ForbiddenError):
        services.audit.erase_person(stranger, owner.id)
    for odd in ("0" * 32, "\x00", "' OR 1=1 --"):
        with pytest.raises(NotFoundError):
            services.audit.erase_person(owner, odd)


def test_writers_at_the_same_time_leave_a_whole_chain(services, owner):
    """Each writer adds two lines in one transaction; some of the transactions fail after they added theirs."""
    gate = threading.Barrier(WRITERS)

    def write(number):
        gate.wait()
        try:
            with services.database.write() as session:
                services.audit.add(session, owner, "run.reserve", "run", f"{number:032x}", part=1)
                services.audit.add(session, owner, "run.reserve", "run", f"{number:032x}", part=2)
                if number % 5 == 0:
                    raise RuntimeError("stop")
        except RuntimeError:
            return False
        assert services.audit.list(owner, 1, wanted=by_object(number)), "a line is there once its writer has ended"
        return True

    with ThreadPoolExecutor(WRITERS) as pool:
        ended = list(pool.map(write, range(WRITERS)))
    found = services.audit.verify(owner)
    assert ended.count(True) == 40
    assert (found.is_whole, found.entries) == (True, 1 + 2 * 40)
    lines = services.audit.list(owner)
    assert [entry.sequence for entry in lines] == list(range(81, 0, -1))
    for later, sooner in zip(lines[:-1:2], lines[1::2], strict=True):
        assert (later.object_id, later.detail, sooner.detail) == (sooner.object_id, {"part": 2}, {"part": 1})


def by_object(number):
    from app.services.audit import AuditFilter

    return AuditFilter(object_id=f"{number:032x}")


def test_two_processes_continue_one_chain(services, owner):
    other = Database(services.database.url.render_as_string(hide_password=False))
    audit = AuditService(other, services.audit._now)
    for number in range(4):
        (audit if number % 2 else services.audit).record(owner, "run.reserve", "run", None)
    other.close()
    assert (services.audit.verify(owner).is_whole, services.audit.head()["entries"]) == (True, 5)


def test_what_is_rolled_back_leaves_no_gap(services, owner, log):
    head = services.audit.head()
    with pytest.raises(RuntimeError), services.database.write() as session:
        services.audit.add(session, owner, "run.reserve", "run", None)
        raise RuntimeError("stop")
    assert services.audit.head() == head
    services.audit.record(owner, "run.reserve", "run", None)
    assert services.audit.list(owner)[0].sequence == 11
    assert services.audit.verify(owner).is_whole


def test_details_come_back_as_they_were_sealed(services, owner):
    services.audit.record(
        *(owner, "run.reserve", "run", None),
        **{"large": 2**60, "endless": float("inf"), "small": 1e-300, "name": "Ägypten \u2028 \x00", "many": ("a", 1.5)},
    )
    assert services.audit.verify(owner).is_whole
    detail = services.audit.list(owner)[0].detail
    assert (detail["large"], detail["endless"]) == ("1152921504606846976", "inf")
    assert (detail["small"], detail["many"]) == (1e-300, ["a", 1.5])


def test_nothing_is_written_on_a_log_that_has_lost_its_head(services, owner, log):
    tamper(services, "DELETE FROM audit_heads")
    with pytest.raises(UnavailableError, match="nothing is written"):
        services.audit.record(owner, "run.reserve", "run", None)
    with pytest.raises(UnavailableError, match="nothing is written"):
        services.audit.head()
    with pytest.raises(UnavailableError, match="nothing is written"):
        services.audit_export.export(owner)
    assert len(services.audit.list(owner)) == 10


@pytest.mark.parametrize("services", ["sqlite"], indirect=True)
def test_what_is_no_entry_any_more_is_named_and_not_a_crash(services, owner, log):
    """On SQLite alone: PostgreSQL keeps the types of its columns."""
    tamper(
        services,
        "UPDATE audit_entries SET created_at = 'yesterday' WHERE sequence = 4",
        "UPDATE audit_entries SET detail = '{' WHERE sequence = 5",
        "UPDATE audit_entries SET detail = '{\"a\": NaN}' WHERE sequence = 6",
        "UPDATE audit_entries SET action = x'ff00' WHERE sequence = 7",
    )
    found = services.audit.verify(owner)
    assert [(place.sequence, place.entry_id) for place in found.breaks] == [(n, log[n]) for n in (4, 5, 6, 7)]
    execute(services, "UPDATE audit_entries SET username = CAST(x'ff' AS TEXT) WHERE sequence = 8")
    assert not services.audit.verify(owner).is_whole


def test_the_command_says_that_a_log_is_whole(services, owner, log, monkeypatch, capsys):
    monkeypatch.setenv("DATABASE_URL", services.database.url.render_as_string(hide_password=False))
    assert verify_audit.main() == 0
    told = capsys.readouterr().out
    assert "The audit log is whole: 10 entries" in told
    assert services.audit.head()["head"] in told


def test_the_command_says_that_there_is_no_log(tmp_path, monkeypatch, capsys):
    path = tmp_path / "none.sqlite3"
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{path}")
    assert verify_audit.main() == 2
    assert "no audit log" in capsys.readouterr().err
    assert not path.exists()
    monkeypatch.setenv("PORT", "x")
    assert verify_audit.main() == 2
    assert "PORT" in capsys.readouterr().err


def test_an_export_is_whole_and_holds_the_line_that_tells_of_it(services, owner, log, tmp_path, capsys):
    file = services.audit_export.export(owner)
    path = tmp_path / file.filename
    path.write_bytes(file.read())
    assert file.view.size_bytes == path.stat().st_size
    key = services.signing.list()[0].statement_fingerprint
    assert main(["verify-audit", str(path), "--fingerprint", key]) == 0
    told = json.loads(capsys.readouterr().out)
    last = json.loads(path.read_text().splitlines()[-1])
    assert last["action"] == "audit.export"
    assert (told["entries"], told["head"]) == (last["sequence"], last["hash"])


def test_entries_outside_a_transaction_that_writes_are_refused(services, owner):
    with pytest.raises(RuntimeError, match="needs a transaction that writes"), services.database.read() as session:
        services.audit.add(session, owner, "run.reserve", "run", None)
    assert services.audit.head()["entries"] == 1
    assert services.audit.head()["head"] != GENESIS
