import pytest

from app.reporting.document import Note
from app.reporting.frameworks.catalogue import FRAMEWORKS
from tests.app.reporting.evidence_samples import evidence
from tests.app.reporting.frameworks.answers import all_answers

DUTIES = ("ccpa-measures", "ccpa-commitment", "ccpa-contract")


def note(answers):
    (found,) = [block for block in FRAMEWORKS["ccpa"].annex(evidence(answers=answers)) if isinstance(block, Note)]
    return found


@pytest.mark.parametrize("answers", [None, {}, dict.fromkeys(DUTIES, ""), {"ccpa-inference": "It cannot."}])
def test_three_blanks_are_said_to_be_three_blanks(answers):
    found = note(answers)
    assert found.is_warning
    assert found.text.startswith("All three duties are blank: (1)")
    assert "(2)" in found.text and "(3)" in found.text
    assert found.text.endswith("the definition is not met, whatever ε is.")


@pytest.mark.parametrize(("blank", "words"), [(1, "One of the three duties is"), (2, "Two of the three duties are")])
def test_fewer_blanks_are_counted_and_named(blank, words):
    answers = {name: answer for name, answer in all_answers().items() if name not in DUTIES[:blank]}
    found = note(answers)
    assert found.is_warning and found.text.startswith(f"{words} blank: (1)")
    assert ("(2)" in found.text) == (blank == 2) and "(3)" not in found.text


def test_three_answers_decide_nothing_either():
    found = note(all_answers())
    assert not found.is_warning
    assert "no number in this report decides it" in found.text


def test_the_address_of_the_commitment_is_printed_as_it_was_given():
    blocks = FRAMEWORKS["ccpa"].annex(evidence(answers=all_answers()))
    values = [row.value for block in blocks for row in getattr(block, "rows", ()) if hasattr(row, "value")]
    assert "https://example.org/ccpa-commitment" in values
