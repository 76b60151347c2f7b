"""Numbers of a training: at most 200 points at equal distances, the newest always, also over several attempts."""

import itertools

import pytest

from app.services.results import Attempt
from engine.progress import ProgressEvent, TrainingNumbers
from tests.app.builders import ready_dataset, submit
from workers.reporting_progress import RunProgress
from workers.training_series import MOST_POINTS, TrainingSeries


def numbers(step, steps=1000):
    return TrainingNumbers(step, steps, step / 100, 1.0, None, 0.1, 500.0, None, "cpu")


def steps_of(series):
    return [point["step"] for point in series.points()]


@pytest.mark.parametrize("steps", [1, 5, 199, 200, 201, 398, 399, 10_000])
@pytest.mark.parametrize("every", [1, 7])
def test_points_are_few_and_the_newest_is_among_them(steps, every):
    series = TrainingSeries()
    for step in range(1, steps + 1, every):
        series.add(numbers(step, steps))
        assert len(series.points()) <= MOST_POINTS
        assert steps_of(series)[-1] == step
    found = steps_of(series)
    assert found[0] == 1
    assert len(found) >= min(100 // every, -(-steps // every)) - 1
    distances = {second - first for first, second in itertools.pairwise(found[:-1])}
    assert len(distances) <= 1


def test_nothing_is_an_empty_series():
    assert TrainingSeries().points() == []


def test_another_attempt_goes_on_and_forgets_what_was_not_kept():
    first = TrainingSeries()
    for step in range(1, 51):
        first.add(numbers(step, 100))
    second = TrainingSeries(first.points())
    assert steps_of(second) == list(range(1, 51))
    second.add(numbers(41, 100))
    assert steps_of(second) == list(range(1, 42))


def test_a_run_keeps_its_series_in_the_queue_and_its_log_short(services, owner):
    run = submit(services, owner, ready_dataset(services, owner))
    services.ledger.commit(run.id)
    assert services.runs.progress(owner, run.id).training == ()
    callback = RunProgress(services, Attempt(run.id)).part(0.0, 1.0)
    callback(ProgressEvent("measuring", 0.0, "Measuring"))
    for step in range(1, 1001):
        callback(ProgressEvent("fitting", step / 1000, f"Step {step}", numbers(step)))
    callback(ProgressEvent("sampling", 1.0, "Drawing"))
    progress = services.runs.progress(owner, run.id)
    assert [line.message for line in progress.log] == ["Measuring", "Step 1", "Drawing"]
    assert 100 <= len(progress.training) <= MOST_POINTS
    assert (progress.training[0], progress.training[-1]) == (numbers(1), numbers(1000))
