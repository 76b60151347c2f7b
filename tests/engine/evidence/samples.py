"""Signed evidence of real runs on a simulated table, in the forms that a verification takes."""

import copy
import hashlib
import io
import json
import zipfile
from datetime import UTC, datetime
from functools import cache

import typst

from engine.certificate import recompute
from engine.evidence.canonical import canonical_bytes
from engine.evidence.keys import make_signer
from engine.evidence.pdf_signature import sign_pdf
from engine.evidence.recompute_script import SCRIPT_PATH
from engine.evidence.seal import SealedFile
from engine.evidence.statements import MANIFEST, sign_statement
from engine.pipeline import synthesize
from tests.tables import small_plan, small_table

MOMENT = datetime(2026, 11, 28, 10, 0, tzinfo=UTC)
DOCUMENT_ID = "6f1c2a34-0000-4000-8000-000000000001"
TABLE = b"age,region\n30,north\n" * 40

_TEMPLATE = """
#set document(title: "Evidence", author: "Synthetic Data Studio", keywords: (sys.inputs.id,), date: auto)
#set text(lang: "en")
#for attached in json(bytes(sys.inputs.attachments)) {
  pdf.attach(attached.at(0), bytes(attached.at(1)), relationship: "data", mime-type: "application/json",
    description: attached.at(0))
}
#outline()
= Summary
The rows are simulated. #link("https://example.org/keys")[The keys] are published.
#pagebreak()
= The guarantee
#sys.inputs.text
"""


@cache
def signer():
    return make_signer(MOMENT)


@cache
def certificate_json(method):
    choices = {"epsilon": 2.0, "declared_rows": 400}
    return json.dumps(synthesize(small_table(), small_plan(method, **choices), sample_seed=5).certificate)


def certificate(method="mst"):
    return json.loads(certificate_json(method))


def evidence(method="mst", keys=None):
    """Evidence that holds what a verification looks at."""
    run = certificate(method)
    found = recompute(run)
    return {
        "evidence_version": 1,
        "document": {"id": DOCUMENT_ID, "version": 1, "status": "final", "edition": "releasable"},
        "signing": (keys or signer()).identity(),
        "synthetic_files": [
            {"name": "synthetic.csv", "size_bytes": len(TABLE), "sha256": hashlib.sha256(TABLE).hexdigest()}
        ],
        "certificate": run,
        "recomputed": {name: found[name] for name in ("epsilon", "delta", "agrees")},
    }


def signed(value, keys=None, purpose="evidence"):
    """A JSON value and its signature, both in canonical form."""
    content = canonical_bytes(value)
    return content, canonical_bytes(sign_statement(content, keys or signer(), purpose))


def draw_pdf(attachments, *, document_id=DOCUMENT_ID, text="Nothing is certified."):
    """An archival, accessible PDF, not signed."""
    inputs = {
        "id": document_id,
        "text": text,
        "attachments": json.dumps([[name, content.decode()] for name, content in attachments]),
    }
    compiler = typst.Compiler(_TEMPLATE.encode(), sys_inputs=inputs, ignore_system_fonts=True)
    return compiler.compile(format="pdf", pdf_standards=["a-3a", "ua-1"], timestamp=MOMENT)


def report(value=None, keys=None, **choices):
    """A signed PDF with its evidence."""
    content, signature = signed(value or evidence(keys=keys), keys)
    pdf = draw_pdf([("evidence.json", content), ("evidence.sig.json", signature)], **choices)
    return sign_pdf(pdf, keys or signer(), reason="Evidence", moment=MOMENT)


@cache
def shared_report():
    return report()


def package_files(value=None, keys=None):
    """The files of a package, with its manifest."""
    value = value or evidence(keys=keys)
    content, signature = signed(value, keys)
    files = {
        "README.txt": b"How to verify.\n",
        "evidence.json": content,
        "evidence.sig.json": signature,
        "report.pdf": report(value, keys),
        "certificate.json": json.dumps(value["certificate"], indent=2).encode(),
        "recompute_epsilon.py": SCRIPT_PATH.read_bytes(),
        "data/synthetic.csv": TABLE,
    }
    return files | manifest_of(files, keys)


def manifest_of(files, keys=None, document_id=DOCUMENT_ID):
    named = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
        for name, content in files.items()
    }
    value = {"manifest_version": 1, "document_id": document_id, "files": named}
    content, signature = signed(value, keys, MANIFEST)
    return {"manifest.json": content, "manifest.sig.json": signature}


def archive(files, keys=None, *, is_sealed=True):
    """The bytes of a package."""
    target = io.BytesIO()
    sealed = SealedFile(target)
    with zipfile.ZipFile(sealed, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(zipfile.ZipInfo(name, (2026, 11, 28, 10, 0, 0)), content, zipfile.ZIP_DEFLATED)
    if is_sealed:
        sealed.seal(keys or signer())
        return target.getvalue()
    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return plain.getvalue()


@cache
def shared_package():
    return archive(package_files())


def flipped(content, position, bit=0):
    """The bytes with one bit changed."""
    changed = bytearray(content)
    changed[position] ^= 1 << bit
    return bytes(changed)


def changed(value, *path, to):
    """A copy of a JSON value with another value at a path."""
    value = copy.deepcopy(value)
    place = value
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = to
    return value
