"""Verify a report, its evidence or a package, offline and without any private data.

Three questions are kept apart: whether a file is as it was signed, whether its parts belong together, and whose keys
signed. The last one cannot be answered from a file alone.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.evidence.canonical import LARGEST_JSON
from engine.evidence.checks import (
    EVIDENCE_FILE,
    LOOSE_FILE,
    PACKAGE,
    PDF,
    Check,
    Verification,
    are_good,
    bad,
    good,
)
from engine.evidence.evidence_verification import (
    SignedEvidence,
    check_document_key,
    check_evidence,
    check_origin,
)
from engine.evidence.keys import certificate_fingerprint, clean_fingerprint
from engine.evidence.names import (
    CERTIFICATE_NAME,
    EVIDENCE_NAME,
    MANIFEST_NAME,
    MANIFEST_SIGNATURE_NAME,
    REPORT_NAME,
    SIGNATURE_NAME,
)
from engine.evidence.package_verification import (
    Manifest,
    Opener,
    check_archive,
    check_file,
    check_files,
    check_manifest,
    check_together,
    folder_opener,
    read_small,
)
from engine.evidence.pdf_reading import LARGEST_PDF, PdfContents, read_pdf
from engine.evidence.pdf_verification import PAGES, SignedPdf, check_pdf_signature, names_signature_field
from engine.evidence.seal import check_seal

ARCHIVE, DOCUMENT = "archive", "document"

NOT_OURS = (
    "this file is none that Synthetic Data Studio signs: give a report (PDF), its evidence.json with evidence.sig.json "
    "beside it, a package (zip), or a file of an unpacked package beside its manifest.json"
)
_MISSING = SignedEvidence((bad(EVIDENCE_NAME, "The evidence.json is missing or damaged."),), None, None, None)
_UNSIGNED = SignedPdf((), None)


def verify_file(path: Path, *, fingerprints: Collection[str] | None = None) -> Verification:
    """Verify a file that this program made, of whatever kind.

    Args:
        path: the file.
        fingerprints: of the keys that may have signed it, in hexadecimal; None leaves open whose keys signed, and an
            empty collection trusts nobody.

    Returns:
        What was found; a file that was changed fails, and the checks say in which part.

    Raises:
        InputError: the file is not one that can be verified; it says why and what to give instead.
    """
    known = None if fingerprints is None else tuple(map(clean_fingerprint, fingerprints))
    try:
        with path.open("rb") as file:
            beginning = file.read(5)
        if beginning == b"%PDF-":
            return _verify_pdf(_read(path, LARGEST_PDF), known)
        if path.name == MANIFEST_NAME:
            return _verify_folder(path, known)
        if zipfile.is_zipfile(path) and (path.suffix.lower() == ".zip" or _manifest_above(path) is None):
            return _verify_archive(path, known)
        return _verify_loose(path, known)
    except OSError:
        raise InputError(f"{path.name} cannot be read") from None


def attached_evidence(content: bytes) -> dict[str, Any]:
    """The evidence in a PDF, whoever signed it.

    Raises:
        InputError: the PDF cannot be read, or holds none.
    """
    attached = read_pdf(content).attachments.get(EVIDENCE_NAME)
    if attached is None:
        raise InputError("this PDF was not made by Synthetic Data Studio: it holds no evidence.json")
    evidence = _parsed(attached)
    if not isinstance(evidence, dict):
        raise InputError("the evidence.json in this PDF is damaged")
    return evidence


def _verify_pdf(content: bytes, known: Collection[str] | None) -> Verification:
    is_signed_here = names_signature_field(content)
    try:
        contents = read_pdf(content)
    except InputError as error:
        if not is_signed_here:
            raise
        return _verification(PDF, [bad(PAGES, f"The PDF was changed after it was signed: {error}.")], known)
    if EVIDENCE_NAME not in contents.attachments and not is_signed_here:
        raise InputError("this PDF was not made by Synthetic Data Studio: it holds no evidence.json")
    attached = contents.attachments.get(EVIDENCE_NAME)
    signed = check_pdf_signature(contents)
    evidence = _MISSING if attached is None else check_evidence(attached, contents.attachments.get(SIGNATURE_NAME))
    checks = [*signed.checks, *evidence.checks, *_check_bound(contents, signed, evidence)]
    return _verification(PDF, checks, known, evidence=evidence, signed=signed)


def _check_bound(contents: PdfContents, signed: SignedPdf, evidence: SignedEvidence) -> list[Check]:
    """Whether the two signatures of a PDF are about one document, by keys and a name that both sides state."""
    if signed.certificate is None or evidence.json is None:
        return []
    document_id = _document(evidence).get("id")
    is_same = isinstance(document_id, str) and bool(document_id) and document_id in contents.metadata
    named = (
        good(DOCUMENT, f"The PDF and its evidence are of one document, {document_id}.")
        if is_same
        else bad(DOCUMENT, "The PDF does not name the document that the evidence attached to it is about.")
    )
    return [check_document_key(evidence.json, certificate_fingerprint(signed.certificate), signed.chain), named]


def _verify_folder(path: Path, known: Collection[str] | None) -> Verification:
    """Verify an unpacked package by its manifest; other files in its folder are not looked at."""
    folder = path.parent
    own = [name for name in (MANIFEST_NAME, MANIFEST_SIGNATURE_NAME) if (folder / name).is_file()]
    opener = folder_opener(folder)
    _, manifest = check_manifest(*(read_small(name, opener, own) for name in (MANIFEST_NAME, MANIFEST_SIGNATURE_NAME)))
    named = [] if manifest is None else [name for name in manifest.files if (folder / name).is_file()]
    return _verify_files([*own, *named], opener, ([], None), known)


def _verify_archive(path: Path, known: Collection[str] | None) -> Verification:
    try:
        with zipfile.ZipFile(path) as archive:
            names = check_archive(archive)
            if MANIFEST_NAME not in names and EVIDENCE_NAME not in names:
                raise InputError("this archive was not made by Synthetic Data Studio: it holds no manifest.json")
            return _verify_files(names, archive.open, _check_seal(path, archive.comment), known)
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise InputError("the archive is damaged: its list of files cannot be read") from None


def _check_seal(path: Path, comment: bytes) -> tuple[list[Check], str | None]:
    """What the archive's own seal says, and the fingerprint of the key where it holds."""
    try:
        fingerprint = check_seal(path, comment)
    except InputError as error:
        return [bad(ARCHIVE, f"The archive was changed, in a file or around them: {error}.")], None
    if fingerprint is None:
        return [good(ARCHIVE, "The archive has no seal: it was packed anew, and its manifest alone covers it.")], None
    return [good(ARCHIVE, "The archive is as it was sealed, byte by byte.")], fingerprint


