import pytest

from app.reporting.document import Note
from app.reporting.sections.unprotected import build
from tests.app.reporting.blocks import statement, table, texts
from tests.app.reporting.evidence_samples import evidence


def test_it_says_that_there_is_no_guarantee_and_how_to_handle_the_table():
    first = build(evidence("gaussian-copula"))[0]
    (note,) = [block for block in first.blocks if isinstance(block, Note)]
    assert note.is_warning
    assert note.text.startswith("No privacy guarantee: the method read the private rows without protection")
    assert note.text.endswith("must not leave it.")  # whole
    assert any("Do not release them" in text for text in texts([first]))


def test_rules_and_readings_stand_in_it():
    found = evidence("gaussian-copula")
    found.json["certificate"]["schema"]["x-synthesis"] = {"rules": [{"kind": "at_most", "low": "age", "high": "cost"}]}
    done = build(found)[1].blocks
    assert statement(done, "Rule 1").value == "age is at most cost; kept in every synthetic row"
    assert table(done, "Every reading").rows[0][2] == "age, region, smoker, cost"


def test_no_word_of_the_ledger_of_others_stands_in_it():
    found = evidence("gaussian-copula")
    found.json["ledger"] = {"entries": [{"run_id": "run-of-another", "epsilon": 0.73}], "epsilon_spent": 0.73}
    assert not {"run-of-another", "0.73"} & set(" ".join(texts(build(found))).split())


def test_without_an_evaluation_none_is_told_of():
    found = evidence("gaussian-copula")
    found.json["evaluation"] = None
    assert "No internal evaluation was made." in texts([build(found)[2]])


@pytest.mark.parametrize("missing", ["privacy", "method", "rows", "columns", "events", "randomness"])
def test_what_is_missing_is_said_to_be_missing(missing):
    found = evidence("gaussian-copula")
    del found.json["certificate"][missing]
    assert "not provided" in texts(build(found))
