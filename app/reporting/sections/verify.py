"""Section 12: how a stranger checks the report without asking whoever made it."""

from __future__ import annotations

from app.reporting.document import Block, Bullets, Code, Heading, Note, Paragraph, Section, Statement, Statements
from app.reporting.evidence import Evidence
from app.reporting.frameworks import facts
from app.reporting.printable import clean, number_text
from app.reporting.sections.phrases import moment_text, records

NUMBER = "12"

VERIFY = "python -m engine verify report.pdf"
RECOMPUTE = "python -m engine recompute report.pdf"
RECOMPUTE_ALONE = "python recompute_epsilon.py evidence.json"
COMMITMENT = "python -m engine commitment private-file.csv --key-file key.txt"


def build(evidence: Evidence) -> Section:
    """What is attached, by which keys it is signed, and the commands that check it."""
    return Section(
        NUMBER,
        "How to verify this report",
        (
            *_record(evidence),
            *_attached(),
            *_keys(evidence),
            *_commands(evidence),
            *_digests(evidence),
            *_commitment(evidence),
        ),
    )


def _record(evidence: Evidence) -> tuple[Block, ...]:
    versions = [
        evidence.computed("Document", "/document/id"),
        evidence.computed("Version", "/document/version", "/document/status", text=_version),
        evidence.computed("Made", "/document/created", text=moment_text),
    ]
    if evidence.at("/document/supersedes") is not None:
        versions.append(
            evidence.computed(
                "Takes the place of",
                "/document/supersedes/id",
                "/document/supersedes/version",
                text=lambda document, version: f"{clean(document)}, version {number_text(version)}",
            )
        )
    return (Statements(tuple(versions)),)


def _version(version: object, status: object) -> str:
    return f"{number_text(version)}, {clean(status)}"


def _attached() -> tuple[Block, ...]:
    return (
        Heading("What is attached"),
        Paragraph("Every number of this report stands in a file that the PDF carries as an attachment:"),
        Bullets(
            (
                "evidence.json: all that the report says, as canonical JSON (RFC 8785), so that equal content has "
                "equal bytes",
                "evidence.sig.json: an Ed25519 signature (RFC 8032) over these bytes, with the public key",
            )
        ),
        Paragraph(
            "The PDF as a whole, attachments included, is signed by PAdES with a second key. The two keys name each "
            "other: evidence.json holds the fingerprints of both."
        ),
    )


def _keys(evidence: Evidence) -> tuple[Block, ...]:
    document_key = "/signing/document_key"
    return (
        Heading("Keys"),
        Statements(
            (
                _fingerprint(evidence, "Key of the statement, SHA-256 fingerprint", "/signing/statement_key"),
                evidence.computed("Public key of the statement", "/signing/statement_key/public_key"),
                _fingerprint(evidence, "Certificate of the document, SHA-256 fingerprint", document_key),
                evidence.computed("Certificate: subject", f"{document_key}/subject"),
                evidence.computed(
                    "Certificate: valid",
                    f"{document_key}/not_before",
                    f"{document_key}/not_after",
                    text=lambda first, last: f"from {moment_text(first)} to {moment_text(last)}",
                ),
                evidence.computed("Certificate: origin", f"{document_key}/source"),
            )
        ),
        Note(
            "Signatures prove that nothing was changed since whoever holds the keys signed. Who holds them, they do "
            "not prove: get the fingerprints from the organisation by another way, and compare."
        ),
    )


def _fingerprint(evidence: Evidence, name: str, pointer: str) -> Statement:
    return evidence.computed(
        name,
        f"{pointer}/fingerprint",
        f"{pointer}/algorithm",
        text=lambda fingerprint, algorithm: f"{clean(fingerprint)} ({clean(algorithm)})",
    )


def _commands(evidence: Evidence) -> tuple[Block, ...]:
    blocks: tuple[Block, ...] = (
        Heading("Commands"),
        Paragraph(
            "They need neither a network nor the private rows. The first checks both signatures, the attachments and "
            "whether the keys fit together; a changed byte makes it fail and say which part."
        ),
        Code(VERIFY),
    )
    if not evidence.is_protected:
        return blocks
    return (
        *blocks,
        Paragraph(
            "The next two compute ε again from the recorded events. The second is a script of less than 100 lines that "
            "comes with the package and needs dp-accounting alone, so that nobody has to trust the studio's own code."
        ),
        Code(f"{RECOMPUTE}\n{RECOMPUTE_ALONE}"),
        Statements((facts.recomputed(evidence),)),
    )


def _digests(evidence: Evidence) -> tuple[Block, ...]:
    names = [clean(file.get("name")) for file in records(evidence.at("/synthetic_files"))]
    if not names:
        return ()
    return (
        Heading("Digests"),
        Paragraph("A synthetic file is the one that this report is about where its digest is this one:"),
        Statements(facts.files(evidence)),
        Code("\n".join(f"sha256sum {name}" for name in names)),
    )


def _commitment(evidence: Evidence) -> tuple[Block, ...]:
    return (
        Heading("Commitment to the private file"),
        Paragraph(
            "A plain digest of the private file would let anyone who guesses the file confirm the guess. Therefore the "
            "digest is keyed: it tells nothing without a key, which the data owner can hand out. An auditor to whom "
            "the owner gives the key and the file computes it again and compares:"
        ),
        Statements((facts.commitment(evidence),)),
        Code(COMMITMENT),
    )