def _verify_files(
    names: list[str], opener: Opener, sealed: tuple[list[Check], str | None], known: Collection[str] | None
) -> Verification:
    """Verify a package, packed or not, after what was checked of the archive itself."""
    manifest_file, manifest_signature, content, signature, report, certificate = (
        read_small(name, opener, names)
        for name in (
            MANIFEST_NAME,
            MANIFEST_SIGNATURE_NAME,
            EVIDENCE_NAME,
            SIGNATURE_NAME,
            REPORT_NAME,
            CERTIFICATE_NAME,
        )
    )
    found, manifest = check_manifest(manifest_file, manifest_signature)
    evidence = _MISSING if content is None else check_evidence(content, signature)
    signed = _UNSIGNED
    checks = [*sealed[0], found]
    if manifest is not None and sealed[1] not in (None, manifest.fingerprint):
        checks.append(bad(ARCHIVE, "The archive was sealed with another key than its manifest."))
    if manifest is not None:
        others = [name for name in names if name not in (MANIFEST_NAME, MANIFEST_SIGNATURE_NAME)]
        checks += check_files(manifest, others, opener)
    checks += evidence.checks
    if report is not None:
        signed, more = _check_report(report, evidence, content, signature)
        checks += more
    if manifest is not None and evidence.json is not None:
        checks += check_together(evidence.json, manifest, evidence.fingerprint, certificate)
    return _verification(PACKAGE, checks, known, evidence=evidence, signed=signed, manifest=manifest)


