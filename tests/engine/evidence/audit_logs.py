"""Audit logs for tests: entries as the application seals them."""

from datetime import UTC, datetime, timedelta

from engine.evidence.chain import GENESIS, AuditRecord, Head, Person, SealedEntry, seal

ADA = "a" * 32


def record(sequence, **changes):
    """What entry number `sequence` says."""
    moment = datetime(2026, 11, 28, 10, tzinfo=UTC) + timedelta(seconds=sequence)
    said = {
        "sequence": sequence,
        "id": f"{sequence:032x}",
        "created_at": moment.isoformat(timespec="microseconds"),
        "user_id": ADA,
        "action": "run.reserve",
        "object_kind": "run",
        "object_id": f"{sequence + 1000:032x}",
        "detail": {"epsilon": sequence / 10},
        "person_digest": "",
    }
    return said | changes


def sealed(sequence, previous_hash, **changes):
    """An entry that continues from a seal."""
    person = Person("ada", "192.0.2.7", f"{sequence:032d}")
    said = AuditRecord(**record(sequence, person_digest=person.digest(), **changes))
    return SealedEntry(said, person, previous_hash, seal(previous_hash, said))


def log(entries=12):
    """A whole log."""
    made, last = [], GENESIS
    for sequence in range(1, entries + 1):
        made.append(sealed(sequence, last))
        last = made[-1].hash
    return made


def head_of(entries):
    return Head(len(entries), entries[-1].hash if entries else GENESIS)
