"""The signed list of everything in a package, made once with the report and kept with it.

It is signed by the key that signed the evidence, at the same time. A package that is asked for after the keys were
rotated therefore still is of one signer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.evidence.canonical import canonical_bytes
from engine.evidence.names import MANIFEST_NAME, MANIFEST_SIGNATURE_NAME, MANIFEST_VERSION

if TYPE_CHECKING:
    from engine.evidence.keys import Signer


def seal_documents(
    document_id: str, documents: Mapping[str, bytes], data: Mapping[str, Mapping[str, Any]], signer: Signer
) -> dict[str, bytes]:
    """The manifest of a package and its signature.

    Args:
        document_id: of the report.
        documents: content of every file but the tables, by its name in the package.
        data: `sha256` and `size_bytes` of every table, by its name in the package.
        signer: the keys that signed the evidence.
    """
    from engine.evidence.statements import MANIFEST, sign_statement

    listed = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
        for name, content in documents.items()
    }
    tables = {name: {"sha256": file["sha256"], "size_bytes": file["size_bytes"]} for name, file in data.items()}
    manifest = canonical_bytes(
        {"manifest_version": MANIFEST_VERSION, "document_id": document_id, "files": listed | tables}
    )
    return {
        MANIFEST_NAME: manifest,
        MANIFEST_SIGNATURE_NAME: canonical_bytes(sign_statement(manifest, signer, MANIFEST)),
    }
