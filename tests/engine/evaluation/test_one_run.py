import math

import numpy as np
import pytest

from engine.evaluation.one_run import Guesses, Thresholds, choose_thresholds


def brute_p_value(correct, guesses, targets, epsilon, delta):
    """Theorem 5.2 of Steinke, Nasr, Jagielski (2023), term by term."""
    share = math.exp(epsilon) / (math.exp(epsilon) + 1)
    mass = [math.comb(guesses, i) * share**i * (1 - share) ** (guesses - i) for i in range(guesses + 1)]
    worst = max((sum(mass[max(correct - i, 0) : correct]) / i for i in range(1, targets + 1)), default=0.0)
    return min(1.0, sum(mass[correct:]) + 2 * targets * delta * worst)


@pytest.mark.parametrize(("correct", "guesses", "targets"), [(0, 0, 4), (5, 5, 20), (14, 20, 20), (3, 20, 60)])
@pytest.mark.parametrize(("epsilon", "delta"), [(0.0, 0.0), (1.0, 0.0), (0.3, 1e-3), (4.0, 1e-6)])
def test_the_chance_is_that_of_the_theorem(correct, guesses, targets, epsilon, delta):
    found = Guesses(correct, guesses, targets, 0).p_value(epsilon, delta)
    assert found == pytest.approx(brute_p_value(correct, guesses, targets, epsilon, delta), abs=1e-12)


@pytest.mark.parametrize("guesses", [20, 141, 1000])
def test_without_a_wrong_guess_the_bound_is_closed(guesses):
    """All right: p = s^guesses, so s = (1 - confidence)^(1 / guesses) and ε = log(s / (1 - s))."""
    share = 0.001 ** (1 / guesses)
    expected = max(0.0, math.log(share / (1 - share)))
    assert Guesses(guesses, guesses, guesses, guesses).lower_bound(0.0) == pytest.approx(expected, abs=1e-6)


def test_the_bound_falls_with_delta_and_rises_with_right_guesses():
    bounds = [Guesses(correct, 200, 400, 100).lower_bound(delta) for correct, delta in [(90, 0), (170, 1e-4), (170, 0)]]
    assert bounds[0] == 0.0
    assert bounds[0] < bounds[1] < bounds[2]


def randomised_response(epsilon, n, rng):
    """Whether each of n targets was in, and an answer that is true with a chance of e^ε / (1 + e^ε): ε-DP exactly."""
    member = rng.random(n) < 0.5
    truthful = rng.random(n) < 1 / (1 + math.exp(-epsilon))
    return member, np.where(member == truthful, 1.0, 0.0) + 0.1 * rng.random(n)


@pytest.mark.parametrize("epsilon", [0.5, 2.0])
def test_a_mechanism_of_known_epsilon_is_not_accused(epsilon):
    """A sound bound exceeds ε in one of 1,000 runs, so in 200 runs more than 3 times with a chance of 1e-4 at most.

    Memberships are independent here, as the theorem wants them. The twin chooses thresholds where it judges them, and
    answers at 95 %: it exceeds ε in more than 3.
    """
    rng = np.random.default_rng(int(10 * epsilon))
    exceeded = careless = 0
    proven = []
    for _ in range(200):
        member, scores = randomised_response(epsilon, 1000, rng)
        members, others = ([scores[:500][member[:500] == kind], scores[500:][member[500:] == kind]] for kind in (1, 0))
        bound = choose_thresholds(members[0], others[0]).guess(members[1], others[1]).lower_bound(0.0)
        proven.append(bound)
        exceeded += bound > epsilon
        both = np.concatenate(members), np.concatenate(others)
        careless += choose_thresholds(*both).guess(*both).lower_bound(0.0, 0.95) > epsilon
    assert exceeded <= 3
    assert careless > 3
    # The share of right guesses is known to 3.1 √(s (1 - s) / 250) with about 250 guesses: 0.53 or more of 0.62, which
    # is an ε of 0.12, and 0.81 of 0.88, which is 1.5.
    assert np.median(proven) >= (0.1 if epsilon < 1 else 1.4)


def test_thresholds_abstain_where_scores_say_nothing():
    """Ten members score high, all else is alike: only they are guessed on."""
    members = np.concatenate([np.full(10, 5.0), np.zeros(200)])
    found = choose_thresholds(members, np.zeros(210)).guess(members, np.zeros(210))
    assert (found.correct, found.guesses, found.guessed_members, found.targets) == (10, 10, 10, 420)


def test_the_chosen_thresholds_prove_as_much_as_any_of_the_grid():
    rng = np.random.default_rng(3)
    members, others = np.round(rng.normal(2.0, 1.0, 60), 1), np.round(rng.normal(0.0, 1.0, 60), 1)
    best = choose_thresholds(members, others).guess(members, others).lower_bound(0.0)
    values = [-math.inf, *np.quantile(np.concatenate([members, others]), np.linspace(0, 1, 13)), math.inf]
    pairs = [Thresholds(lower, upper) for lower in values for upper in values if lower <= upper]
    proven = max(thresholds.guess(members, others).lower_bound(0.0) for thresholds in pairs)
    assert best >= 0.8 * proven > 0.0


def test_thresholds_guess_on_both_sides():
    found = Thresholds(1.0, 2.0).guess(np.array([0.0, 1.5, 3.0, 2.5]), np.array([0.5, 2.0, 1.0, 4.0]))
    assert (found.correct, found.guesses, found.guessed_members) == (3, 5, 3)


def test_equal_scores_and_few_targets_prove_nothing():
    for members, others in [(np.zeros(5), np.zeros(5)), (np.zeros(0), np.zeros(1)), (np.ones(1), np.zeros(1))]:
        found = choose_thresholds(members, others).guess(members, others)
        assert found.lower_bound(0.0) == 0.0


def test_counts_that_cannot_be_are_refused():
    for wrong in [(3, 2, 5, 0), (2, 6, 5, 0), (1, 2, 5, 3)]:
        with pytest.raises(ValueError, match="cannot be right"):
            Guesses(*wrong)
