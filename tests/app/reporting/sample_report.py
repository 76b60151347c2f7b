"""A report that holds every block, for tests of its formats; its facts are made up."""

from app.reporting.document import (
    Bars,
    Bullets,
    Code,
    Figure,
    Heading,
    Intervals,
    Lines,
    Note,
    Paragraph,
    Report,
    Section,
    SignatureLine,
    Statement,
    Statements,
    Status,
    Table,
)
from app.reporting.printable import NOT_PROVIDED

DOCUMENT_ID = "6f1c2a34-0000-4000-8000-000000000001"
FINGERPRINT = "d0" * 32

COVER = (
    Statement("Document", f"{DOCUMENT_ID}, version 2 (replaces version 1)", Status.COMPUTED, source=("/document/id",)),
    Statement("Status", "Draft, releasable edition", Status.COMPUTED, source=("/document/status",)),
    Statement("Made", "2026-11-28 10:00:00 UTC, by Synthetic Data Studio 0.1.0", Status.COMPUTED),
    Statement("Dataset", "Visits of 2025 (dddddddddddddddddddddddddddddddd)", Status.DECLARED, "ada"),
    Statement("Run", "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee, finished 2026-11-02 09:01:00 UTC", Status.COMPUTED),
    Statement("Synthetic table", "400 rows, 15 columns", Status.COMPUTED),
    Statement("SHA-256 of synthetic.csv", "ab" * 32, Status.COMPUTED, source=("/synthetic_files/0/sha256",)),
    Statement("Signing key", FINGERPRINT, Status.COMPUTED, source=("/signing/statement_key/fingerprint",)),
    Statement("Intended readers", NOT_PROVIDED, Status.OPEN, "the data owner"),
)

_COLUMNS = (
    *("age", "diagnosis", "region", "smoker", "cost", "visits", "admitted", "discharged", "length_of_stay", "ward"),
    *("insurance", "follow_up_visits", "body_mass_index", "systolic_blood_pressure", "readmitted_within_30_days"),
)

_GUARANTEE = (
    Statement("Privacy loss", "ε = 1 at δ = 1e−6, for one row of the table", Status.COMPUTED, source=("/certificate",)),
    Statement("Unit of protection", "one row, which is one visit", Status.DECLARED, "ada"),
    Statement("Why this unit", NOT_PROVIDED, Status.OPEN, "the data owner"),
    Statement(
        "Rows per unit",
        "At most one row per unit, as the owner stated; nothing in the table was removed or weighted to enforce it, "
        "and if one person has several rows, the guarantee of that person is weaker by this factor.",
        Status.DECLARED,
        "an operator with a long name",
    ),
)

LIMIT_FIGURE = Figure(
    "ledger-spent",
    "Privacy loss of each run of this dataset, and the cap that the owner set.",
    "Bars of the privacy loss of three runs: first ε = 0.5, second ε = 1, third ε = 1.25. The cap is ε = 3.",
    Bars(
        ("First run", "Second run", "Third run, which tuned its number of steps"),
        (0.5, 1.0, 1.25),
        ("ε = 0.5", "ε = 1", "ε = 1.25"),
        "Privacy loss ε, composed at δ = 1e−6",
        3.0,
        "cap: ε = 3",
    ),
    "/ledger/entries",
)
INTERVAL_FIGURE = Figure(
    "subgroups",
    "Share of visits that were readmitted within 30 days, by region, with intervals of 95 % confidence.",
    "Five intervals: north 0.11 to 0.19, south 0.2 to 0.31, east 0.05 to 0.12, west 0.1 to 0.16, unknown 0 to 0.4.",
    Intervals(
        ("north", "south", "east", "west", "unknown or given in words that no code list knows"),
        (0.15, 0.26, 0.08, 0.13, None),
        (0.11, 0.2, 0.05, 0.1, 0.0),
        (0.19, 0.31, 0.12, 0.16, 0.4),
        "Share of the visits of a region",
        (0.14, 0.27, 0.13, None, 0.1),
        "Real rows of the charged share",
    ),
    "/released_report/metrics/subgroups",
)
CURVE_FIGURE = Figure(
    "epsilon-by-delta",
    "The same measurements, read at other values of δ.",
    "Three falling curves of ε over δ from 1e−9 to 1e−3: this run falls from 1.2 to 0.6, the dataset from 2.4 to 1.5, "
    "and the sum of all runs stays at 3.",
    Lines(
        tuple(10.0**power for power in range(-9, -2)),
        (
            ("This run", (1.2, 1.1, 1.05, 1.0, 0.9, 0.75, 0.6)),
            ("All runs of the dataset, composed", (2.4, 2.3, 2.2, 2.1, 1.95, 1.7, 1.5)),
            ("Sum of the ε of all runs", (3.0,) * 7),
        ),
        "δ",
        "Privacy loss ε",
        log_x=True,
    ),
    "/certificate/privacy/epsilon_at",
)


