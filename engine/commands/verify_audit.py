"""`verify-audit`: whether an exported audit log is the whole log, unaltered."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.evidence.chain_check import ChainCheck

NEGATIVE = 1


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
    command.set_defaults(run=run, status=status)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Check it; every place where the chain does not hold goes to standard error, a line each."""
    from engine.evidence.audit_file import verify_audit_file

    found = verify_audit_file(options.file, fingerprints=options.fingerprint or None, earlier=options.earlier)
    for sentence in sentences(found.chain):
        sys.stderr.write(f"{sentence}\n")
    sys.stderr.write(f"{found.signature}\n")
    return {
        "is_whole": found.is_whole,
        "entries": found.chain.entries,
        "erased": found.chain.erased,
        "head": found.chain.head.hash if found.chain.head else None,
        "exported_at": found.exported_at,
        "fingerprint": found.fingerprint,
        "signature": found.signature,
        "n_breaks": found.chain.n_breaks,
        "breaks": [asdict(place) for place in found.chain.breaks],
    }


def status(result: dict[str, Any]) -> int:
    """The exit status: whether the log is whole and its head signed as it should be."""
    return 0 if result["is_whole"] else NEGATIVE


def sentences(chain: ChainCheck) -> list[str]:
    """A line per place where a chain does not hold."""
    said = [found.sentence for found in chain.breaks]
    if chain.n_breaks > len(said):
        said.append(f"{chain.n_breaks - len(said)} further places are not named.")
    return said