def _check_report(
    report: bytes, evidence: SignedEvidence, content: bytes | None, signature: bytes | None
) -> tuple[SignedPdf, list[Check]]:
    """The report of a package, which has to hold the evidence of the package."""
    try:
        contents = read_pdf(report)
    except InputError as error:
        return _UNSIGNED, [bad(REPORT_NAME, f"The report cannot be read: {error}.")]
    signed = check_pdf_signature(contents)
    checks = [*signed.checks, *_check_bound(contents, signed, evidence)]
    attached = [contents.attachments.get(name) for name in (EVIDENCE_NAME, SIGNATURE_NAME)]
    if attached != [content, signature]:
        checks.append(bad(REPORT_NAME, "The evidence attached to the report is not the evidence of the package."))
    return signed, [Check(f"{REPORT_NAME}: {each.part}", each.is_good, each.sentence) for each in checks]


def _verify_loose(path: Path, known: Collection[str] | None) -> Verification:
    """Verify evidence by its signature, or any file of an unpacked package by the manifest."""
    if path.name.endswith(".sig.json"):
        raise InputError("this is a signature: give the file that it signs, and leave the signature beside it")
    signature = path.with_suffix(".sig.json")
    if path.suffix.lower() == ".json" and signature.is_file():
        evidence = check_evidence(_read(path, LARGEST_JSON), _read(signature, LARGEST_JSON))
        return _verification(EVIDENCE_FILE, [*evidence.checks], known, evidence=evidence)
    manifest_path = _manifest_above(path)
    if manifest_path is None:
        raise InputError(_advice(path))
    folder = manifest_path.parent
    opener = folder_opener(folder)
    own = [name for name in (MANIFEST_NAME, MANIFEST_SIGNATURE_NAME) if (folder / name).is_file()]
    found, manifest = check_manifest(
        *(read_small(name, opener, own) for name in (MANIFEST_NAME, MANIFEST_SIGNATURE_NAME))
    )
    checks = [found]
    if manifest is not None:
        checks.append(check_file(manifest, path.relative_to(folder).as_posix(), opener))
    return _verification(LOOSE_FILE, checks, known, manifest=manifest)


def _manifest_above(path: Path) -> Path | None:
    """The manifest of the unpacked package that a file lies in."""
    folders = [path.parent, path.parent.parent]
    return next((each / MANIFEST_NAME for each in folders if (each / MANIFEST_NAME).is_file()), None)


def _advice(path: Path) -> str:
    value = _parsed(_read(path, LARGEST_JSON)) if path.suffix.lower() == ".json" else None
    if isinstance(value, dict) and "evidence_version" in value:
        return f"put the signature of this evidence beside it, as {path.with_suffix('.sig.json').name}, or give the PDF"
    if isinstance(value, dict) and "certificate_version" in value:
        return "a certificate carries no signature of its own: give its package, or compute its ε again by `recompute`"
    return NOT_OURS


def _verification(
    kind: str,
    checks: list[Check],
    known: Collection[str] | None,
    *,
    evidence: SignedEvidence = _MISSING,
    signed: SignedPdf = _UNSIGNED,
    manifest: Manifest | None = None,
) -> Verification:
    statement = evidence.fingerprint or (None if manifest is None else manifest.fingerprint)
    document = None if signed.certificate is None else certificate_fingerprint(signed.certificate)
    used = [fingerprint for fingerprint in (statement, document) if fingerprint is not None]
    checks = [*checks, check_origin(used, known)]
    named = _document(evidence) if evidence.json is not None else {"id": manifest.document_id} if manifest else None
    return Verification(kind, are_good(checks), tuple(checks), named, statement, document, evidence.sha256)


def _document(evidence: SignedEvidence) -> Mapping[str, Any]:
    document = None if evidence.json is None else evidence.json.get("document")
    return document if isinstance(document, Mapping) else {}


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _read(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise InputError(f"{path.name} is larger than {most >> 20} MiB, which no file of this kind is")
    return content
