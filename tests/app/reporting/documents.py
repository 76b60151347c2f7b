"""Certificates, ledgers and datasets for tests of the releasable document."""

import copy
from functools import cache
from io import BytesIO

from pypdf import PdfReader

from app.reporting.pdf import render_pdf
from engine.pipeline import synthesize
from tests.tables import small_plan, small_table

LEDGER = {
    "epsilon_cap": 3.0,
    "delta": 1e-6,
    "epsilon_spent": 1.0,
    "epsilon_reserved": 0.5,
    "epsilon_left": 1.5,
    "sum_of_epsilons": 1.5,
    "entries": [
        {
            "run_id": "run-7",
            "user": "ada",
            "state": "committed",
            "epsilon": 1.0,
            "created_at": "2026-01-02 03:04",
            "purpose": "MST at ε = 1",
        }
    ],
}
DATASET = {
    "id": "dataset-3",
    "name": "Visits",
    "declared_by": "ada",
    "declared_rows": 400,
    "schema_confirmed_at": "2026-01-01T09:00:00+00:00",
    "run_id": "run-7",
    "synthetic_sha256": "ab" * 32,
}


@cache
def _finished_run():
    return synthesize(small_table(), small_plan(declared_rows=400), sample_seed=5).certificate


def certificate():
    """The certificate of a real run on a simulated table."""
    return copy.deepcopy(_finished_run())


def with_columns(names):
    """A certificate whose columns have the given names."""
    made = certificate()
    made["columns"] = [{**made["columns"][number % 4], "name": name} for number, name in enumerate(names)]
    for number, event in enumerate(made["events"]):
        event["reads"] = [names[number % len(names)]]
    return made


def render(made=None, *, ledger=LEDGER, dataset=DATASET, evaluation=None, released=None):
    """The document as a PDF reader."""
    document = render_pdf(
        certificate=certificate() if made is None else made,
        ledger=ledger,
        dataset=dataset,
        evaluation=evaluation,
        released=released,
    )
    return PdfReader(BytesIO(document))


def text_of(reader):
    """All words of the document, with single spaces and without break marks."""
    joined = " ".join(page.extract_text() for page in reader.pages)
    return " ".join(joined.replace("\u200b", "").split())
