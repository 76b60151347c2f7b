import numpy as np
import pytest
from scipy import stats

from engine.evaluation.attack_rates import (
    ALARM_MARGIN,
    NO_BETTER_THAN_GUESSING,
    Attack,
    Rate,
    alarms,
    control_rows,
    missing_finding,
    risk_interval,
    unit_effect,
)
from engine.evaluation.context import Claim
from engine.evaluation.results import NotComputableError
from engine.evaluation.tables import EvaluationTables


def attack(main, control, baseline=0, n=2_000):
    """An attack with these successes of n."""
    return Attack("some", "Some attack", Rate(main, n), Rate(baseline, n), Rate(control, n), {"extra": 1})


@pytest.mark.parametrize("n", [1, 20, 2_000])
def test_an_interval_at_either_end_is_that_of_clopper_and_pearson(n):
    upper = stats.beta.ppf(0.975, 1, n)
    assert Rate(0, n).interval() == pytest.approx((0.0, upper))
    assert Rate(n, n).interval() == pytest.approx((1.0 - upper, 1.0))


def test_an_interval_between_is_that_of_wilson():
    known = stats.binomtest(37, 400).proportion_ci(method="wilson")
    assert Rate(37, 400).interval() == pytest.approx((known.low, known.high))


def test_attacks_that_succeed_together_tell_as_much_as_fewer():
    assert Rate(40, 400, design_effect=4.0).interval() == pytest.approx(Rate(10, 100).interval())
    assert Rate(0, 400, design_effect=4.0).interval() == pytest.approx(Rate(0, 100).interval())


@pytest.mark.parametrize("wrong", [(-1, 5), (6, 5), (0, 0), (1, 5, 0.5)])
def test_what_is_no_rate_is_refused(wrong):
    with pytest.raises(ValueError, match="is no rate"):
        Rate(*wrong)


@pytest.mark.parametrize(
    ("main", "control"), [((30, 200), (20, 200)), ((0, 50), (3, 60)), ((50, 50), (3, 60)), ((5, 900), (0, 900))]
)
def test_the_interval_of_a_risk_holds_the_ratios_that_pearsons_test_accepts(main, control):
    """A ratio of failures is accepted where the best pair of rates with it is; the best pair is sought on a grid."""
    low, high = risk_interval(Rate(*main), Rate(*control))
    second = np.linspace(1e-6, 1 - 1e-6, 200_001)
    failures = main[1] - main[0], control[1] - control[0]

    def accepted(risk):
        first = (1 - risk) * second
        inside = (first > 0) & (first < 1)
        rates = first[inside], second[inside]
        # The likeliest pair: Koopman's statistic is Pearson's at the constrained maximum of the likelihood.
        chance = sum(
            stats.binom.logpmf(x, n, p) for x, n, p in zip(failures, (main[1], control[1]), rates, strict=True)
        )
        best = [rate[chance.argmax()] for rate in rates]
        terms = [
            (x - n * p) ** 2 / (n * p * (1 - p)) for x, n, p in zip(failures, (main[1], control[1]), best, strict=True)
        ]
        return sum(terms) < stats.chi2.ppf(0.95, 1)

    assert accepted(low + 0.003)
    assert accepted(high - 0.003)
    assert low == 0.0 or not accepted(low - 0.003)
    assert high >= 0.997 or not accepted(high + 0.003)


def test_the_interval_of_a_risk_covers_it():
    # 600 repetitions of a 95 % interval miss 30, give or take 5.3: 56 and more is 4.9 deviations off (5e-7). An
    # interval of half the confidence misses some 300 and must fail.
    rng = np.random.default_rng(0)
    true = (0.13 - 0.10) / (1 - 0.10)
    wide, narrow = 0, 0
    for main, control in zip(rng.binomial(500, 0.13, 600), rng.binomial(500, 0.10, 600), strict=True):
        rates = Rate(int(main), 500), Rate(int(control), 500)
        wide += not _holds(risk_interval(*rates), true)
        narrow += not _holds(risk_interval(*rates, confidence=0.5), true)
    assert wide < 56
    assert narrow > 200


