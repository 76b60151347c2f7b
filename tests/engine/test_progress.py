"""Numbers of a training are checked at birth and are plain JSON."""

import json

import pytest

from engine.progress import ProgressEvent, TrainingNumbers

NUMBERS = {
    "step": 3,
    "steps": 10,
    "epoch": 0.6,
    "generator_loss": 1.25,
    "discriminator_loss": None,
    "epsilon": 0.5,
    "rows_per_second": 2000.0,
    "seconds_left": 7.0,
    "device": "cpu",
}


def test_numbers_are_plain_json():
    assert json.loads(json.dumps(TrainingNumbers(**NUMBERS).to_json())) == NUMBERS


@pytest.mark.parametrize("step", [-1, 11])
def test_a_step_is_one_of_the_steps(step):
    with pytest.raises(ValueError, match="not one of 10 steps"):
        TrainingNumbers(**NUMBERS | {"step": step})


def test_other_work_has_no_numbers():
    assert ProgressEvent("checking", 0.0, "Checking the plan").training is None
