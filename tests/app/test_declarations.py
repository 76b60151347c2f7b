"""Declarations: versions that nobody changes, questions that are answered or missing, and two savers at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from app.errors import ConflictError, InvalidInputError, NotFoundError
from app.reporting.frameworks.catalogue import FRAMEWORKS, questions_of
from app.reporting.frameworks.common import COMMON
from app.wiring import build
from tests.app.answers import answers_to
from tests.app.builders import ready_dataset
from tests.conftest import FAST_BCRYPT_ROUNDS

GDPR = ["gdpr"]


@pytest.fixture
def dataset_id(services, owner):
    return ready_dataset(services, owner)


def save(services, user, dataset_id, base_version=0, frameworks=GDPR, **changes):
    answers = answers_to(frameworks) | changes
    return services.declarations.save(user, dataset_id, frameworks, answers, base_version)


def test_nothing_is_declared_at_first(services, owner, dataset_id):
    found = services.declarations.current(owner, dataset_id)
    assert (found.version, found.frameworks, found.values, found.declared_by) == (0, (), {}, None)
    assert services.declarations.history(owner, dataset_id) == []
    assert services.declarations.missing(owner, dataset_id)


def test_every_version_stays_as_it_was_saved(services, owner, dataset_id):
    question = next(question for question in COMMON if question.kind in ("text", "long"))
    first = save(services, owner, dataset_id)
    second = save(services, owner, dataset_id, 1, **{question.id: "Something else"})
    assert (first.version, second.version, second.declared_by) == (1, 2, "owner")
    assert second.values[question.id] == "Something else"
    history = services.declarations.history(owner, dataset_id)
    assert history == [second, first]
    assert services.declarations.current(owner, dataset_id) == second
    entry = services.audit.list(owner)[0]
    assert (entry.action, entry.object_id, entry.detail["version"]) == ("declarations.save", dataset_id, 2)


def test_saving_the_same_again_makes_no_version(services, owner, dataset_id):
    first = save(services, owner, dataset_id)
    assert save(services, owner, dataset_id, 1) == first
    assert len(services.declarations.history(owner, dataset_id)) == 1


def test_what_is_missing_follows_the_frameworks(services, owner, dataset_id):
    save(services, owner, dataset_id)
    assert services.declarations.missing(owner, dataset_id) == ()
    others = [each for each in FRAMEWORKS if each != "gdpr"]
    lacking = {question.id for question in services.declarations.missing(owner, dataset_id, others)}
    assert lacking
    assert lacking <= {question.id for question in questions_of(others)}


def test_a_version_that_was_overtaken_is_refused_and_changes_nothing(services, owner, dataset_id):
    kept = save(services, owner, dataset_id)
    for stale in (0, 2):
        with pytest.raises(ConflictError, match="Version 1 of these declarations"):
            save(services, owner, dataset_id, stale, frameworks=["hipaa"])
    assert services.declarations.history(owner, dataset_id) == [kept]


def test_of_two_who_save_at_once_one_is_told(services, settings, owner, dataset_id):
    gate = Barrier(6)

    def attempt(number):
        mine = build(settings, password_rounds=FAST_BCRYPT_ROUNDS)
        gate.wait()
        try:
            return save(mine, owner, dataset_id, frameworks=GDPR if number % 2 else ["ccpa"])
        except ConflictError:
            return None
        finally:
            mine.close()

    with ThreadPoolExecutor(6) as pool:
        saved = [view for view in pool.map(attempt, range(6)) if view]
    versions = services.declarations.history(owner, dataset_id)
    assert len(versions) == 1
    assert all(view == versions[0] for view in saved)


@pytest.mark.parametrize(
    ("frameworks", "answers", "base_version", "message"),
    [
        (["gdrp"], {}, 0, "no framework"),
        ("gdpr", {}, 0, "list of their ids"),
        ([7], {}, 0, "list of their ids"),
        (None, {}, 0, "list of their ids"),
        ([], [], 0, "object of question and answer"),
        ([], None, 0, "object of question and answer"),
        ([], {"no-such-question": "x"}, 0, "No question"),
        ([], {}, None, "base_version"),
        ([], {}, True, "base_version"),
        ([], {}, -1, "base_version"),
    ],
)
def test_what_cannot_be_saved_is_named(services, owner, dataset_id, frameworks, answers, base_version, message):
    with pytest.raises(InvalidInputError, match=message):
        services.declarations.save(owner, dataset_id, frameworks, answers, base_version)
    assert services.declarations.history(owner, dataset_id) == []


def test_a_claim_in_an_answer_is_refused(services, owner, dataset_id):
    question = next(question for question in COMMON if question.kind == "long")
    with pytest.raises(InvalidInputError, match="claim"):
        save(services, owner, dataset_id, **{question.id: "The table is fully anonymous."})
    assert services.declarations.current(owner, dataset_id).version == 0


def test_a_strangers_dataset_looks_missing(services, owner, stranger, dataset_id):
    declarations = services.declarations
    for call in (declarations.current, declarations.history, declarations.missing):
        with pytest.raises(NotFoundError):
            call(stranger, dataset_id)
    with pytest.raises(NotFoundError):
        declarations.save(stranger, dataset_id, ["nonsense"], None, None)
    services.datasets.delete(owner, dataset_id)
    with pytest.raises(NotFoundError):
        declarations.current(owner, dataset_id)


def test_frameworks_say_what_they_can_and_cannot_say(services):
    listed = services.declarations.frameworks()
    assert [framework.id for framework in listed] == list(FRAMEWORKS)
    assert all(framework.can_say and framework.cannot_say for framework in listed)
    assert [question.id for question in services.declarations.common_questions()] == [each.id for each in COMMON]
