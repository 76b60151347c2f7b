"""What is typed about a dataset: nothing of it is lost when others save, or when frameworks come and go."""

from itertools import product

import pytest

from app.reporting.frameworks.catalogue import FRAMEWORKS, questions_of
from app.services.declarations import question_view
from app.services.evidence_views import DeclarationsView, FrameworkView
from app.ui.evidence import catalogue
from app.ui.evidence.declaring import standing_answers
from app.ui.evidence.draft import Draft

COMMON = tuple(map(question_view, questions_of(())))
OFFERED = tuple(
    FrameworkView(each.id, each.title, each.reference, each.can_say, each.cannot_say, questions)
    for each in FRAMEWORKS.values()
    for questions in [tuple(map(question_view, each.questions))]
)


def drafted(saved, typed):
    draft = Draft.of(1, (), saved)
    for name in {*saved, *typed}:
        draft.write(name, typed.get(name))
    return draft


@pytest.mark.parametrize(("before", "mine", "theirs"), list(product([None, "a", "b", "c"], repeat=3)))
def test_a_version_saved_elsewhere_loses_nothing_that_was_typed(before, mine, theirs):
    def given(answer):
        return {} if answer is None else {"purpose": answer}

    draft = drafted(given(before), given(mine))
    draft.meet(2, (), given(theirs), ["purpose"])
    here = draft.answers.get("purpose")
    if mine == before:
        assert (here, draft.theirs) == (theirs, {})
    elif theirs in (before, mine):
        assert (here, draft.theirs) == (mine, {})
    else:
        assert (here, draft.theirs) == (mine, {"purpose": theirs or ""})
    assert draft.base_version == 2
    assert bool(draft.changed(["purpose"])) == (here != theirs)
    assert draft.has_met == (here != theirs)


def test_what_others_say_is_taken_or_refused_by_question():
    draft = drafted({"purpose": "a", "not-for": "a"}, {"purpose": "mine", "not-for": "mine"})
    draft.meet(2, (), {"purpose": "theirs"}, ["purpose", "not-for"])
    assert draft.theirs == {"purpose": "theirs", "not-for": ""}
    revision = draft.revision
    draft.take_theirs("purpose")
    draft.keep_mine("not-for")
    assert draft.answers == {"purpose": "theirs", "not-for": "mine"}
    assert draft.theirs == {}
    assert draft.revision > revision, "the fields would go on to show what was typed before"


def test_a_second_version_from_elsewhere_keeps_the_first_disagreement_open():
    draft = drafted({"purpose": "a"}, {"purpose": "mine"})
    draft.meet(2, (), {"purpose": "theirs"}, ["purpose"])
    draft.meet(3, (), {"purpose": "theirs", "contact": "office"}, ["purpose", "contact"])
    assert draft.theirs == {"purpose": "theirs"}
    assert draft.answers == {"purpose": "mine", "contact": "office"}


def test_frameworks_that_are_left_out_keep_their_answers():
    draft = Draft.of(1, ("gdpr",), {"gdpr-controller": "The clinic"})
    draft.choose("gdpr", is_chosen=False)
    assert draft.frameworks == ()
    assert draft.has_other_frameworks
    draft.saved(2, (), {"purpose": "Teaching"}, ["purpose"])
    assert not draft.has_other_frameworks
    draft.choose("gdpr", is_chosen=True)
    assert draft.answers == {"gdpr-controller": "The clinic", "purpose": "Teaching"}
    assert draft.answers_to(["purpose"]) == {"purpose": "Teaching"}


def test_frameworks_chosen_elsewhere_are_taken_unless_others_are_chosen_here():
    draft = Draft.of(1, ("gdpr",), {})
    draft.meet(2, ("gdpr", "soc2"), {}, [])
    assert draft.frameworks == ("gdpr", "soc2")
    draft.choose("hipaa", is_chosen=True)
    draft.meet(3, ("gdpr",), {}, [])
    assert set(draft.frameworks) == {"gdpr", "soc2", "hipaa"}


def test_a_saved_version_is_shown_as_it_was_stored():
    draft = drafted({}, {"purpose": "two  spaces"})
    before = draft.revision
    draft.saved(1, (), {"purpose": "two spaces"}, ["purpose"])
    assert draft.answers == {"purpose": "two spaces"}
    assert draft.changed(["purpose"]) == ()
    assert draft.revision > before


def test_fields_are_left_alone_where_what_was_stored_is_what_was_typed():
    draft = drafted({}, {"purpose": "Teaching"})
    draft.saved(1, (), {"purpose": "Teaching"}, ["purpose"])
    draft.meet(2, (), {"purpose": "Teaching"}, ["purpose"])
    assert draft.revision == 0, "whoever goes on typing would lose it"
    draft.write("purpose", "Research")
    draft.meet(3, (), {"purpose": "Teaching", "contact": "ada"}, ["purpose", "contact"])
    assert draft.revision == 1


@pytest.mark.parametrize("empty", [None, "", "  \n", []])
def test_an_empty_answer_is_none(empty):
    draft = drafted({"purpose": "a"}, {})
    draft.write("purpose", empty)
    assert draft.answers == {}
    assert draft.changed(["purpose"]) == ("purpose",)


def version(number, frameworks=(), **answers):
    return DeclarationsView("d", number, frameworks, {name.replace("_", "-"): text for name, text in answers.items()})


def test_answers_of_a_framework_that_the_newest_version_lacks_are_found_in_an_earlier_one():
    history = [
        version(3, purpose="Research"),
        version(2, ("gdpr",), purpose="Teaching", gdpr_controller="The clinic"),
        version(1, ("gdpr",), purpose="Teaching", gdpr_controller="The office", contact="ada"),
    ]
    found = standing_answers(history, COMMON, OFFERED)
    assert found == {"purpose": "Research", "gdpr-controller": "The clinic"}  # the contact was taken back


def test_groups_ask_each_question_once_and_cover_what_is_stored():
    chosen = ["soc2", "gdpr", "hipaa"]
    groups = catalogue.groups(COMMON, OFFERED, chosen)
    assert [group.title for group in groups] == ["Every report", "GDPR", "HIPAA", "SOC 2"]
    asked = [question.id for question in catalogue.asked(groups)]
    assert len(asked) == len(set(asked))
    assert set(asked) == {question.id for question in questions_of(chosen)}


def test_a_person_finds_all_their_questions_of_a_group_in_one_place():
    for group in catalogue.groups(COMMON, OFFERED, FRAMEWORKS):
        people = [person for person, _ in group.by_person()]
        assert len(people) == len(set(people))
        again = [question for _, asked in group.by_person() for question in asked]
        assert sorted(question.id for question in again) == sorted(question.id for question in group.questions)
