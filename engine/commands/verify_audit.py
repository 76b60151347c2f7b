"""`verify-audit`: whether an exported audit log is the whole log, unaltered."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.evidence.chain_check import ChainCheck


def add(commands: Any) -> None:
    """Declare the command."""
    command = commands.add_parser(
        "verify-audit", help="check an exported audit log: its chain, its head and the head's signature"
    )
    command.add_argument("file", type=Path, metavar="FILE.jsonl")
    command.add_argument(
        "--fingerprint",
        action="append",
        default=[],
        metavar="HEX",
        help="fingerprint of a key that may have signed the head; may be repeated",
    )
    command.add_argument(
        "--earlier",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="an earlier export, or the evidence.json of a report, whose head must be in the log; may be repeated",
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Carry it out; every place where the chain does not hold goes to standard error.

    Raises:
        InputError: a file is none that can be checked.
        EngineError: the log was altered, or its head is not signed as it should be.
    """
    from engine.evidence.audit_file import verify_audit_file

    fingerprints = [given.strip().lower().replace(":", "") for given in options.fingerprint]
    found = verify_audit_file(options.file, fingerprints=fingerprints, earlier=options.earlier)
    for sentence in sentences(found.chain):
        sys.stderr.write(f"{sentence}\n")
    if not found.chain.is_whole:
        raise EngineError(f"the audit log was altered at {found.chain.n_breaks} places: do not rely on it")
    if found.fingerprint is None:
        raise EngineError(found.signature[:1].lower() + found.signature[1:].removesuffix("."))
    return {
        "is_whole": True,
        "entries": found.chain.entries,
        "erased": found.chain.erased,
        "head": found.chain.head.hash if found.chain.head else None,
        "exported_at": found.exported_at,
        "fingerprint": found.fingerprint,
        "signature": found.signature,
    }


def sentences(chain: ChainCheck) -> list[str]:
    """A line per place where a chain does not hold."""
    said = [found.sentence for found in chain.breaks]
    if chain.n_breaks > len(said):
        said.append(f"{chain.n_breaks - len(said)} further places are not named.")
    return said
