"""`python -m engine commitment`: what binds a private file, for an auditor whom its owner gives the key."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Add the command to a parser's commands."""
    command = commands.add_parser(
        "commitment", help="compute the keyed commitment to a private file, to compare with the one in a report"
    )
    command.add_argument("file", type=Path, metavar="FILE")
    command.add_argument(
        "--key-file", type=Path, required=True, metavar="KEY", help="the owner's key, as 64 hexadecimal digits"
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Compute; raises InputError where the key file does not hold a key."""
    from engine.evidence.commitment import ALGORITHM, commit, read_key

    return {
        "file": str(options.file),
        "algorithm": ALGORITHM,
        "commitment": commit(options.file, read_key(options.key_file)),
    }
