"""The whole report: which sections it has, and what none of them may hold."""

import hashlib
import re

import pytest

from app.reporting.claims import find_claims
from app.reporting.document import Code, Statement, Status
from app.reporting.evidence import FINAL, INTERNAL_EDITION
from app.reporting.report import DRAFT_BANNER, INTERNAL_BANNER, TITLE, build_report
from app.reporting.sections import unprotected
from engine.errors import InputError
from engine.evidence.canonical import canonical_bytes
from tests.app.reporting.blocks import statements, texts
from tests.app.reporting.evidence_samples import evidence
from tests.app.reporting.frameworks.answers import all_answers
from tests.app.reporting.hostile_texts import HOSTILE_TEXTS
from tests.tables import UNPROTECTED

A_PRIVACY_LOSS = re.compile(r"[εμρσδ]\W{0,4}(?:\d|inf|nan|unlimited|not provided)", re.IGNORECASE)


def everything(report):
    """All that a reader sees of a report."""
    cover = [text for said in report.cover for text in (said.name, said.value, said.tag)]
    return [report.title, report.subject, report.banner, report.preface, *cover, *texts(report.sections)]


def test_sections_stand_in_the_order_of_the_outline():
    report = build_report(evidence())
    assert [section.number for section in report.sections] == [
        *map(str, range(1, 10)),
        *(f"10.{number}" for number in range(1, 8)),
        "11",
        "12",
        "13",
        "A",
    ]
    assert report.title == TITLE and report.subject == "Visits"


@pytest.mark.parametrize(
    ("choices", "banner", "is_alarm"),
    [
        ({}, DRAFT_BANNER, False),
        ({"status": FINAL}, "", False),
        ({"status": FINAL, "edition": INTERNAL_EDITION}, INTERNAL_BANNER, True),
        ({"edition": INTERNAL_EDITION}, f"{INTERNAL_BANNER}. {DRAFT_BANNER}", True),
    ],
)
def test_every_page_says_that_a_report_is_a_draft_or_internal(choices, banner, is_alarm):
    report = build_report(evidence(**choices))
    assert (report.banner, report.is_alarm) == (banner, is_alarm)


def test_the_code_names_the_document_and_the_digest_of_its_evidence():
    found = evidence()
    digest = hashlib.sha256(canonical_bytes(found.json)).hexdigest()
    assert build_report(found).code == f"urn:uuid:{found.at('/document/id')} sha256:{digest}"


def test_without_a_guarantee_it_is_a_record_and_no_evidence():
    report = build_report(evidence("gaussian-copula"))
    assert report.title == unprotected.TITLE
    assert report.banner == f"{unprotected.BANNER}. {DRAFT_BANNER}" and report.is_alarm
    assert [section.number for section in report.sections] == [str(number) for number in range(1, 8)]
    said = " ".join(everything(report)).lower()
    for word in ("privacy review", "differential", "charged", "odds"):
        assert word not in said, word


@pytest.mark.parametrize("method", UNPROTECTED)
def test_without_a_guarantee_no_number_of_a_privacy_loss_is_printed(method):
    for text in everything(build_report(evidence(method))):
        assert not A_PRIVACY_LOSS.search(text), text


def test_a_report_with_a_guarantee_prints_such_numbers():
    """The pattern finds them."""
    assert any(A_PRIVACY_LOSS.search(text) for text in everything(build_report(evidence())))


@pytest.mark.parametrize(
    ("method", "choices"),
    [
        ("mst", {"answers": all_answers()}),
        ("dp-ctgan", {}),
        ("gaussian-copula", {}),
        ("mst", {"edition": INTERNAL_EDITION}),
    ],
)
def test_no_forbidden_claim_is_made(method, choices):
    for text in everything(build_report(evidence(method, **choices))):
        assert not find_claims(text), text


def test_every_statement_has_one_of_three_states_and_says_who():
    found = build_report(evidence())
    for said in (*found.cover, *statements([block for section in found.sections for block in section.blocks])):
        assert isinstance(said, Statement) and said.status in Status
        assert (said.by == "") == (said.status is Status.COMPUTED), said


def test_the_internal_report_is_not_printed_in_a_releasable_edition():
    found = evidence()
    found.json["evaluation"] = {
        "metrics": {"marginals": {"details": {"distance": 0.987654321, "target": "MARKER-OF-A-TARGET"}}}
    }
    said = " ".join(everything(build_report(found)))
    assert "0.98765" not in said and "MARKER-OF-A-TARGET" not in said


def test_the_exact_number_of_private_rows_is_not_among_the_texts():
    """400 private rows were synthesized and declared; with another declared number nothing else may say 400."""
    found = evidence()
    found.json["dataset"]["declared_rows"] = 777
    assert not [text for text in everything(build_report(found)) if re.search(r"\b400\b", text)]
    assert [text for text in everything(build_report(found)) if re.search(r"\b777\b", text)]


LONE_SURROGATE = "\ud800"


def test_a_text_that_is_no_text_is_refused_with_a_reason():
    found = evidence()
    found.json["dataset"]["name"] = f"half {LONE_SURROGATE}"
    with pytest.raises(InputError, match="UTF-8"):
        build_report(found)


@pytest.mark.parametrize("name", [name for name in HOSTILE_TEXTS if LONE_SURROGATE not in name], ids=ascii)
def test_any_name_becomes_one_bounded_line(name):
    found = evidence()
    found.json["dataset"]["name"] = found.json["run"]["user"] = found.json["dataset"]["owner"] = name
    for column in found.json["certificate"]["columns"]:
        column["name"] = name
    found.json["certificate"]["events"][0]["reads"] = [name]
    found.json["ledger"]["entries"][0] |= {"user": name, "purpose": name}
    report = build_report(found)
    commands = {block.text for section in report.sections for block in section.blocks if isinstance(block, Code)}
    for text in set(everything(report)) - commands:
        assert "\n" not in text and "\u202e" not in text and "\u200b" not in text and "\x00" not in text


@pytest.mark.parametrize("part", ["privacy", "unit", "method", "rows", "randomness", "columns", "events", "generator"])
def test_what_is_missing_is_said_to_be_missing(part):
    found = evidence()
    del found.json["certificate"][part]
    found.json["ledger"] = {}
    assert "not provided" in everything(build_report(found))
