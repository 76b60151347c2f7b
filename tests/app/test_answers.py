"""Questions to a run: answered with intervals, free, for its owner only, and refused in words."""

import pytest

from app.errors import InvalidInputError, NotFoundError, UnavailableError
from app.services.reports import MODEL
from engine.synthesizers.model_file import load_model, save_model
from tests.app.builders import ready_dataset, submit
from workers.jobs import do_run


@pytest.fixture
def run(services, owner):
    dataset_id = ready_dataset(services, owner, cap=10.0)
    submitted = submit(services, owner, dataset_id, epsilon=8.0, method="mst")
    do_run(services, submitted.id)
    return services.runs.get(owner, submitted.id)


def test_an_answer_holds_the_truth_and_costs_nothing(services, owner, run):
    spent = services.ledger.summary(owner, run.dataset_id)
    answers = services.answers.ask(owner, run.id, {"measure": "count", "by": ["colour"], "confidence": 0.999})
    assert [row["group"] for row in answers["rows"]] == [{"colour": "blue"}, {"colour": "green"}, {"colour": "red"}]
    for row in answers["rows"]:  # the training rows: all 300 but those that were set aside
        assert row["kind"] == "measured"
        assert row["high"] - row["low"] < 30
        assert 60 < row["value"] < 120
    assert services.ledger.summary(owner, run.dataset_id) == spent


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({}, "a question has a measure"),
        ({"measure": "median"}, "a question has a measure"),
        ({"measure": "count", "seed": 1}, "a question has a measure"),
        ({"measure": "mean", "column": "colour"}, "not a number"),
        ({"measure": "mean", "column": "height"}, "no synthesized column 'height'"),
        ({"measure": "count", "where": [{"column": "colour", "values": ["mauve"]}]}, "no such value"),
        ({"measure": "count", "confidence": 2}, "from 0.5 to 0.999"),
        ({"measure": "count", "population": "yes"}, "true or false"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused_in_words(services, owner, run, question, message):
    with pytest.raises(InvalidInputError, match=f"(?i){message}") as refused:
        services.answers.ask(owner, run.id, question)
    assert "mauve" not in refused.value.user_message


def test_a_run_without_a_model_or_counts_says_why(services, owner, stranger, run, monkeypatch, tmp_path):
    waiting = submit(services, owner, run.dataset_id, epsilon=0.5)
    with pytest.raises(UnavailableError, match="not finished"):
        services.answers.ask(owner, waiting.id, {"measure": "count"})
    with pytest.raises(NotFoundError):
        services.answers.ask(stranger, run.id, {"measure": "count"})
    with services.reports.local_file(owner, run.id, MODEL) as path:
        model = load_model(path)
    model.released_ = None
    save_model(model, tmp_path / MODEL)
    monkeypatch.setattr(services.reports, "releasable_file", lambda *_: (tmp_path / MODEL).open("rb"))
    monkeypatch.setattr("engine.synthesizers.model_file.load_model", lambda _: model)
    with pytest.raises(UnavailableError, match="without its noisy counts"):
        services.answers.ask(owner, run.id, {"measure": "count"})


def test_a_question_is_in_the_audit_trail_without_its_values(services, owner, run):
    services.answers.ask(owner, run.id, {"measure": "count", "where": [{"column": "colour", "values": ["green"]}]})
    entry = next(line for line in services.audit.list(owner) if line.action == "artifact.ask")
    assert entry.detail == {"measure": "count", "answers": 1}
    assert "green" not in str(entry)
