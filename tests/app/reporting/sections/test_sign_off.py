from app.reporting.document import Bullets, SignatureLine, Status
from app.reporting.frameworks.catalogue import FRAMEWORKS, missing
from app.reporting.sections.sign_off import build
from tests.app.reporting.blocks import statement
from tests.app.reporting.evidence_samples import evidence
from tests.app.reporting.frameworks.answers import all_answers

CHOSEN = ["gdpr"]


def lines(answers):
    return {
        block.role: block.fields
        for block in build(evidence(answers=answers, frameworks=CHOSEN)).blocks
        if isinstance(block, SignatureLine)
    }


def open_items(answers, **changes):
    found = build(evidence(answers=answers, frameworks=CHOSEN, **changes))
    return [item for block in found.blocks if isinstance(block, Bullets) for item in block.items]


def test_without_answers_all_lines_are_blank_and_no_expert_is_made_up():
    found = lines(None)
    assert list(found) == ["Data owner", "Privacy officer"]
    for fields in found.values():
        assert [field.status for field in fields] == [Status.OPEN] * 4
        assert [field.name for field in fields[2:]] == ["Date", "Signature"]


def test_names_and_roles_are_those_declared_and_the_pen_fills_the_rest():
    found = lines(all_answers(CHOSEN))
    assert list(found) == ["Data owner", "Privacy officer", "Expert"]
    for role, question in (("Data owner", "data-owner"), ("Privacy officer", "privacy-officer"), ("Expert", "expert")):
        name, position, day, signature = found[role]
        assert (name.value, position.value) == (f"Answer to {question}.", f"Answer to {question}-role.")
        assert day.status is signature.status is Status.OPEN and not signature.source


def test_the_decision_is_in_the_words_of_whoever_took_it():
    answers = all_answers(CHOSEN) | {"decision": "We pass it to the named team, under contract 7."}
    blocks = build(evidence(answers=answers, frameworks=CHOSEN)).blocks
    said = statement(blocks, "Decision on the release, in the words of whoever decides")
    assert (said.value, said.tag) == ("We pass it to the named team, under contract 7.", "declared by ada")
    assert statement(blocks, "Date of the next review").value == "2027-11-30"


def test_what_a_final_report_lacks_is_listed_with_who_completes_it():
    lacking = [question.label for question in missing(CHOSEN, {})]
    assert sorted(label for item in open_items(None) for label in item.partition(": ")[2].split("; ")) == sorted(
        lacking
    )
    answers = all_answers(CHOSEN)
    assert open_items(answers) == []
    del answers["purpose"]
    assert open_items(answers) == ["To be completed by the data owner: Purpose of the synthesis"]
    assert len(lacking) < len(missing(FRAMEWORKS, {}))


def test_a_run_without_a_guarantee_has_no_final_report_to_complete():
    found = build(evidence("gaussian-copula", answers=None))
    assert not [block for block in found.blocks if isinstance(block, Bullets)]
