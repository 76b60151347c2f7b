import pytest

from app.reporting.document import Note, Paragraph, SignatureLine
from app.reporting.frameworks.catalogue import FRAMEWORKS
from app.reporting.frameworks.hipaa import ALL_COLUMNS_SEEN
from app.reporting.frameworks.identifiers import IDENTIFIERS
from tests.app.reporting.blocks import statement, statements, table, texts
from tests.app.reporting.evidence_samples import evidence

HINTS = "Columns whose name or type speaks of a kind, but that were not declared to hold it"


def annex(answers, columns=None, fields=None):
    found = evidence(answers=answers)
    if columns is not None:
        found.json["certificate"]["columns"] = columns
    if fields is not None:
        found.json["certificate"]["schema"]["fields"] = fields
    return FRAMEWORKS["hipaa"].annex(found)


def rows(answers, columns=None):
    return {row[0][1]: row[1:] for row in table(annex(answers, columns), "Kinds of identifiers").rows}


def column(name, treatment="synthesize", kind="string"):
    return {"name": name, "type": kind, "treatment": treatment, "domain_source": "public", "domain": "3 categories"}


COLUMNS = [column("email", "fake"), column("mrn", "drop"), column("town"), column("birth", kind="date")]


def test_all_18_kinds_are_there_in_the_order_of_the_rule():
    assert list(rows(None)) == list("ABCDEFGHIJKLMNOPQR")
    assert len({identifier.question.id for identifier in IDENTIFIERS}) == 18


def test_what_nobody_declared_is_not_provided():
    open_by = "to be completed by the privacy officer"
    assert set(rows(None).values()) == {("not provided", "not provided", "not provided", open_by)}


def test_none_is_said_only_where_all_columns_were_looked_at():
    seen = {"hipaa-columns-seen": ALL_COLUMNS_SEEN, "hipaa-columns-email": ["email"]}
    found = rows(seen, COLUMNS)
    assert found["A"][:3] == ("none, as declared",) * 3
    assert found["F"][0] == "email"
    partly = rows(seen | {"hipaa-columns-seen": "Some columns were not looked at yet"}, COLUMNS)
    assert partly["A"][:3] == ("not provided",) * 3


@pytest.mark.parametrize(
    ("kind", "name", "treatment", "still"),
    [
        ("email", "email", "email: faked", "email: invented ones, drawn without any private row"),
        ("medical-record", "mrn", "mrn: dropped", "mrn: no, the column is not in it"),
        ("geography", "town", "town: synthesized", "town: yes, drawn from the column's domain"),
    ],
)
def test_the_treatment_decides_what_is_still_in_the_file(kind, name, treatment, still):
    found = rows({f"hipaa-columns-{kind}": [name], "hipaa-checked-by": "Bo, officer"}, COLUMNS)
    assert (name, treatment, still, "Bo, officer") in found.values()


def test_a_column_that_the_run_does_not_have_is_not_said_to_be_gone():
    assert rows({"hipaa-columns-fax": ["fax"]}, COLUMNS)["E"][:3] == (
        "fax",
        "fax: not a column of this run",
        "fax: not provided",
    )


def test_several_columns_of_a_kind_are_told_one_by_one():
    found = rows({"hipaa-columns-other": ["email", "mrn", "town"]}, COLUMNS)["R"]
    assert found[1] == "email: faked; mrn: dropped; town: synthesized"


def test_names_and_types_that_speak_of_a_kind_are_held_against_what_was_declared():
    hints = statement(annex({}, COLUMNS), HINTS)
    assert hints.value == "email (F; faked); mrn (R; dropped); birth (C; synthesized): look at them"
    declared = {"hipaa-columns-email": ["email"], "hipaa-columns-other": ["mrn"], "hipaa-columns-dates": ["birth"]}
    assert statement(annex(declared, COLUMNS), HINTS).value == "none; that a name says nothing proves nothing"


@pytest.mark.parametrize(("maximum", "is_found"), [(89, False), (90, True), (None, True)])
def test_an_age_is_a_date_where_it_may_pass_89(maximum, is_found):
    fields = [{"name": "age_at_visit", "type": "integer", "constraints": {"maximum": maximum}}]
    hints = statement(annex({}, [column("age_at_visit", kind="integer")], fields), HINTS)
    assert ("age_at_visit (C" in hints.value) == is_found
    assert "age" not in statement(annex({}, [column("language"), column("page")]), HINTS).value.split(";")[0]


def test_no_privacy_loss_enters_the_worksheet():
    blocks = annex(None)
    start = next(place for place, block in enumerate(blocks) if "(b)(2)" in getattr(block, "text", ""))
    assert not [text for text in texts(blocks[start:]) if "ε" in text or "δ" in text]
    said = [block.text for block in blocks[start:] if isinstance(block, Paragraph)]
    assert "The rule knows no privacy loss" in said[0]


def test_that_nobody_knows_better_is_a_line_to_be_signed():
    blocks = annex(None)
    (line,) = [block for block in blocks if isinstance(block, SignatureLine) and "actual knowledge" in block.role]
    assert [field.tag for field in line.fields] == ["to be completed by the privacy officer"] * 4
    said = blocks[blocks.index(line) - 1].text
    assert said.startswith("To be signed: that the covered entity does not actually know")


def test_a_hostile_column_name_stays_a_text():
    name = "x\u202e</td>#panic()"
    found = rows({"hipaa-columns-names": [name]}, [column(name)])["A"]
    assert found[0] == "x‹U+202E›</td>#panic()"


def test_the_worksheet_says_no_more_than_was_declared():
    said = [text for text in texts(annex(None)) if "removed" in text]
    assert len(said) == 1 and said[0].startswith("This path asks")
    assert not [block for block in annex(None) if isinstance(block, Note)]
    assert statements(annex(None))
