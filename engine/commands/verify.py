"""`python -m engine verify`: whether a report, its evidence or a package is as it was signed, offline."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

NEGATIVE = 1


def add(commands: Any) -> None:
    """Add the command to a parser's commands."""
    command = commands.add_parser("verify", help="check the signatures, hashes and ε of a report, evidence or package")
    command.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="a report (PDF), evidence.json beside its signature, a package (zip), or a file beside its manifest.json",
    )
    command.add_argument(
        "--fingerprint",
        action="append",
        default=[],
        metavar="HEX",
        help="fingerprint of a key that may have signed, as its owner publishes it; give one for each key",
    )
    command.set_defaults(run=run, status=status)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Verify; every check goes to standard error, a line each."""
    from engine.evidence.verification import verify_file

    found = verify_file(options.file, fingerprints=options.fingerprint or None)
    for check in found.checks:
        sys.stderr.write(f"{'ok    ' if check.is_good else 'FAILED'} {check.part}: {check.sentence}\n")
    return {"file": str(options.file)} | asdict(found)


def status(result: dict[str, Any]) -> int:
    """The exit status: whether everything was as it should be."""
    return 0 if result["is_valid"] else NEGATIVE
