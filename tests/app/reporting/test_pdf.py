import hashlib
import json
import time
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.reporting.pdf import render_pdf
from app.reporting.printable import number_text
from engine.certificate import recompute
from engine.pipeline import synthesize
from tests.app.reporting.documents import DATASET, LEDGER, certificate, render, text_of, with_columns
from tests.tables import small_plan, small_table

HOSTILE_NAMES = [
    '#panic("x")',
    "*a* $x$ @b",
    '"); #let content = 1 //',
    '#eval("1+1")',
    '#read("/etc/passwd")',
    "<label> = heading `raw` \\ ~ // comment",
    "{{ jinja }} ${SHELL} %s",
    "new\nline\ttab\x00null",
    "-- - + 1.",
    " ",
    "x" * 200,
    "many words " * 20,
    "עברית",
    "الاسم الكامل",
    "naïve Ünïcode ŁÓDŹ",
    "用户姓名",
    "😀👩‍👩‍👧",
    "e\u0301\u0327 combining \u20dd",
    "abc\u202edcba",
    "zero\u200bwidth\ufeff",
    "\U000e0041tag",
]


def test_a_real_run_becomes_a_document_with_every_section():
    text = text_of(render())
    for heading in (
        "Summary",
        "The guarantee",
        "Where each thing was learned from",
        "Ledger of the dataset",
        "Method and measurements",
        "Rows and randomness",
        "What is not covered",
        "How to compute ε again",
        "Status of the statements",
        "To be completed by a person",
        "Appendix A",
    ):
        assert heading in text, heading
    assert "ε = 1 at δ = 1e−6, for one row of the table" in text
    assert "Visits" in text and "ab" * 32 in text
    assert "python -m engine recompute certificate.json" in text


def test_a_training_is_written_out_and_its_noise_is_not_in_rows():
    """Settings within settings have a line each, statements are whole, and gradients are not counted in rows."""
    trained = synthesize(small_table(), small_plan("dp-ctgan", declared_rows=400)).certificate
    text = text_of(render(trained))
    assert "Training sampling rate" in text and "Training steps" in text
    assert "{'" not in text
    assert "characters)" not in text
    assert "rounded to 2^-20 of its standard deviation" in text
    assert "found by privacy loss distributions" in text
    charge = next(event for event in trained["events"] if event["mechanism"] == "noisy_gradients")
    assert "Gaussian noise on clipped gradients" in text
    assert f"σ = {number_text(charge['noise_multiplier'])} × largest contribution" in text
    assert f"σ = {number_text(charge['noise_scale'])} rows" not in text


def test_the_attached_certificate_is_the_one_given_and_gives_its_epsilon_again():
    made = certificate()
    reader = render(made)
    (attached,) = reader.attachments["certificate.json"]
    assert json.loads(attached) == made
    assert recompute(json.loads(attached))["agrees"]
    assert hashlib.sha256(attached).hexdigest() in text_of(reader)


def test_the_document_is_tagged_archivable_and_names_its_language():
    reader = render()
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en"
    assert "/StructTreeRoot" in root
    metadata = root["/Metadata"].get_data().decode()
    assert "pdfuaid:part>1<" in metadata and "pdfaid:part>3<" in metadata and "pdfaid:conformance>A<" in metadata
    assert reader.metadata.title == "Technical evidence for a privacy review"


def test_nothing_of_the_internal_report_is_printed():
    evaluation = {"metrics": {"marginals": {"details": {"distance": 0.987654321, "target": "MARKER-OF-A-TARGET"}}}}
    reader = render(evaluation=evaluation)
    text = text_of(reader)
    assert "0.98765" not in text and "MARKER-OF-A-TARGET" not in text
    assert "0.98765" not in reader.attachments["certificate.json"][0].decode()
    assert "The internal report is not part of this document" in text
    assert "An internal report was made" in text
    assert "No internal report was made" in text_of(render())


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=range(len(HOSTILE_NAMES)))
def test_names_are_data_and_never_markup(name):
    names = [name, "second", "third"]
    text = text_of(render(with_columns(names), dataset={**DATASET, "name": name}))
    if name.isascii() and name.isprintable() and len(name) < 100 and name.strip():
        squeezed = text.replace(" ", "")
        assert squeezed.count(name.replace(" ", "")) >= 3  # title, identity, table of columns
    assert "second" in text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60), st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_any_text_renders(first, second):
    made = with_columns([first, second, "third"])
    assert render_pdf(
        certificate=made, ledger=LEDGER, dataset={"name": first, "id": second}, evaluation=None
    ).startswith(b"%PDF-")


@pytest.mark.parametrize(("n_columns", "n_events"), [(3, 1), (100, 400)])
def test_small_and_large_runs_render_in_time(n_columns, n_events):
    made = with_columns([f"column number {number}" for number in range(n_columns)])
    made["events"] = [
        {**made["events"][number % len(made["events"])], "sequence": number + 1} for number in range(n_events)
    ]
    started = time.perf_counter()
    reader = render(made)
    assert time.perf_counter() - started < 5.0
    text = text_of(reader)
    assert f"column number {n_columns - 1}" in text
    assert f"{n_events} charged measurement" in text
    assert 4 <= len(reader.pages) <= 25


@pytest.mark.parametrize("part", ["privacy", "unit", "method", "rows", "randomness", "columns", "events", "generator"])
def test_what_is_missing_is_said_to_be_missing(part):
    made = certificate()
    del made[part]
    text = text_of(render(made, ledger={}, dataset={}))
    assert "not provided" in text


def test_an_empty_certificate_prints_no_number_of_its_own():
    text = text_of(render({}, ledger={}, dataset={}))
    assert "ε = not provided at δ = not provided, for not provided" in text


def test_the_same_input_at_the_same_time_gives_the_same_bytes():
    arguments = {
        "certificate": certificate(),
        "ledger": LEDGER,
        "dataset": DATASET,
        "evaluation": None,
        "created": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    }
    assert render_pdf(**arguments) == render_pdf(**arguments)
    later = arguments | {"created": datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC)}
    assert render_pdf(**later) != render_pdf(**arguments)


def test_the_time_is_printed_in_universal_time():
    document = render_pdf(
        certificate=certificate(),
        ledger=LEDGER,
        dataset=DATASET,
        evaluation=None,
        created=datetime.fromisoformat("2026-01-02T03:04:05.678+05:00"),
    )
    from io import BytesIO

    from pypdf import PdfReader

    assert "2026-01-01 22:04:05 UTC" in text_of(PdfReader(BytesIO(document)))


def test_rules_are_listed_as_declared():
    made = certificate()
    rules = [
        {"kind": "at_most", "low": "age", "high": "cost"},
        {"kind": "combinations", "columns": ["region", "smoker"], "rows": [["north", True], ["south", False]]},
        {"kind": "at_most", "low": "age", "high": "a column that is dropped"},
    ]
    made["schema"]["x-synthesis"] = {"rules": rules}
    text = text_of(render(made))
    assert "Rules that the owner stated" in text
    assert "age is at most cost in every synthetic row declared" in text
    assert "region and smoker occur in 2 listed combinations only" in text
    assert "passed over: a column is not synthesized" in text
    assert ", 3 rules between columns, and the unit of protection" in text
    assert "Rules that the owner stated" not in text_of(render())


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_rule_about_a_hostile_name_is_printed_as_text(name):
    made = certificate()
    made["schema"]["x-synthesis"] = {"rules": [{"kind": "at_most", "low": name, "high": "cost"}]}
    assert "Rules that the owner stated" in text_of(render(made))
