"""Estimates of several copies are put together as the rule says, and only for what was measured."""

import math

import numpy as np
import pytest

from engine.answers.copies import combine, draw_copies, noise_variances
from engine.errors import InputError
from tests.engine.answers.asking import fitted, query
from tests.tables import small_table

TABLE = small_table(1000)


def test_the_rule_by_hand():
    found = combine([1.0, 2.0, 3.0], 4.0, within=[3.0, 3.0, 6.0], rows_of_copy_to_table=0.5)
    variance = 4.0 + 1.0 / 3.0 + 4.0 * 0.5
    assert (found.value, found.variance) == pytest.approx((2.0, variance))
    assert found.degrees_of_freedom == pytest.approx(2.0 * (variance * 3.0) ** 2)
    assert found.high - found.low == pytest.approx(2 * 1.962 * math.sqrt(variance), rel=0.01)


def test_copies_that_do_not_differ_leave_the_noise():
    found = combine([5.0, 5.0], 1.0, confidence=0.9)
    assert (found.low, found.high) == pytest.approx((5.0 - 1.6449, 5.0 + 1.6449), abs=1e-3)
    assert found.degrees_of_freedom == math.inf


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (([1.0], 1.0), {}),
        (([1.0, math.nan], 1.0), {}),
        (([1.0, 2.0], -1.0), {}),
        (([1.0, 2.0], 1.0), {"within": [1.0]}),
        (([1.0, 2.0], 1.0), {"within": [1.0, -1.0]}),
        (([1.0, 2.0], 1.0), {"rows_of_copy_to_table": 0.0}),
        (([1.0, 2.0], 1.0), {"confidence": 1.0}),
    ],
)
def test_what_cannot_be_combined_is_refused(arguments, options):
    with pytest.raises(InputError):
        combine(*arguments, **options)


def test_the_noise_of_a_count_and_a_share():
    model = fitted("independent", TABLE)
    variance = model.released_.one_ways[1].variance + 1 / 12
    count = noise_variances(model, query(model, "count", where=["region=north,south"]))
    assert count == [({}, pytest.approx(2 * variance))]
    counts = model.released_.one_ways[1].counts
    share = counts[0] / counts.sum()
    expected = variance * ((1 - share) ** 2 + 3 * share**2) / counts.sum() ** 2
    found = noise_variances(model, query(model, "share", "region", of="region=north"))
    assert found == [({}, pytest.approx(expected))]


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (("mean", "cost"), "within cells"),
        (("count", None, {"where": ["region=north", "smoker=true"]}), "not measured together"),
        (("count", None, {"where": ["age=31..44"]}), "whole cells"),
        (("share", "age", {"of": "age=31..44"}), "whole cells"),
    ],
)
def test_noise_alone_says_nothing_of_other_questions(question, message):
    model = fitted("independent", TABLE)
    measure, column, options = (*question, {})[:3]
    with pytest.raises(InputError, match=message):
        noise_variances(model, query(model, measure, column, **options))


def test_copies_are_drawn_one_after_the_other():
    model = fitted("independent", TABLE)
    first, second = ([next(pieces) for pieces in draw_copies(model, 2, 50, np.random.default_rng(1))] for _ in range(2))
    assert first[0].equals(second[0]) and first[1].equals(second[1])
    assert not first[0].equals(first[1])
    with pytest.raises(InputError, match="between 1 and 100"):
        draw_copies(model, 0, 50, np.random.default_rng(1))
