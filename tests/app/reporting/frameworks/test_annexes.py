"""What every annex has in common: without answers nothing is made up, and with answers nothing is changed."""

import pytest

from app.reporting.claims import find_claims
from app.reporting.document import Status, Table
from app.reporting.frameworks.catalogue import FRAMEWORKS
from app.reporting.frameworks.common import COMMON
from app.reporting.frameworks.dp_registry import REGISTRY
from app.reporting.frameworks.hipaa import EXPERT_QUESTIONS
from app.reporting.frameworks.identifiers import IDENTIFIERS
from tests.app.reporting.blocks import statements, table, texts
from tests.app.reporting.evidence_samples import OWNER, evidence
from tests.app.reporting.frameworks.answers import all_answers

EVERY = (*FRAMEWORKS.values(), REGISTRY)
NAMES = [found.id for found in EVERY]
IN_A_TABLE = {identifier.question.id for identifier in IDENTIFIERS}
ASKED_IF = {"gdpr-key-holder", "gdpr-model-extraction", "gdpr-model-queries"}
COMMON_IDS = {question.id for question in COMMON}

HOSTILE = 'x\u202e]#[raw("a")] <script>alert(1)</script> $\\infty$ {{7*7}} = ../../etc | pipe ‹U+0041›'


def declared_pointers(blocks):
    return [pointer for said in statements(blocks) for pointer in said.source if pointer.startswith("/declarations")]


@pytest.mark.parametrize("framework", EVERY, ids=NAMES)
def test_without_answers_everything_declared_waits_for_somebody(framework):
    blocks = framework.annex(evidence(answers=None))
    declared = [
        said for said in statements(blocks) if any(pointer.startswith("/declarations") for pointer in said.source)
    ]
    waiting = [said for said in declared if said.status is not Status.COMPUTED]
    assert waiting
    for said in waiting:
        assert (said.status, said.value) == (Status.OPEN, "not provided")
        assert said.tag.startswith("to be completed by the ")


@pytest.mark.parametrize("framework", EVERY, ids=NAMES)
def test_every_answer_is_printed_as_declared_by_whom(framework):
    answers = all_answers()
    blocks = framework.annex(evidence(answers=answers))
    by_pointer = {said.source[0]: said for said in statements(blocks) if said.source}
    for question in framework.questions:
        if question.id in IN_A_TABLE | ASKED_IF:
            continue
        said = by_pointer[f"/declarations/values/{question.id}"]
        assert (said.value, said.tag) == (answers[question.id], f"declared by {OWNER}")


@pytest.mark.parametrize("framework", EVERY, ids=NAMES)
def test_a_hostile_answer_stays_a_text(framework):
    answers = {name: HOSTILE for name, answer in all_answers().items() if isinstance(answer, str)}
    said = texts(framework.annex(evidence(answers=answers)))
    shown = [text for text in said if "<script>" in text]
    assert shown
    for text in shown:
        assert "\u202e" not in text
        assert "‹U+202E›]#[raw" in text


@pytest.mark.parametrize("framework", EVERY, ids=NAMES)
@pytest.mark.parametrize("answers", [None, all_answers()], ids=["none", "all"])
def test_no_annex_makes_a_forbidden_claim(framework, answers):
    assert find_claims("\n".join(texts(framework.annex(evidence(answers=answers))))) == ()


@pytest.mark.parametrize("framework", EVERY, ids=NAMES)
def test_an_empty_record_is_not_filled_with_defaults(framework):
    from app.reporting.evidence import Evidence

    for said in statements(framework.annex(Evidence({"certificate": {}, "document": {"frameworks": NAMES}}))):
        is_asked = any(pointer.startswith("/declarations") for pointer in said.source)
        if said.status is Status.OPEN or not is_asked:
            assert said.value == "not provided", said


@pytest.mark.parametrize("framework", EVERY, ids=NAMES)
def test_an_annex_prints_only_questions_that_are_asked(framework):
    asked = COMMON_IDS | {question.id for question in framework.questions}
    used = {pointer.rpartition("/")[2] for pointer in declared_pointers(framework.annex(evidence(answers=None)))}
    assert used <= asked
    tables = [block for block in framework.annex(evidence(answers=None)) if isinstance(block, Table)]
    sources = {source for found in tables for source in (found.source, *found.further_sources)}
    assert {source.rpartition("/")[2] for source in sources if source.startswith("/declarations")} <= asked


