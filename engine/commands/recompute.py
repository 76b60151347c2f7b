"""`python -m engine recompute`: ε and δ again, from the recorded events alone."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from engine.certificate import recompute
from engine.errors import InputError

_CERTIFICATE = "certificate"


def add(commands: Any) -> None:
    """Add the command to a parser's commands."""
    command = commands.add_parser("recompute", help="compute ε and δ again from the recorded events alone")
    command.add_argument(
        "file", type=Path, metavar="FILE", help="a certificate, an evidence.json, or a report (PDF) that holds one"
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Compute; raises InputError where the events do not give the ε that is stated."""
    result = recompute(_certificate(options.file))
    if result["epsilon"] is None:
        if not result["agrees"]:
            raise InputError("the certificate says that there is no privacy guarantee, but states or records another")
        sys.stderr.write(f"{result['statement']}\n")
    elif not result["agrees"]:
        raise InputError(
            f"the recorded events give ε = {result['epsilon']:.6g}, "
            f"but the certificate states {result['stated_epsilon']:.6g}"
        )
    return result


def _certificate(path: Path) -> Any:
    """The certificate in a file, which may be evidence or a PDF around it."""
    content = path.read_bytes()
    if content.startswith(b"%PDF-"):
        from engine.evidence.verification import attached_evidence

        value: Any = attached_evidence(content)
    else:
        try:
            value = json.loads(content)
        except (ValueError, RecursionError):
            raise InputError(f"{path.name} is not JSON") from None
    is_evidence = isinstance(value, dict) and "evidence_version" in value
    return value.get(_CERTIFICATE) if is_evidence else value
