"""The files of a report, made and signed at once, and the zip file that hands them out with the synthetic table."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

from app.reporting.claims import refuse_claims
from app.reporting.document import Report
from app.reporting.evidence import Evidence
from app.reporting.model_card import build_model_card, model_card_markdown
from app.reporting.printable import clean
from app.reporting.readme import readme
from app.reporting.registry_entry import registry_entry
from app.reporting.rendering.markdown import escape
from app.reporting.report import build_report
from engine.errors import InputError
from engine.evidence.names import (
    CERTIFICATE_NAME,
    EVIDENCE_NAME,
    MANIFEST_NAME,
    MANIFEST_SIGNATURE_NAME,
    REPORT_NAME,
    SIGNATURE_NAME,
)

if TYPE_CHECKING:
    from engine.evidence.keys import Signer

REPORT_DOCX, REPORT_HTML = "report.docx", "report.html"
CARD_MARKDOWN, CARD_HTML = "model_card.md", "model_card.html"
REGISTRY, SCRIPT, README = "dp_registry.yaml", "recompute_epsilon.py", "README.txt"
STATEMENT_KEY, DOCUMENT_CERTIFICATE = "keys/statement_key.pem", "keys/document_certificate.pem"
DATA_FOLDER = "data"

CHUNK_BYTES = 1 << 20

_RENDERED = (EVIDENCE_NAME, SIGNATURE_NAME, REPORT_NAME, REPORT_DOCX, REPORT_HTML, CARD_HTML)
_DESCRIPTIONS = {
    EVIDENCE_NAME: "Everything that this report says, as canonical JSON (RFC 8785)",
    SIGNATURE_NAME: "The Ed25519 signature over evidence.json, with its public key",
}
_COMPRESSED = frozenset((".parquet", ".pdf", ".docx"))
"""Kinds of files that are compressed already, and are stored as they are."""


def make_documents(evidence: Evidence, signer: Signer) -> dict[str, bytes]:
    """Make and sign every file of a report but the synthetic table and the manifest.

    Args:
        evidence: what the report says; its `signing` part is that of the signer.
        signer: the keys.

    Returns:
        The files by their names in the package.

    Raises:
        InputError: the evidence names other keys, or the keys cannot sign at that time.
        InvalidInputError: a text makes a claim that no report may print.
    """
    from engine.evidence.canonical import canonical_bytes
    from engine.evidence.recompute_script import SCRIPT_PATH

    if evidence.at("/signing") != signer.identity():
        raise InputError("the evidence names other keys than those that are to sign it")
    report, card = build_report(evidence), build_model_card(evidence)
    files = {
        CARD_MARKDOWN: model_card_markdown(evidence).encode(),
        **({REGISTRY: registry_entry(evidence).encode()} if evidence.is_protected else {}),
        CERTIFICATE_NAME: _pretty(evidence.at("/certificate")),
        SCRIPT: SCRIPT_PATH.read_bytes(),
        STATEMENT_KEY: signer.statement_key_pem(),
        DOCUMENT_CERTIFICATE: signer.document_certificate_pem(),
    }
    files[README] = readme(evidence, {*files, *_RENDERED, *_data_names(evidence)}).encode()
    written = (files[name].decode() for name in (CARD_MARKDOWN, REGISTRY, README) if name in files)
    refuse_claims([*texts_of(report), *texts_of(card), *written], data_names(evidence))
    canonical = canonical_bytes(evidence.json)
    files |= {EVIDENCE_NAME: canonical, SIGNATURE_NAME: _signature(canonical, signer, "evidence")}
    attachments = {name: files[name] for name in (EVIDENCE_NAME, SIGNATURE_NAME)}
    return (
        files | _rendered(report, card, _moment(evidence)) | {REPORT_NAME: _pdf(report, attachments, evidence, signer)}
    )


def write_package(
    target: BinaryIO, documents: Mapping[str, bytes], data: Mapping[str, Path], signer: Signer | None = None
) -> None:
    """Write the zip file; the same files give the same bytes, and a table is never held in memory.

    Args:
        target: where to write; it need not be one that can be rewound.
        documents: every file of the report, its manifest among them.
        data: the tables, by their names in the package.
        signer: the keys to seal the archive with. Where they were rotated since the manifest was signed, it is not
            sealed, so that all signatures in it are of one key.

    Raises:
        InputError: the files are not those that the manifest names, so the package would not verify.
    """
    from engine.evidence.seal import SealedFile

    stated = json.loads(documents[MANIFEST_NAME])["files"]
    if set(stated) != {*documents, *data} - {MANIFEST_NAME, MANIFEST_SIGNATURE_NAME}:
        raise InputError("the files of the package are not those that its manifest names")
    if signer is None or not _has_signed(signer, documents[MANIFEST_SIGNATURE_NAME]):
        _write_archive(target, documents, data, stated)
        return
    sealed = SealedFile(target)
    _write_archive(cast(BinaryIO, sealed), documents, data, stated)
    sealed.seal(signer)


def _has_signed(signer: Signer, signature: bytes) -> bool:
    return bool(json.loads(signature)["fingerprint"] == signer.identity()["statement_key"]["fingerprint"])


def _write_archive(
    target: BinaryIO, documents: Mapping[str, bytes], data: Mapping[str, Path], stated: Mapping[str, Any]
) -> None:
    """The archive in a fixed order and with one time; each file is compared with the manifest on its way."""
    time = datetime.fromisoformat(json.loads(documents[EVIDENCE_NAME])["document"]["created"]).astimezone(UTC)
    with zipfile.ZipFile(target, "w") as archive:
        for name in sorted(documents, key=lambda name: (name != README, name)):
            content = documents[name]
            with archive.open(_entry(name, time, len(content)), "w") as member:
                member.write(content)
            _require_signed(name, _measured(content), stated)
        for name, path in sorted(data.items()):
            with archive.open(_entry(name, time, path.stat().st_size), "w") as member:
                copied = _copy(path, member)
            _require_signed(name, copied, stated)


def _require_signed(name: str, found: Mapping[str, Any], stated: Mapping[str, Any]) -> None:
    if name in stated and found != stated[name]:
        raise InputError(f"{name} is not the file that was signed, so the package would not verify")


def texts_of(report: Report) -> Iterator[str]:
    """Every text that a report prints."""
    yield from _texts(report)


def data_names(evidence: Evidence) -> list[str]:
    """Names of columns and of their categories, which are data and claim nothing, in each form that a file has them."""
    schema_fields = evidence.items("/certificate/schema/fields")
    names = [field.get("name") for field in schema_fields]
    for field in schema_fields:
        names += (field.get("constraints") or {}).get("enum") or ()
    texts = [name for name in names if isinstance(name, str)]
    shown = [clean(text) for text in texts]
    return [*texts, *shown, *map(escape, shown)]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _texts(item)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _texts(getattr(value, field.name))


def _data_names(evidence: Evidence) -> list[str]:
    """Tables of the package; the internal edition of a run with a guarantee has none."""
    if evidence.is_protected and evidence.is_internal:
        return []
    return [f"{DATA_FOLDER}/{file.get('name')}" for file in evidence.items("/synthetic_files")]


def _rendered(report: Report, card: Report, moment: datetime) -> dict[str, bytes]:
    from app.reporting.rendering.docx import render_docx
    from app.reporting.rendering.html_page import render_html

    return {
        REPORT_DOCX: render_docx(report, moment),
        REPORT_HTML: render_html(report),
        CARD_HTML: render_html(card),
    }


def _pdf(report: Report, attachments: Mapping[str, bytes], evidence: Evidence, signer: Signer) -> bytes:
    from app.reporting.rendering.pdf import Attachment, render_pdf
    from engine.evidence.pdf_signature import sign_pdf

    moment = _moment(evidence)
    carried = [
        Attachment(name, content, "application/json", _DESCRIPTIONS[name]) for name, content in attachments.items()
    ]
    return sign_pdf(render_pdf(report, carried, moment), signer, reason=report.title, moment=moment)


def _moment(evidence: Evidence) -> datetime:
    return datetime.fromisoformat(evidence.at("/document/created"))


def _signature(content: bytes, signer: Signer, purpose: str) -> bytes:
    from engine.evidence.canonical import canonical_bytes
    from engine.evidence.statements import sign_statement

    return canonical_bytes(sign_statement(content, signer, purpose))


def _pretty(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _measured(content: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}


def _entry(name: str, time: datetime, size: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, time.timetuple()[:6])
    entry.compress_type = zipfile.ZIP_STORED if Path(name).suffix in _COMPRESSED else zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    entry.file_size = size  # decides whether the entry needs the form for large files
    return entry


def _copy(path: Path, member: IO[bytes]) -> dict[str, Any]:
    """Copy a file piece by piece; size and digest of what was copied."""
    found, size = hashlib.sha256(), 0
    with path.open("rb") as source:
        while piece := source.read(CHUNK_BYTES):
            found.update(piece)
            size += len(piece)
            member.write(piece)
    return {"sha256": found.hexdigest(), "size_bytes": size}