def _holds(interval, value):
    return interval[0] <= value <= interval[1]


def test_a_risk_is_the_share_of_what_the_control_leaves_to_gain():
    assert attack(1_100, 1_000).risk == pytest.approx(0.1)
    assert attack(900, 1_000).risk == 0.0


def test_where_every_attack_on_the_control_succeeds_nothing_is_left_to_gain():
    known = attack(2_000, 2_000)
    assert "nothing is left to gain" in known.risk["unavailable"]
    assert "nothing is left to gain" in known.interval()["unavailable"]
    assert known.to_json()["risk"] == {"value": known.risk, "interval": known.risk}
    assert alarms([known]) == ()
    assert known.clearness == 0.0


def test_an_attack_no_better_than_guessing_says_that_it_shows_nothing():
    assert attack(110, 100, baseline=100).sentence.endswith(NO_BETTER_THAN_GUESSING)
    assert NO_BETTER_THAN_GUESSING not in attack(110, 100, baseline=20).sentence
    assert attack(110, 100, baseline=20).finding("risk").sentence.startswith("Some attack: 5.5 % of the attacks")


def test_a_row_of_the_table_has_all_rates():
    row = attack(110, 100, baseline=20).to_json()
    assert row["main"] == {"rate": 0.055, "interval": [0.045835, 0.065871], "successes": 110, "n": 2_000}
    assert (row["name"], row["n_attacks"], row["beats_guessing"], row["extra"]) == ("some", 2_000, True, 1)


def test_an_alarm_needs_a_risk_beyond_chance_and_beyond_the_margin():
    assert [alarm.code for alarm in alarms([attack(300, 100), attack(110, 100)])] == ["attack_beats_control"]
    # Two million attacks make half a per cent certain, and it is below the margin.
    certain = attack(110_000, 100_000, n=2_000_000)
    assert 0.003 < certain.interval(1 - 1e-9)[0] < ALARM_MARGIN
    assert alarms([certain]) == ()


def test_alarms_are_rarer_than_stated_where_training_and_control_rows_are_alike():
    """All pairs of successes of 300 attacks each, with their chances: no simulation."""
    counts = np.arange(301)
    for rate in (0.01, 0.3, 0.9):
        chance = stats.binom.pmf(counts, 300, rate)
        likely = counts[chance > 1e-9]
        total = sum(
            chance[main] * chance[control]
            for main in likely
            for control in likely[likely < main]
            if alarms([attack(int(main), int(control), n=300)])
        )
        assert total < 1e-5


def test_rows_of_one_person_make_an_alarm_need_more():
    known = attack(240, 100)
    assert alarms([known]) != ()
    assert alarms([known], unit_effect(Claim(1.0, 1e-6, rows_per_unit=5), 1.0)) == ()
    assert alarms([known], unit_effect(Claim(1.0, 1e-6, rows_per_unit=1), 1.0)) == alarms([known])


def test_of_rows_of_one_person_fewer_meet_where_a_share_is_attacked():
    claim = Claim(1.0, 1e-6, rows_per_unit=11)
    assert unit_effect(None, 1.0) == 1.0
    assert [unit_effect(claim, share) for share in (0.0, 0.1, 1.0)] == [1.0, 2.0, 11.0]


def test_tables_without_enough_rows_give_a_reason():
    def given(train, holdout):
        return EvaluationTables((), train, holdout, train)

    rows = np.zeros(25)
    with pytest.raises(NotComputableError, match="no real rows were set aside"):
        control_rows(given(rows, None))
    with pytest.raises(NotComputableError, match="at least 20 are needed"):
        control_rows(given(rows, rows[:19]))
    assert control_rows(given(rows, rows[:20]))[1] == 20


def test_an_attack_that_could_not_be_made_says_why():
    finding = missing_finding("risk", "there is nothing to attack")
    assert finding.value == {"unavailable": "there is nothing to attack"}
    assert finding.sentence == "This attack could not be made: there is nothing to attack."
