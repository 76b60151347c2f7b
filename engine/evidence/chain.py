"""The chain of the audit log: every entry is sealed together with the seal of the one before.

The seal is SHA-256 over the canonical form (RFC 8785) of the previous entry's seal and of what the entry says, so an
entry cannot be altered, taken out, put in or moved without a seal that fits no more. Who acted and from where enters by
a salted digest only: name, address and salt can be erased later, and the chain stays whole.

Whoever may write to the database can seal the whole rest of the log anew. That shows against a head that was kept
elsewhere: in an earlier export, or in the evidence of a report.

Source: Haber and Stornetta, "How to Time-Stamp a Digital Document" (1991), Section 5, for linked records.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from engine.errors import InputError
from engine.evidence.canonical import LARGEST_EXACT, canonical_bytes

GENESIS = "0" * 64
"""What the first entry continues from, and the head of an empty log."""

ERASURE = "audit.erase"
"""Action of an entry that tells of an erasure; its object is the user whose name and addresses were erased."""

_ENTRY_PREFIX = b"synthetic-data-studio/audit-entry/1\n"
_PERSON_PREFIX = b"synthetic-data-studio/audit-person/1\n"


@dataclass(frozen=True)
class AuditRecord:
    """What an entry says for good.

    Args:
        sequence: place in the log, from 1.
        id: the entry's id.
        created_at: when, in UTC to the microsecond, in ISO form.
        user_id: who did it; None where nobody was signed in.
        action: such as `dataset.register`.
        object_kind: what it was done to, such as `dataset`.
        object_id: which one; None where there is none.
        detail: a JSON object, as `plain_detail` gives it.
        person_digest: what binds name and address, as `Person.digest` gives it.
    """

    sequence: int
    id: str
    created_at: str
    user_id: str | None
    action: str
    object_kind: str
    object_id: str | None
    detail: Mapping[str, Any]
    person_digest: str


@dataclass(frozen=True)
class Person:
    """Who acted and from where, as far as it was not erased.

    Args:
        username: name at that time; empty where nobody was signed in.
        address: where the request came from; empty where that is not known.
        salt: random text without which nobody can guess name and address from their digest.
    """

    username: str
    address: str
    salt: str

    @property
    def is_erased(self) -> bool:
        """Whether name, address and salt were erased."""
        return not (self.username or self.address or self.salt)

    def digest(self) -> str:
        """What binds name and address."""
        said = canonical_bytes({"username": self.username, "address": self.address})
        return hmac.new(self.salt.encode(), _PERSON_PREFIX + said, hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class SealedEntry:
    """An entry as it is kept.

    Args:
        record: what it says for good.
        person: who and from where.
        previous_hash: seal of the entry before.
        hash: its own seal.
    """

    record: AuditRecord
    person: Person
    previous_hash: str
    hash: str

    def to_json(self) -> dict[str, Any]:
        """The entry as one flat JSON object."""
        said = {field.name: getattr(self.record, field.name) for field in fields(AuditRecord)}
        return said | {
            "username": self.person.username,
            "address": self.person.address,
            "person_salt": self.person.salt,
            "previous_hash": self.previous_hash,
            "hash": self.hash,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> SealedEntry:
        """An entry from such an object.

        Raises:
            InputError: a part is missing or is not of its type.
        """
        for name, kinds in _KINDS.items():
            if name not in value:
                raise InputError(f"it has no {name}")
            if not isinstance(value[name], kinds) or isinstance(value[name], bool):
                raise InputError(f"its {name} is not of the form that this program writes")
        if surplus := set(value) - set(_KINDS):
            raise InputError(f"it has {len(surplus)} further parts that no entry has")
        record = AuditRecord(**{field.name: value[field.name] for field in fields(AuditRecord)})
        person = Person(value["username"], value["address"], value["person_salt"])
        return cls(record, person, value["previous_hash"], value["hash"])


_KINDS: dict[str, type | tuple[type, ...]] = {
    "sequence": int,
    "user_id": (str, type(None)),
    "object_id": (str, type(None)),
    "detail": dict,
    **dict.fromkeys(("id", "created_at", "action", "object_kind", "person_digest"), str),
    **dict.fromkeys(("username", "address", "person_salt", "previous_hash", "hash"), str),
}


@dataclass(frozen=True)
class UnreadableEntry:
    """What stands where an entry should be, but is none.

    Args:
        sequence: its place, as far as that can be read.
        id: its id, as far as that can be read.
        reason: why it is none, as the rest of a sentence.
    """

    sequence: int | None
    id: str | None
    reason: str


@dataclass(frozen=True)
class Head:
    """Where the log ends.

    Args:
        entries: how many entries it has.
        hash: seal of the last one; `GENESIS` where there is none.
    """

    entries: int
    hash: str


def seal(previous_hash: str, record: AuditRecord) -> str:
    """The seal of an entry.

    Args:
        previous_hash: seal of the entry before, or `GENESIS`.
        record: what the entry says.

    Returns:
        SHA-256 in hexadecimal digits.

    Raises:
        InputError: the detail has no canonical form.
    """
    said = {field.name: getattr(record, field.name) for field in fields(AuditRecord)}
    content = canonical_bytes(said | {"previous_hash": previous_hash})
    return hashlib.sha256(_ENTRY_PREFIX + content).hexdigest()


def read_entry(value: Mapping[str, Any]) -> SealedEntry | UnreadableEntry:
    """An entry from its parts, or why it is none."""
    try:
        return SealedEntry.from_json(value)
    except InputError as error:
        sequence, id_ = value.get("sequence"), value.get("id")
        is_number = isinstance(sequence, int) and not isinstance(sequence, bool)
        return UnreadableEntry(sequence if is_number else None, id_ if isinstance(id_, str) else None, str(error))


def plain_detail(value: Any) -> Any:
    """A value as JSON that has a canonical form and that every database gives back as it was.

    Whole numbers beyond 2**53 and numbers that are not finite become texts; half a character is written by its number;
    tuples and sets become lists. Names of parts become texts.

    Raises:
        TypeError: the value holds something that JSON cannot say.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, int):
        return int(value) if abs(value) <= LARGEST_EXACT else str(int(value))
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, Mapping):
        return {plain_detail(str(name)): plain_detail(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain_detail(part) for part in value]
    if isinstance(value, set | frozenset):
        return [plain_detail(part) for part in sorted(value)]
    raise TypeError(f"an audit entry holds no {type(value).__name__}")
