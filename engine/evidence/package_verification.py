"""Whether the files of a package are those that its signed manifest names, and belong together."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from engine.errors import InputError
from engine.evidence.canonical import LARGEST_JSON, read_canonical
from engine.evidence.checks import Check, bad, good
from engine.evidence.evidence_verification import check_signed
from engine.evidence.names import CERTIFICATE_NAME, MANIFEST_NAME, MANIFEST_SIGNATURE_NAME, MANIFEST_VERSION
from engine.evidence.pdf_reading import LARGEST_PDF
from engine.evidence.statements import MANIFEST

MOST_FILES = 200
LARGEST_CONTENT = 16 << 30
LARGEST_RATIO, SMALLEST_SUSPECT = 200, 64 << 20
FILES, TOGETHER = "files", "the package"
_PIECE = 1 << 20

DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)
"""What reading a damaged archive may raise."""

Opener = Callable[[str], IO[bytes]]


@dataclass(frozen=True)
class Manifest:
    """A manifest whose signature holds.

    Args:
        document_id: which document the files belong to.
        files: size and SHA-256 of each.
        fingerprint: of the key that signed it.
    """

    document_id: str
    files: Mapping[str, Mapping[str, Any]]
    fingerprint: str


def check_manifest(content: bytes | None, signature: bytes | None) -> tuple[Check, Manifest | None]:
    """Check a manifest and its signature.

    Args:
        content: the manifest; None where it is missing.
        signature: its signature; None where it is missing.

    Returns:
        What was found, and the manifest where its signature holds.
    """
    if content is None:
        return bad(MANIFEST_NAME, "The manifest is missing or damaged, so nothing says which files belong here."), None
    try:
        value = read_canonical(content, MANIFEST_NAME)
    except InputError as error:
        return bad(MANIFEST_NAME, f"{error}."), None
    found, fingerprint = check_signed(content, signature, MANIFEST_SIGNATURE_NAME, MANIFEST)
    if fingerprint is None:
        return found, None
    if not _is_manifest(value):
        return bad(MANIFEST_NAME, "The manifest is not of the form that this program writes."), None
    manifest = Manifest(value["document_id"], value["files"], fingerprint)
    return good(MANIFEST_NAME, f"The manifest names {len(manifest.files)} files, and its signature holds."), manifest


def check_files(manifest: Manifest, names: Collection[str], opener: Opener) -> list[Check]:
    """Check every file against the manifest, and that there are no others.

    Args:
        manifest: what has to be there.
        names: files that are there, but for the manifest and its signature.
        opener: opens a file by its name.
    """
    checks = [bad(name, "The file is missing: the manifest names it.") for name in sorted({*manifest.files} - {*names})]
    checks += [
        bad(name, "The manifest does not name this file: it was added.")
        for name in sorted({*names} - {*manifest.files})
    ]
    for name in sorted({*names} & {*manifest.files}):
        found = check_file(manifest, name, opener)
        checks += [] if found.is_good else [found]
    if not checks:
        checks = [good(FILES, f"All {len(manifest.files)} files are those that the manifest names, byte by byte.")]
    return checks


def check_file(manifest: Manifest, name: str, opener: Opener) -> Check:
    """Check one file against the manifest.

    Args:
        manifest: what it has to be.
        name: its name in the manifest.
        opener: opens it.
    """
    if name not in manifest.files:
        return bad(name, "The manifest does not name this file: it does not belong here.")
    stated = manifest.files[name]
    try:
        with opener(name) as file:
            sha256, size = _digest(file, stated["size_bytes"])
    except DAMAGED:
        return bad(name, "The file is damaged: it cannot be read from the archive.")
    if size != stated["size_bytes"]:
        return bad(name, f"The file was changed: it does not have the {stated['size_bytes']:,} bytes that were signed.")
    if sha256 != stated["sha256"]:
        return bad(name, "The file was changed: its SHA-256 is not the one that was signed.")
    return good(name, "The file is the one that the manifest names, byte by byte.")


def check_archive(archive: zipfile.ZipFile) -> list[str]:
    """Refuse an archive that no program like this one wrote, before anything is decompressed.

    Args:
        archive: the archive.

    Returns:
        The names of its files.

    Raises:
        InputError: it is encrypted, holds a name twice, or would fill the disk.
    """
    entries = archive.infolist()
    if len(entries) > MOST_FILES:
        raise InputError(f"the archive holds more than {MOST_FILES} files, which no package of this program does")
    names = [entry.filename for entry in entries]
    if len(set(names)) != len(names):
        raise InputError("the archive holds two files of one name, so it is not clear which one counts")
    if any(entry.flag_bits & 1 for entry in entries):
        raise InputError("the archive is encrypted: give it as it was issued")
    if any(entry.is_dir() or not _is_plain(entry.filename) for entry in entries):
        raise InputError("the archive holds a folder, or a name that leads out of it, which no package does")
    if any(entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for entry in entries):
        raise InputError("the archive is compressed in a way that no package of this program is")
    suspect = [entry for entry in entries if entry.file_size > SMALLEST_SUSPECT]
    if any(entry.file_size > LARGEST_RATIO * entry.compress_size for entry in suspect):
        raise InputError("the archive holds a file that grows more than any table does when it is unpacked")
    if sum(entry.file_size for entry in entries) > LARGEST_CONTENT:
        raise InputError(
            f"the archive holds more than {LARGEST_CONTENT >> 30} GiB: unpack it, and verify manifest.json"
        )
    return names


def read_small(name: str, opener: Opener, names: Collection[str]) -> bytes | None:
    """A file that fits into memory; None where it is missing, too large or damaged.

    Args:
        name: of the file.
        opener: opens it.
        names: files that are there.
    """
    if name not in names:
        return None
    largest = LARGEST_PDF if name.endswith(".pdf") else LARGEST_JSON
    try:
        with opener(name) as file:
            content = file.read(largest + 1)
    except DAMAGED:
        return None
    return content if len(content) <= largest else None


def check_together(
    evidence: Mapping[str, Any], manifest: Manifest, fingerprint: str | None, certificate: bytes | None
) -> list[Check]:
    """Check that the parts of a package are of one document and of one signer.

    Args:
        evidence: the evidence in the package.
        manifest: the package's manifest.
        fingerprint: of the key that signed the evidence.
        certificate: the certificate in the package; None where there is none.
    """
    checks = []
    document = evidence.get("document")
    if not isinstance(document, Mapping) or document.get("id") != manifest.document_id:
        checks.append(bad(TOGETHER, "The manifest is of another document than the evidence."))
    if fingerprint is not None and fingerprint != manifest.fingerprint:
        checks.append(bad(TOGETHER, "The manifest was signed with another key than the evidence."))
    if not _repeats_certificate(certificate, evidence.get("certificate")):
        checks.append(bad(CERTIFICATE_NAME, "The certificate is not the one that the evidence holds."))
    checks += _check_tables(evidence, manifest)
    return checks or [good(TOGETHER, "Manifest, evidence, certificate and synthetic data are of one document.")]


def folder_opener(folder: Path) -> Opener:
    """Opens files of an unpacked package."""
    return lambda name: (folder / name).open("rb")


def _check_tables(evidence: Mapping[str, Any], manifest: Manifest) -> list[Check]:
    """The evidence names the synthetic files; those in the package have to be these."""
    stated = evidence.get("synthetic_files")
    named = {
        f"data/{each.get('name')}": each
        for each in (stated if isinstance(stated, list) else [])
        if isinstance(each, dict)
    }
    checks = []
    for name, file in manifest.files.items():
        if not name.startswith("data/"):
            continue
        if name not in named or named[name].get("sha256") != file["sha256"]:
            checks.append(bad(name, "The synthetic file is not the one that the evidence names."))
    return checks


def _repeats_certificate(content: bytes | None, certificate: Any) -> bool:
    if content is None:
        return True
    try:
        return bool(json.loads(content) == certificate)
    except (ValueError, RecursionError):
        return False


def _digest(file: IO[bytes], most: int) -> tuple[str, int]:
    """SHA-256 and size, of which no more is read than one byte over what is expected."""
    hashed, size = hashlib.sha256(), 0
    while size <= most and (piece := file.read(_PIECE)):
        hashed.update(piece)
        size += len(piece)
    return hashed.hexdigest(), size


def _is_manifest(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) != {"manifest_version", "document_id", "files"}:
        return False
    files = value["files"]
    if value["manifest_version"] != MANIFEST_VERSION or not isinstance(value["document_id"], str):
        return False
    return (
        isinstance(files, dict)
        and len(files) <= MOST_FILES
        and all(map(_is_plain, files))
        and all(
            isinstance(each, dict)
            and set(each) == {"sha256", "size_bytes"}
            and isinstance(each["sha256"], str)
            and isinstance(each["size_bytes"], int)
            and each["size_bytes"] >= 0
            for each in files.values()
        )
    )


def _is_plain(name: str) -> bool:
    return (
        bool(name)
        and "\\" not in name
        and ":" not in name
        and all(part not in ("", ".", "..") for part in name.split("/"))
    )
