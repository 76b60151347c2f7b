"""What a job may say of an exception, and how many threads it computes with."""

import pytest
from rq.timeouts import JobTimeoutException

from app.errors import InvalidInputError
from engine.errors import CancelledError, IngestError
from workers.failures import OUT_OF_MEMORY, OUT_OF_TIME, FailureGuard
from workers.threads import VARIABLES, limit_threads

MARKER = "Zebulon-Quux-493"


def failure_of(error):
    guard = FailureGuard()
    with guard:
        raise error
    return guard.failure


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (IngestError("not a number", row=3, column="age"), "Row 3, column 'age': not a number."),
        (InvalidInputError("Choose another one."), "Choose another one."),
        (CancelledError("the run was cancelled"), "The run was cancelled."),
        (MemoryError(MARKER), OUT_OF_MEMORY),
        (JobTimeoutException(MARKER), OUT_OF_TIME),
    ],
)
def test_known_errors_speak_for_themselves(error, sentence):
    failure = failure_of(error)
    assert (failure.sentence, failure.is_expected) == (sentence, True)
    assert failure.is_cancelled is isinstance(error, CancelledError)


@pytest.mark.parametrize(
    "error", [ValueError(MARKER), KeyError(MARKER), UnicodeDecodeError("ascii", b"\xff", 0, 1, MARKER)]
)
def test_other_errors_keep_class_and_place_only(error):
    failure = failure_of(error)
    assert not failure.is_expected
    assert failure.place.startswith(f"{type(error).__name__} at test_failures.py:")
    assert MARKER not in failure.sentence + failure.place


def test_what_ends_a_process_is_not_held_up():
    with pytest.raises(KeyboardInterrupt), FailureGuard():
        raise KeyboardInterrupt


def test_a_block_without_an_error_has_no_failure():
    guard = FailureGuard()
    with guard:
        pass
    assert guard.failure is None


def test_every_numerical_library_gets_its_number_of_threads():
    environment = {}
    limit_threads(3, environment)
    assert environment == dict.fromkeys(VARIABLES, "3")
    limit_threads(0, environment)
    assert int(environment["OMP_NUM_THREADS"]) >= 1
