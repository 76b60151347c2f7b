import re
from pathlib import Path

import pytest

from app.errors import InvalidInputError
from app.reporting.claims import find_claims
from app.reporting.frameworks.base import Kind
from app.reporting.frameworks.catalogue import (
    FRAMEWORKS,
    LATER,
    check_answers,
    find_framework,
    missing,
    questions_of,
)
from app.reporting.frameworks.common import COMMON
from app.reporting.frameworks.dp_registry import REGISTRY
from tests.app.reporting.frameworks.answers import COLUMNS, all_answers

README = (Path(__file__).parents[4] / "README.md").read_text(encoding="utf-8")
EVERY = (*FRAMEWORKS.values(), REGISTRY)
ALL_QUESTIONS = questions_of(FRAMEWORKS)


def ids(questions):
    return [question.id for question in questions]


def test_the_frameworks_are_those_of_the_product():
    assert list(FRAMEWORKS) == ["nist-800-226", "gdpr", "hipaa", "ccpa", "soc2", "eu-ai-act"]
    assert all(find_framework(name).id == name for name in FRAMEWORKS)


@pytest.mark.parametrize("unknown", ["iso-27001", "GDPR", "", None, 5, ["gdpr"], "x" * 500])
def test_an_unknown_framework_is_refused_and_the_known_ones_are_named(unknown):
    for call in (find_framework, lambda name: questions_of([name]), lambda name: missing([name], {})):
        with pytest.raises(InvalidInputError, match=r"There is no framework.*nist-800-226, gdpr") as refused:
            call(unknown)
        assert len(refused.value.user_message) < 300


def test_readme_says_what_each_framework_can_and_cannot_say():
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| (.+) \| (.+) \| (.+) \|$", README.split("\n### Frameworks\n")[1], re.M)
    expected = [(found.id, found.title, found.can_say, found.cannot_say) for found in EVERY]
    assert rows[: len(expected)] == expected


def test_every_question_has_an_id_of_its_own():
    assert len(set(ids(ALL_QUESTIONS))) == len(ALL_QUESTIONS)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in ids(ALL_QUESTIONS))


def test_common_questions_come_first_and_none_twice():
    assert questions_of([]) == COMMON
    found = questions_of(["hipaa", "gdpr", "hipaa"])
    assert found[: len(COMMON)] == COMMON
    assert found[len(COMMON) :] == FRAMEWORKS["hipaa"].questions + FRAMEWORKS["gdpr"].questions


@pytest.mark.parametrize("question", ALL_QUESTIONS, ids=ids(ALL_QUESTIONS))
def test_every_question_can_be_asked_and_answered(question):
    assert question.label and question.help.endswith(".") and question.completed_by.startswith("the ")
    assert bool(question.choices) == (question.kind is Kind.CHOICE)
    if question.required_when:
        asked, choice = question.required_when
        (other,) = [found for found in ALL_QUESTIONS if found.id == asked]
        assert choice in other.choices and not question.required


def test_no_text_of_the_frameworks_claims_anything():
    said = [
        *(text for found in EVERY for text in (found.title, found.reference, found.can_say, found.cannot_say)),
        *(text for asked in ALL_QUESTIONS for text in (asked.label, asked.help, *asked.choices)),
    ]
    assert [claim for text in said for claim in find_claims(text)] == []


def test_all_answers_are_kept_in_the_order_of_the_questions():
    answers = all_answers()
    kept = check_answers(FRAMEWORKS, COLUMNS, dict(reversed(answers.items())))
    assert kept == answers
    assert list(kept) == ids(ALL_QUESTIONS)
    assert missing(FRAMEWORKS, kept) == ()


def test_empty_answers_are_left_out_and_cleaned_ones_kept():
    kept = check_answers(["hipaa"], COLUMNS, {"purpose": "  To\nteach ", "not-for": " ", "hipaa-columns-fax": []})
    assert kept == {"purpose": "To teach"}


def test_an_answer_to_a_question_that_is_not_asked_is_refused():
    with pytest.raises(InvalidInputError, match="No question 'gdpr-key' is asked"):
        check_answers(["hipaa"], COLUMNS, {"gdpr-key": "x"})
    with pytest.raises(InvalidInputError, match="No question 5 is asked"):
        check_answers([], COLUMNS, {5: "x"})
    with pytest.raises(InvalidInputError, match="Answers are an object"):
        check_answers([], COLUMNS, ["purpose"])


@pytest.mark.parametrize(("first", "second"), LATER)
def test_a_later_date_that_is_not_later_is_refused(first, second):
    answers = {first.id: "2026-12-01", second.id: "2026-12-02"}
    assert check_answers(["hipaa"], COLUMNS, answers) == answers
    for day in ("2026-12-01", "2026-11-30"):
        with pytest.raises(InvalidInputError, match="lies after"):
            check_answers(["hipaa"], COLUMNS, answers | {second.id: day})
    assert check_answers(["hipaa"], COLUMNS, {second.id: "2020-01-01"})


def test_a_final_report_needs_what_is_required_and_nothing_else():
    assert ids(missing([], {})) == ids(question for question in COMMON if question.required)
    answers = {question.id: "x" for question in COMMON if question.required}
    assert missing([], answers) == ()
    assert ids(missing([], answers | {"purpose": ""})) == ["purpose"]
    assert ids(missing(["ccpa"], answers)) == ["ccpa-inference", "ccpa-measures", "ccpa-commitment", "ccpa-contract"]


@pytest.mark.parametrize(
    ("asked", "choice", "also"),
    [
        ("gdpr-model", "The fitted model leaves too", ["gdpr-model-extraction", "gdpr-model-queries"]),
        ("gdpr-key", "A key or a mapping is kept", ["gdpr-key-holder"]),
        (
            "hipaa-path",
            "Safe Harbor, 164.514(b)(2)",
            ["hipaa-columns-seen", "hipaa-checked-by", "hipaa-checked-on"],
        ),
    ],
)
def test_some_choices_need_further_answers(asked, choice, also):
    answers = all_answers()
    for name in also:
        del answers[name]
    assert missing(FRAMEWORKS, answers) == ()
    assert ids(missing(FRAMEWORKS, answers | {asked: choice})) == also


def test_no_expert_is_needed_before_an_expert_has_seen_the_report():
    assert not [name for name in ids(missing(FRAMEWORKS, {})) if "expert" in name]
