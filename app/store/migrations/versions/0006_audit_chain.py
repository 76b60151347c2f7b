"""The audit log becomes a chain that nobody can change without a trace.

A later migration that makes the table `audit_entries` anew, as batch mode does on SQLite, makes its triggers anew too.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

from app.store.audit_chain import moment_text, new_salt
from engine.evidence.chain import GENESIS, AuditRecord, Person, plain_detail, seal

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ROWS_AT_ONCE = 500

NEW_COLUMNS: dict[str, TypeEngine[Any]] = {
    "sequence": sa.BigInteger(),
    "address": sa.String(64),
    "person_salt": sa.String(64),
    "person_digest": sa.String(64),
    "previous_hash": sa.String(64),
    "hash": sa.String(64),
}
KEPT = ("id", "created_at", "sequence", "user_id", "person_digest", "action", "object_kind", "object_id", "detail")
"""With the hashes, what no update may change; who and from where may be erased."""

ENTRIES = sa.table(
    "audit_entries",
    sa.column("id", sa.String()),
    sa.column("created_at", sa.DateTime(timezone=True)),
    *(sa.column(name, sa.String()) for name in ("user_id", "username", "action", "object_kind", "object_id")),
    sa.column("detail", sa.JSON()),
    *(sa.column(name, kind) for name, kind in NEW_COLUMNS.items()),
)


def upgrade() -> None:
    """Add the columns, chain what is there in the order of its time, and refuse changes from then on."""
    with op.batch_alter_table("audit_entries") as entries:
        for name, kind in NEW_COLUMNS.items():
            entries.add_column(sa.Column(name, kind, nullable=True))
    count, last_hash = _chain_all()
    with op.batch_alter_table("audit_entries") as entries:
        for name, kind in NEW_COLUMNS.items():
            entries.alter_column(name, existing_type=kind, nullable=False)
        entries.create_unique_constraint("uq_audit_entries_sequence", ["sequence"])
    heads = op.create_table(
        "audit_heads",
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit_heads"),
    )
    op.bulk_insert(heads, [{"number": 1, "entries": count, "hash": last_hash}])
    for statement in _protection():
        op.execute(sa.text(statement))


def downgrade() -> None:
    """Leave the lines without their seals, as older versions have them; exported logs keep their own."""
    for statement in _no_protection():
        op.execute(sa.text(statement))
    op.drop_table("audit_heads")
    with op.batch_alter_table("audit_entries") as entries:
        entries.drop_constraint("uq_audit_entries_sequence", type_="unique")
        for name in NEW_COLUMNS:
            entries.drop_column(name)


def _chain_all() -> tuple[int, str]:
    """Seal all lines; gives how many there are, and the last seal."""
    connection = op.get_bind()
    ids = list(connection.scalars(sa.select(ENTRIES.c.id).order_by(ENTRIES.c.created_at, ENTRIES.c.id)))
    last_hash = GENESIS
    changed = sa.update(ENTRIES).where(ENTRIES.c.id == sa.bindparam("entry"))
    values: dict[str, sa.BindParameter[Any]] = {name: sa.bindparam(name) for name in (*NEW_COLUMNS, "detail")}
    for start in range(0, len(ids), ROWS_AT_ONCE):
        part = ids[start : start + ROWS_AT_ONCE]
        rows = {row.id: row for row in connection.execute(sa.select(ENTRIES).where(ENTRIES.c.id.in_(part)))}
        sealed = []
        for sequence, id_ in enumerate(part, start=start + 1):
            sealed.append(_sealed(rows[id_], sequence, last_hash))
            last_hash = sealed[-1]["hash"]
        connection.execute(changed.values(values), sealed)
    return len(ids), last_hash


def _sealed(row: Any, sequence: int, previous_hash: str) -> dict[str, Any]:
    """The new columns of a line. Nobody knows from where it came."""
    person = Person(row.username, "", new_salt())
    detail = plain_detail(row.detail)
    record = AuditRecord(
        sequence=sequence,
        id=row.id,
        created_at=_moment(row.created_at),
        user_id=row.user_id,
        action=row.action,
        object_kind=row.object_kind,
        object_id=row.object_id,
        detail=detail,
        person_digest=person.digest(),
    )
    return {
        "entry": row.id,
        "sequence": sequence,
        "address": "",
        "person_salt": person.salt,
        "person_digest": record.person_digest,
        "previous_hash": previous_hash,
        "hash": seal(previous_hash, record),
        "detail": detail,
    }


def _moment(moment: datetime) -> str:
    return moment_text(moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment)


def _protection() -> tuple[str, ...]:
    """What refuses changes: lines are added and never altered, but for an erasure, and the head only moves on."""
    same = " AND ".join(
        f"NEW.{name}{kind} IS NOT DISTINCT FROM OLD.{name}{kind}"
        for name, kind in ((name, "::text" if name == "detail" else "") for name in (*KEPT, "previous_hash", "hash"))
    )
    erased = "NEW.username = '' AND NEW.address = '' AND NEW.person_salt = ''"
    refusal = "the audit log is append-only"
    if op.get_bind().dialect.name == "sqlite":
        allowed = f"{erased} AND {same}".replace("::text", "").replace("IS NOT DISTINCT FROM", "IS")
        stop = f"BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
        taken = "EXISTS (SELECT 1 FROM audit_entries WHERE id = NEW.id OR sequence = NEW.sequence)"
        return (
            f"CREATE TRIGGER audit_entries_update BEFORE UPDATE ON audit_entries WHEN NOT ({allowed}) {stop}",
            f"CREATE TRIGGER audit_entries_delete BEFORE DELETE ON audit_entries {stop}",
            # INSERT OR REPLACE deletes the row that is in its way without asking the trigger above.
            f"CREATE TRIGGER audit_entries_insert BEFORE INSERT ON audit_entries WHEN {taken} {stop}",
            "CREATE TRIGGER audit_heads_update BEFORE UPDATE ON audit_heads "
            f"WHEN NEW.number != OLD.number OR NEW.entries <= OLD.entries {stop}",
            f"CREATE TRIGGER audit_heads_delete BEFORE DELETE ON audit_heads {stop}",
            f"CREATE TRIGGER audit_heads_insert BEFORE INSERT ON audit_heads {stop}",
        )
    function = "CREATE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} END $$"
    stop = f"RAISE EXCEPTION '{refusal}';"
    trigger = "CREATE TRIGGER {0}_{1} BEFORE {2} ON {0} FOR EACH {3} EXECUTE FUNCTION {4}()"
    return (
        function.format("audit_refuse", stop),
        function.format("audit_entries_guard", f"IF {erased} AND {same} THEN RETURN NEW; END IF; {stop}"),
        function.format(
            "audit_heads_guard",
            f"IF NEW.number = OLD.number AND NEW.entries > OLD.entries THEN RETURN NEW; END IF; {stop}",
        ),
        trigger.format("audit_entries", "update", "UPDATE", "ROW", "audit_entries_guard"),
        trigger.format("audit_entries", "delete", "DELETE OR TRUNCATE", "STATEMENT", "audit_refuse"),
        trigger.format("audit_heads", "update", "UPDATE", "ROW", "audit_heads_guard"),
        trigger.format("audit_heads", "delete", "INSERT OR DELETE OR TRUNCATE", "STATEMENT", "audit_refuse"),
    )


def _no_protection() -> tuple[str, ...]:
    names = {"audit_entries": ("update", "delete", "insert"), "audit_heads": ("update", "delete", "insert")}
    if op.get_bind().dialect.name == "sqlite":
        return tuple(f"DROP TRIGGER {table}_{name}" for table, kinds in names.items() for name in kinds)
    triggers = tuple(f"DROP TRIGGER {table}_{name} ON {table}" for table in names for name in ("update", "delete"))
    functions = ("audit_refuse", "audit_entries_guard", "audit_heads_guard")
    return (*triggers, *(f"DROP FUNCTION {name}()" for name in functions))
