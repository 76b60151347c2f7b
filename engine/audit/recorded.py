"""The last full audit of this version, as a file of the package; reading it loads none of the audit's code."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENGINE = Path(__file__).resolve().parents[1]
RECORDED_PATH = Path(__file__).with_name("recorded.json")
AUDITED_CODE = ("privacy", "synthesizers", "data/encode.py")
"""What decides how much a run reveals; a change anywhere in it makes an audit one of older code."""


@dataclass(frozen=True)
class RecordedAudits:
    """The audits of all methods with a guarantee.

    Args:
        version: of the engine that was audited.
        recorded_on: date, as ISO 8601.
        code_sha256: digest of the audited code.
        audits: one result per method and ε, as `AuditResult.to_json` gives it.
    """

    version: str
    recorded_on: str
    code_sha256: str
    audits: tuple[dict[str, Any], ...]

    @property
    def code_changed(self) -> bool:
        """Whether the code is another one than was audited."""
        return self.code_sha256 != code_digest()

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON, as the file holds it."""
        return {
            "version": self.version,
            "recorded_on": self.recorded_on,
            "code_sha256": self.code_sha256,
            "audits": list(self.audits),
        }

    def save(self, path: Path = RECORDED_PATH) -> None:
        """Write the file."""
        path.write_text(json.dumps(self.to_json(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def recorded_audits(path: Path = RECORDED_PATH) -> RecordedAudits:
    """Read the file."""
    value = json.loads(path.read_text(encoding="utf-8"))
    return RecordedAudits(value["version"], value["recorded_on"], value["code_sha256"], tuple(value["audits"]))


def code_digest(folder: Path = ENGINE) -> str:
    """SHA-256 over names and texts of the audited code, which decides about privacy."""
    digest = hashlib.sha256()
    for part in AUDITED_CODE:
        place = folder / part
        for path in [place] if place.is_file() else sorted(place.rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            digest.update(f"{path.relative_to(folder).as_posix()}\0{len(text)}\0{text}".encode())
    return digest.hexdigest()