def column_table(names=_COLUMNS):
    """A table with one row per name."""
    return Table(
        "What was learned of each column, and from where.",
        ("Column", "Type", "Treatment", "Domain", "Source", "Values outside"),
        tuple(
            (name, "number", "synthesized", "from 0 to 120, in 30 intervals", "declared", "moved to the nearest bound")
            for name in names
        ),
        (2.4, 1.0, 1.4, 2.4, 1.1, 1.8),
        "/certificate/columns",
    )


SECTIONS = (
    Section(
        "1",
        "Summary in plain words",
        (
            Paragraph(
                "What anyone learns about one visit changes odds by a factor of at most 2.72, except with probability "
                "of about 1e−6. The synthetic table was made from 14 noisy measurements; nothing else in it comes from "
                "the private rows."
            ),
            Note("This document is evidence. It is not a certification or legal advice."),
            Statements(_GUARANTEE[:2]),
            Bullets(
                (
                    "Facts that are true of the population are learned, and are meant to be.",
                    "Other releases of the same or overlapping data are not counted here.",
                    "The names of the columns were taken as public.",
                )
            ),
        ),
    ),
    Section(
        "2",
        "The guarantee",
        (
            Statements(_GUARANTEE),
            Heading("The same run read at other values of δ"),
            Paragraph("An ε means nothing without its δ."),
            CURVE_FIGURE,
            Note("One person in several rows is protected less than the number above says.", is_warning=True),
        ),
    ),
    Section("3", "Where each thing was learned from", (column_table(),)),
    Section("4", "Ledger of the dataset", (LIMIT_FIGURE,)),
    Section("8", "Utility and bias", (INTERVAL_FIGURE,)),
    Section("9", "A section without content", ()),
    Section("10", "Annexes by framework", (Paragraph("Each annex says what it can and cannot say."),)),
    Section(
        "10.1",
        "NIST SP 800-226 checklist",
        (
            Note("It lists what a reader of the publication looks for. It decides nothing."),
            Heading("Query model"),
            Statements((Statement("Query model", "one table, released once", Status.COMPUTED),)),
        ),
    ),
    Section("10.2", "GDPR", (Paragraph("The controller decides."),)),
    Section(
        "11",
        "Sign-off",
        (
            SignatureLine(
                "Data owner",
                (
                    Statement("Name", "Ada Lovelace", Status.DECLARED, "ada"),
                    Statement("Date", NOT_PROVIDED, Status.OPEN, "the data owner"),
                    Statement("Decision", NOT_PROVIDED, Status.OPEN, "the data owner"),
                    Statement("Signature", NOT_PROVIDED, Status.OPEN, "the data owner"),
                ),
            ),
            SignatureLine(
                "Privacy officer",
                (
                    Statement("Name", NOT_PROVIDED, Status.OPEN, "the privacy officer"),
                    Statement("Date", NOT_PROVIDED, Status.OPEN, "the privacy officer"),
                    Statement("Signature", NOT_PROVIDED, Status.OPEN, "the privacy officer"),
                ),
            ),
        ),
    ),
    Section(
        "12",
        "Verify",
        (
            Paragraph("The following needs no data and no network:"),
            Code(f"python -m engine verify report.pdf\npython -m engine recompute evidence.json\n# key: {FINGERPRINT}"),
        ),
    ),
    Section("A", "Appendix: every measurement", (column_table([f"column number {number}" for number in range(60)]),)),
)


def sample_report(**changes):
    """The report, with some of its parts changed."""
    parts = {
        "title": "Technical evidence for a privacy review",
        "subject": "Visits of 2025",
        "banner": "Draft: not for filing",
        "is_alarm": False,
        "preface": "This document is evidence. It is not a certification or legal advice.",
        "cover": COVER,
        "sections": SECTIONS,
        "document_id": DOCUMENT_ID,
        "code": f"{DOCUMENT_ID} sha256:{'ab' * 32}",
    }
    return Report(**(parts | changes))
