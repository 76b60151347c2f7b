import numpy as np
import pytest

from engine.evaluation.ranking import area_under_roc, roc_points, true_positives_at


def tied_scores(n, shift, seed):
    """Scores of few values."""
    return np.random.default_rng(seed).integers(0, 8, n) + float(shift)


def test_the_area_is_the_share_of_pairs_that_brute_force_counts():
    positives, negatives = tied_scores(31, 1, 0), tied_scores(17, 0, 1)
    pairs = [(p > q) + 0.5 * (p == q) for p in positives for q in negatives]
    area, (low, high) = area_under_roc(positives, negatives)
    assert area == pytest.approx(np.mean(pairs))
    assert low < area < high


def test_the_interval_covers_the_true_area():
    # Normal scores one apart: the area is Φ(1/√2) = 0.7602. Of 400 intervals of 95 %, 380 cover it, with a standard
    # deviation of 4.4; a twin with half the width covers two thirds of the time.
    rng = np.random.default_rng(2)
    covered = narrow = 0
    for _ in range(400):
        area, (low, high) = area_under_roc(rng.normal(1.0, 1.0, 80), rng.normal(0.0, 1.0, 60))
        covered += low <= 0.7602 <= high
        narrow += abs(area - 0.7602) <= (high - low) / 4
    assert covered >= 366
    assert narrow < 320


def test_groups_that_are_wholly_apart_leave_room_for_doubt():
    area, (low, high) = area_under_roc(np.array([5.0, 6.0, 7.0]), np.array([1.0, 2.0, 3.0, 4.0]))
    assert area == high == 1.0
    assert 0.2 < low < 0.4  # Clopper and Pearson of 3 in 3: 0.292


def test_single_scores_have_an_area():
    assert area_under_roc(np.array([1.0]), np.array([1.0]))[0] == 0.5


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.34, 1.0])
def test_true_positives_at_a_rate_are_those_of_the_best_threshold_that_keeps_it(rate):
    positives, negatives = tied_scores(40, 1, 3), tied_scores(30, 0, 4)
    thresholds = [-np.inf, *np.unique(np.concatenate([positives, negatives]))]
    kept = [t for t in thresholds if (negatives > t).mean() <= rate]
    assert true_positives_at(positives, negatives, rate) == max(int((positives > t).sum()) for t in kept)


def test_points_rise_to_the_corner_and_are_few():
    points = roc_points(tied_scores(500, 1, 5), tied_scores(3000, 0, 6))
    assert points["false_positive_rate"][0] == pytest.approx(1 / 3000, abs=1e-6)
    assert points["false_positive_rate"] == sorted(set(points["false_positive_rate"]))
    assert points["true_positive_rate"] == sorted(points["true_positive_rate"])
    assert points["false_positive_rate"][-1] == points["true_positive_rate"][-1] == 1.0
    assert len(points["false_positive_rate"]) <= 80
