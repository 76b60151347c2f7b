import re

from app.reporting.document import Bullets, Note, Statements, Status
from app.reporting.frameworks.catalogue import missing
from app.reporting.sections.summary import build
from tests.app.reporting.blocks import statement, statements, texts
from tests.app.reporting.evidence_samples import FRAMEWORKS, evidence
from tests.app.reporting.frameworks.answers import all_answers


def test_one_sentence_holds_epsilon_delta_the_unit_and_what_they_mean():
    said = statement(build(evidence()).blocks, "The guarantee").value
    assert said.startswith("ε = 2 at δ = 1e−6 for one row of the table: ")
    assert "odds" in said and "e^ε = 7.39" in said and said.count(".") == 2  # the one of the number, and the end


def test_what_was_spent_so_far_is_the_ledger_of_all_runs():
    found = evidence()
    found.json["ledger"]["epsilon_spent"] = 3.10001
    assert statement(build(found).blocks, "All releases of this dataset so far").value == (
        "ε = 3.1001 of 5, composed at δ = 1e−6"
    )


def test_five_lines_say_what_is_not_covered():
    bullets = [block for block in build(evidence()).blocks if isinstance(block, Bullets)]
    assert len(bullets[0].items) == 5


def test_three_facts_on_quality_have_intervals():
    facts = build(evidence()).blocks
    said = [found for block in facts if isinstance(block, Statements) for found in block.rows]
    intervals = [found for found in said if found.source[0].startswith("/released_report/metrics")]
    assert len(intervals) == 3
    assert all(re.search(r"%, between [\d.]+ % and [\d.]+ %", found.value) for found in intervals)


def test_without_a_charged_report_the_noise_bounds_the_quality():
    found = evidence()
    found.json["released_report"] = None
    facts = [said for said in statements(build(found).blocks) if said.name.startswith("Distance of column")]
    assert len(facts) == 3 and all(said.value.startswith("at most ") for said in facts)
    found.json["certificate"]["uncertainty"]["sets"] = []
    assert statement(build(found).blocks, "Quality of the synthetic table").value == "not provided"


def test_open_questions_are_counted_by_who_answers_them():
    section = build(evidence())
    said = statement(section.blocks, "Answers that are missing")
    assert said.status is Status.OPEN
    assert sum(map(int, re.findall(r"(\d+) by", said.value))) == len(missing(FRAMEWORKS, {}))
    assert "Purpose of the synthesis" in " ".join(texts([section]))


def test_nothing_is_open_where_all_is_answered():
    section = build(evidence(answers=all_answers()))
    assert statement(section.blocks, "Questions of the chosen frameworks").value == "every required answer was given"


def test_an_override_is_warned_of():
    found = evidence()
    assert not [block for block in build(found).blocks if isinstance(block, Note)]
    override = {"reason": "It is public.", "username": "bob", "at": "2026-11-03T09:00:00+00:00"}
    found.json["run"]["release"] |= {"state": "overridden", "override": override}
    (note,) = [block for block in build(found).blocks if isinstance(block, Note)]
    assert note.is_warning and "not met" in note.text
