"""An exported audit log: JSON lines, of which the first one says where the log ends and is signed.

Every further line is one entry with all that its seal covers, so whoever has the file checks the chain without the
database. A file with the lines of one user only says so in its first line and claims no chain.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from engine.errors import InputError
from engine.evidence.canonical import LARGEST_JSON, canonical_bytes
from engine.evidence.chain import Head, SealedEntry, UnreadableEntry, read_entry
from engine.evidence.chain_check import ChainCheck, check_chain
from engine.evidence.keys import clean_fingerprint
from engine.evidence.statements import AUDIT_HEAD, check_statement, sign_statement

if TYPE_CHECKING:
    from engine.evidence.keys import Signer

AUDIT_FILE_VERSION = 1
WHOLE_LOG, OWN_LINES = "all", "own"

LONGEST_LINE_BYTES = 1024 * 1024

_NOT_OURS = "this file is not an export of the audit log"
_COMPARE = "Origin is not proven: compare the key's fingerprint with the one that the installation publishes."


@dataclass(frozen=True)
class AuditFileCheck:
    """What the check of an exported log found.

    Args:
        chain: the entries and the head.
        fingerprint: of the key that signed the head; None where the signature does not fit.
        signature: what the signature says, as a sentence.
        exported_at: when the file was made, as it states.
    """

    chain: ChainCheck
    fingerprint: str | None
    signature: str
    exported_at: str

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return self.chain.is_whole and self.fingerprint is not None


def whole_log_header(head: Head, moment: datetime, signer: Signer) -> dict[str, Any]:
    """First line of a file with all entries.

    Args:
        head: where the log ends.
        moment: when the file is made.
        signer: whose key states it.
    """
    stated = {
        "audit_log": AUDIT_FILE_VERSION,
        "scope": WHOLE_LOG,
        "exported_at": moment.isoformat(timespec="seconds"),
        "entries": head.entries,
        "hash": head.hash,
    }
    return stated | {"signature": sign_statement(canonical_bytes(stated), signer, AUDIT_HEAD)}


def own_lines_header(moment: datetime) -> dict[str, Any]:
    """First line of a file with one user's lines."""
    return {
        "audit_log": AUDIT_FILE_VERSION,
        "scope": OWN_LINES,
        "exported_at": moment.isoformat(timespec="seconds"),
    }


def line(value: Mapping[str, Any]) -> bytes:
    """A JSON object as a line of ASCII; what is no JSON, as only an altered log holds it, is for the check to find."""
    return json.dumps(value).encode("ascii") + b"\n"


def verify_audit_file(
    path: Path, *, fingerprints: Collection[str] | None = None, earlier: Iterable[Path] = ()
) -> AuditFileCheck:
    """Check an exported log.

    Args:
        path: the file.
        fingerprints: of the keys that may have signed it; None leaves open whose key signed, and an empty collection
            trusts nobody.
        earlier: earlier exports of the same log, or `evidence.json` of its reports, whose heads it must contain.

    Raises:
        InputError: a file is none that can be checked.
    """
    keys = None if fingerprints is None else tuple(map(clean_fingerprint, fingerprints))
    known = [read_head(file) for file in earlier]
    with path.open("rb") as stream:
        header = _read_header(stream)
        if header["scope"] != WHOLE_LOG:
            raise InputError(
                "this file holds one user's lines, which make no chain: have an administrator export the whole log"
            )
        fingerprint, said = _check_signature(header, keys)
        chain = check_chain(_entries(stream), Head(header["entries"], header["hash"]), earlier=known)
    return AuditFileCheck(chain, fingerprint, said, header["exported_at"])


def read_head(path: Path) -> Head:
    """The head in an exported log or in the `evidence.json` of a report.

    Raises:
        InputError: there is none, or its signature does not fit.
    """
    with path.open("rb") as stream:
        first = stream.readline(LARGEST_JSON + 1)
    value = _parsed(first) if len(first) <= LARGEST_JSON else None
    found = value.get("audit_log") if isinstance(value, dict) else None
    if isinstance(found, dict) and _is_head(found.get("entries"), found.get("head")):
        return Head(found["entries"], found["head"])
    if not isinstance(value, dict) or found != AUDIT_FILE_VERSION or value.get("scope") != WHOLE_LOG:
        raise InputError(f"{path.name} is neither an export of the audit log nor the evidence.json of a report")
    header = _checked_header(value)
    if _check_signature(header, None)[0] is None:
        raise InputError(f"the head in {path.name} was altered: its signature does not fit")
    return Head(header["entries"], header["hash"])


def _read_header(stream: BinaryIO) -> dict[str, Any]:
    value = _parsed(stream.readline(LONGEST_LINE_BYTES))
    if not isinstance(value, dict) or "audit_log" not in value:
        raise InputError(f"{_NOT_OURS}: its first line states no head")
    return _checked_header(value)


def _checked_header(value: dict[str, Any]) -> dict[str, Any]:
    version = value["audit_log"]
    if isinstance(version, bool) or version != AUDIT_FILE_VERSION:
        raise InputError("this export of the audit log is of a version that this program does not know")
    if not isinstance(value.get("exported_at"), str) or value.get("scope") not in (WHOLE_LOG, OWN_LINES):
        raise InputError(f"{_NOT_OURS}: its first line is incomplete")
    if value["scope"] == WHOLE_LOG and not _is_head(value.get("entries"), value.get("hash")):
        raise InputError(f"{_NOT_OURS}: its first line states no head")
    return value


def _is_head(entries: Any, hash_: Any) -> bool:
    return isinstance(entries, int) and not isinstance(entries, bool) and isinstance(hash_, str)


def _check_signature(header: Mapping[str, Any], fingerprints: Collection[str] | None) -> tuple[str | None, str]:
    """The fingerprint of the key that signed, and what to say of it."""
    stated = {name: part for name, part in header.items() if name != "signature"}
    try:
        fingerprint = check_statement(canonical_bytes(stated), header.get("signature"), AUDIT_HEAD)
    except InputError as error:
        return None, f"The signature of the head does not hold: {error}."
    if fingerprints is None:
        return fingerprint, f"The signature of the head holds. {_COMPARE}"
    if fingerprint not in fingerprints:
        return None, "The head is signed with a key that is not among the given ones."
    return fingerprint, "The signature of the head holds, with one of the given keys."


def _entries(stream: BinaryIO) -> Iterator[SealedEntry | UnreadableEntry]:
    while content := stream.readline(LONGEST_LINE_BYTES):
        if content.endswith(b"\n"):
            yield _entry(content)
        else:
            yield UnreadableEntry(None, None, "its line has no end or is too long")
            return


def _entry(content: bytes) -> SealedEntry | UnreadableEntry:
    value = _parsed(content)
    if not isinstance(value, dict):
        return UnreadableEntry(None, None, "its line is no JSON object, or names a part twice")
    return read_entry(value)


def _parsed(content: bytes) -> Any:
    """Content as JSON; None where it is none."""
    try:
        return json.loads(content, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError):
        return None


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(value := dict(pairs)) != len(pairs):
        raise ValueError("a name stands twice")
    return value
