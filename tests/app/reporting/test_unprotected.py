"""The PDF of a run without a privacy guarantee: says so on every page, is no evidence, and prints no ε."""

import json
import re

import pytest

from app.reporting.claims import find_claims
from app.reporting.pdf import STYLE, TEMPLATE, UNPROTECTED_TEMPLATE
from app.reporting.unprotected import BANNER
from engine.certificate import recompute
from engine.data.rules import AtMost
from engine.data.schema import TableSchema
from engine.pipeline import synthesize
from tests.app.reporting.documents import DATASET, LEDGER, certificate, render, text_of
from tests.tables import SMALL_SCHEMA, UNPROTECTED, small_plan, small_table

A_NUMBER = re.compile(r"[εμρσδ]\W{0,4}(?:\d|inf|nan|unlimited|not provided)", re.IGNORECASE)
OUTSIDE = {**LEDGER["entries"][0], "state": "outside", "guarantee": "none", "epsilon": None, "run_id": "run-8"}


def unprotected(method="gaussian-copula", **changes):
    return synthesize(small_table(), small_plan(method, declared_rows=400, **changes), sample_seed=5).certificate


@pytest.mark.parametrize("method", UNPROTECTED)
def test_it_says_on_every_page_that_there_is_no_guarantee_and_prints_no_number(method):
    reader = render(unprotected(method), evaluation={"metrics": {}})
    assert len(reader.pages) >= 2
    for page in reader.pages:
        assert BANNER.upper() in page.extract_text()
    text = text_of(reader)
    assert "No privacy guarantee: the method read the private rows without protection" in text
    assert "There is no ε." in text
    assert not A_NUMBER.search(text)


def test_it_does_not_call_itself_evidence_of_anything():
    reader = render(unprotected())
    assert reader.metadata.title == "Internal record of a synthetic table"
    text = text_of(reader)
    for word in ("evidence", "privacy review", "differential", "guarantee below", "charged", "odds"):
        assert word not in text.lower(), word
    assert "Do not release them" in text
    assert not find_claims(text)


def test_the_ledger_of_others_is_left_out():
    assert "run-7" not in text_of(render(unprotected(), dataset={**DATASET, "run_id": "run-9"}))


def test_the_attached_record_gives_no_epsilon_again():
    made = unprotected()
    (attached,) = render(made).attachments["certificate.json"]
    again = recompute(json.loads(attached))
    assert (again["guarantee"], again["epsilon"], again["agrees"]) == ("none", None, True)


def test_rules_stand_in_it():
    schema = TableSchema(SMALL_SCHEMA.fields, rules=(AtMost("age", "cost"),))
    assert "age is at most cost" in text_of(render(unprotected(schema=schema)))


@pytest.mark.parametrize("missing", ["privacy", "method", "rows", "columns", "events", "randomness"])
def test_what_is_missing_is_said_to_be_missing(missing):
    made = unprotected()
    del made[missing]
    reader = render(made, ledger={}, dataset={})
    assert all(BANNER.upper() in page.extract_text() for page in reader.pages)


def test_evidence_of_another_run_tells_of_it():
    ledger = {**LEDGER, "entries": [*LEDGER["entries"], OUTSIDE]}
    text = text_of(render(certificate(), ledger=ledger))
    assert "Runs without a privacy guarantee 1, outside the budget" in text
    assert "1 further without a privacy guarantee" in text
    assert "outside the budget" in text
    honest = text_of(render(certificate()))
    assert "without a privacy guarantee" not in honest
    assert BANNER.upper() not in honest


def test_templates_make_no_forbidden_claim():
    for template in (STYLE, TEMPLATE, UNPROTECTED_TEMPLATE):
        assert not find_claims(template.read_text(encoding="utf-8"))
