"""The text file of a package that says what each file is and how to check it without asking whoever made it."""

from __future__ import annotations

from collections.abc import Collection
from textwrap import fill, indent

from app.reporting.evidence import FINAL, Evidence
from app.reporting.printable import NOT_PROVIDED, clean
from app.reporting.report import banner
from app.reporting.sections.phrases import moment_text

WIDTH = 100

_FILES = (
    ("report.pdf", "The report, signed (PAdES), with evidence.json and its signature as attachments."),
    ("report.docx", "The same report as a Word document, to be filled in and commented. It is not signed itself."),
    ("report.html", "The same report as one web page, which runs nothing and loads nothing. It is not signed itself."),
    ("evidence.json", "Everything that the report says, as canonical JSON (RFC 8785)."),
    ("evidence.sig.json", "The Ed25519 signature over evidence.json."),
    (
        "certificate.json",
        "What the run did and what it spent, as the engine recorded it; evidence.json holds the same.",
    ),
    ("model_card.md", "What the table is for, how it was made and where its limits are, for a repository."),
    ("model_card.html", "The same as a web page."),
    ("dp_registry.yaml", "A draft entry for the public registry of deployments of differential privacy."),
    ("recompute_epsilon.py", "A script of less than 100 lines that computes ε again and needs dp-accounting alone."),
    ("data/synthetic.csv", "The synthetic table as text."),
    ("data/synthetic.parquet", "The same table with its types."),
    ("keys/statement_key.pem", "The public key that checks evidence.sig.json and manifest.sig.json."),
    ("keys/document_certificate.pem", "The certificate that checks the signature of report.pdf."),
)
_OWN_FILES = (
    ("manifest.json", "Size and SHA-256 of every other file."),
    ("manifest.sig.json", "The Ed25519 signature over manifest.json."),
)

_ORIGIN = (
    "Signatures show that nothing was changed since whoever holds the keys signed. They do not show who holds them. "
    "Get the fingerprints from the organisation by another way, compare them with those above, and give them with "
    "--fingerprint."
)
_UNPROTECTED = (
    "This run has no privacy guarantee. The table can repeat what the private rows hold. Keep the package where the "
    "private rows may be kept, and do not pass it on."
)
_INTERNAL = (
    "This is the internal edition, without the synthetic table. It holds statistics of private rows that no privacy "
    "budget paid for. Keep it where the private rows may be kept, and do not pass it on."
)


def readme(evidence: Evidence, names: Collection[str]) -> str:
    """The text.

    Args:
        evidence: what the package is about.
        names: the files of the package beside this one, its manifest and the manifest's signature.
    """
    parts = [_title(evidence), *_warnings(evidence), "FILES", _listed(evidence, names)]
    parts += ["HOW TO VERIFY", *_verification(evidence, names)]
    return "\n\n".join(parts) + "\n"


def _title(evidence: Evidence) -> str:
    generator = f"{clean(evidence.at('/document/generator/name'))} {clean(evidence.at('/document/generator/version'))}"
    status = "final" if evidence.at("/document/status") == FINAL else "draft"
    lines = [
        f"Evidence package of the synthetic table made from: {clean(evidence.at('/dataset/name'))}",
        f"Document {clean(evidence.at('/document/id'))}, version {clean(evidence.at('/document/version'))}, {status}, "
        f"{clean(evidence.at('/document/edition'))} edition",
        f"Made {moment_text(evidence.at('/document/created'))} by {generator}",
        "It is evidence. It is not a certification or legal advice.",
    ]
    return "\n".join(lines)


def _warnings(evidence: Evidence) -> list[str]:
    found = [banner(evidence).upper()] if banner(evidence) else []
    if not evidence.is_protected:
        found.append(_wrapped(_UNPROTECTED))
    elif evidence.is_internal:
        found.append(_wrapped(_INTERNAL))
    return found


def _listed(evidence: Evidence, names: Collection[str]) -> str:
    described = [(name, _description(evidence, name, text)) for name, text in _FILES if name in names]
    return "\n".join(f"{name}\n{indent(_wrapped(text), '    ')}" for name, text in (*described, *_OWN_FILES))


def _description(evidence: Evidence, name: str, text: str) -> str:
    if name == "recompute_epsilon.py" and not evidence.is_protected:
        return "A script that says what privacy loss the record gives; of this run it finds none that is finite."
    return text


def _verification(evidence: Evidence, names: Collection[str]) -> list[str]:
    steps = [
        (
            "The whole package (every file, its signatures, and whether they belong together)",
            "python -m engine verify package.zip",
            "or, unpacked, by the manifest: python -m engine verify manifest.json",
        ),
        (
            "The PDF (signature, attachments, keys)",
            "python -m engine verify report.pdf",
            "A PDF reader that knows PAdES shows the signature too; it does not know the issuer of the certificate.",
        ),
        (
            "The evidence",
            "python -m engine verify evidence.json",
            "It needs evidence.sig.json in the same folder.",
        ),
        (
            "Word document, web pages, model card, YAML, certificate, script, tables and this file",
            "python -m engine verify FILE",
            "They carry no signature of their own. The signed manifest in the same folder names the SHA-256 of each; "
            "sha256sum FILE shows it as well.",
        ),
    ]
    steps += _computation(evidence)
    shown = [
        f"{place}. {title}\n\n    {command}\n\n{indent(_wrapped(text), '   ')}"
        for place, (title, command, text) in enumerate(steps, start=1)
    ]
    return [_wrapped(_program(evidence)), *shown, *_keys(evidence)]


def _program(evidence: Evidence) -> str:
    name, version = (clean(evidence.at(f"/document/generator/{key}")) for key in ("name", "version"))
    return (
        f"Commands with -m engine run in a copy of the source of {name}, version {version} or later. They need neither "
        "a network nor private data. A changed byte makes them fail and say in which part."
    )


def _computation(evidence: Evidence) -> list[tuple[str, str, str]]:
    if not evidence.is_protected:
        return []
    return [
        (
            "The privacy loss, from the recorded events alone",
            "pip install dp-accounting && python recompute_epsilon.py evidence.json",
            "The script trusts nothing of the program that made the table. Its ε equals the one in the report.",
        )
    ]


def _keys(evidence: Evidence) -> list[str]:
    statement, document = (
        evidence.at(f"/signing/{name}/fingerprint") or NOT_PROVIDED for name in ("statement_key", "document_key")
    )
    return [
        "KEYS",
        f"Key of the statements:  SHA-256 {clean(statement)}\nCertificate of the PDF: SHA-256 {clean(document)}",
        _wrapped(_ORIGIN),
    ]


def _wrapped(text: str) -> str:
    return fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)