def test_a_checklist_says_what_is_open_and_by_whom():
    framework = FRAMEWORKS["nist-800-226"]
    caption = "Checklist"
    open_rows = {row[0]: row[1:] for row in table(framework.annex(evidence(answers=None)), caption).rows}
    assert open_rows["Bias"] == (
        "section 8",
        "to be completed by the data owner (Groups that errors of the synthetic table could harm)",
    )
    assert open_rows["Unit of privacy"][1].startswith("computed; to be completed by the data owner (Why the unit")
    assert "the privacy officer (Whom the release is to withstand; What else" in open_rows["Threat model"][1]
    full = {row[0]: row[2] for row in table(framework.annex(evidence(answers=all_answers())), caption).rows}
    assert full["Bias"] == "declared"
    assert full["Unit of privacy"] == "computed; declared"
    half = evidence(answers={"nist-threat-model": "Insiders."})
    rows = {row[0]: row[2] for row in table(framework.annex(half), caption).rows}
    assert rows["Threat model"].startswith(
        "computed; declared in part; to be completed by the privacy officer (What else"
    )


def test_a_checklist_says_what_was_not_computed():
    found = evidence(answers=all_answers())
    found.json["released_report"] = None
    found.json["ledger"]["entries"] = []
    rows = {row[0]: row[2] for row in table(FRAMEWORKS["nist-800-226"].annex(found), "Checklist").rows}
    assert rows["Utility"] == rows["Loss over all releases"] == "computed part not provided; declared"


def test_the_checklist_has_all_items_of_the_guide():
    rows = table(FRAMEWORKS["nist-800-226"].annex(evidence()), "Checklist").rows
    said = " ".join(row[0].lower() for row in rows)
    for item in (
        *("parameters", "unit", "utility", "algorithm", "correctness", "bias", "query model", "threat model"),
        *("side channels", "security and access", "data collection"),
    ):
        assert item in said


def test_the_expert_has_blank_lines():
    blocks = FRAMEWORKS["hipaa"].annex(evidence(answers=None))
    (line,) = [block for block in blocks if getattr(block, "role", "") == "Expert"]
    pointers = {field.source[0] for field in line.fields if field.source}
    assert {f"/declarations/values/{question.id}" for question in EXPERT_QUESTIONS} <= pointers
    assert all(field.value == "not provided" for field in line.fields)
    assert line.fields[-1].name == "Signature"


def test_gdpr_asks_of_the_model_only_where_it_leaves():
    annex = FRAMEWORKS["gdpr"].annex
    answers = all_answers()
    stays = texts(annex(evidence(answers=answers)))
    leaves = texts(annex(evidence(answers=answers | {"gdpr-model": "The fitted model leaves too"})))
    assert not [text for text in stays if "extracted from the model" in text]
    assert len([text for text in leaves if "extracted from the model" in text]) == 1
    kept = texts(annex(evidence(answers=answers | {"gdpr-key": "A key or a mapping is kept"})))
    assert [text for text in kept if "Who holds the key" in text]
    assert not [text for text in stays if "Who holds the key" in text]


def test_gdpr_goes_through_its_articles():
    said = " ".join(texts(FRAMEWORKS["gdpr"].annex(evidence())))
    for article in (
        *("4(5)", "Recital 26", "5(1)(a)", "5(1)(b)", "5(1)(c)", "5(1)(d)", "5(1)(e)", "5(1)(f)", "5(2)"),
        *("Art. 25", "Art. 32", "Art. 35", "motivated intruder", "28/2024"),
    ):
        assert article in said


def test_the_ai_act_dates_are_to_be_looked_up_again():
    said = texts(FRAMEWORKS["eu-ai-act"].annex(evidence()))
    (dates,) = [text for text in said if "2 December 2027" in text]
    assert "2 August 2028" in dates and "Read the text in force" in dates
    for point in [*(f"10(2)({letter})" for letter in "abcdefh"), "(g)", "10(3)", "10(4)", "10(5)"]:
        assert [text for text in said if point in text]


def test_rules_between_columns_are_told_where_there_are_any():
    found = evidence()
    assert not [text for text in texts(FRAMEWORKS["eu-ai-act"].annex(found)) if "rules between" in text]
    found.json["certificate"]["schema"]["x-synthesis"] = {"rules": [{"kind": "at_most", "low": "age", "high": "cost"}]}
    (said,) = [said for said in statements(FRAMEWORKS["eu-ai-act"].annex(found)) if "rules between" in said.name]
    assert said.value.startswith("1;")


def test_soc2_names_the_records_by_their_ids():
    said = {statement.name: statement.value for statement in statements(FRAMEWORKS["soc2"].annex(evidence()))}
    assert said["Run, by its id in the audit log"] == "e" * 32
    assert said["Entries of the ledger, by their ids"] == "1" * 32
    assert "41 entries" in said["Audit log at the time of this report"]


def test_the_registry_entry_lists_what_is_told_without_noise():
    found = evidence()
    found.json["certificate"]["columns"][0]["domain_source"] = "measured"
    said = {statement.name: statement.value for statement in statements(REGISTRY.annex(found))}
    assert said["Told without noise"].startswith(
        "names, types and order of the 4 columns; the domains that were stated"
    )
    assert "region, smoker, cost" in said["Told without noise"] and "age" not in said["Told without noise"]
