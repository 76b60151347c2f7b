"""The audit's arithmetic and its result; `test_distinguishing_game` plays it against broken methods."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from engine.audit import audit as auditing
from engine.audit.audit import AuditResult, Proof, audit, contest, epsilon_of_mu
from engine.audit.game import ADVERSARIES, BLACK_BOX, WHITE_BOX, Observation, shortened, what_is_shortened
from engine.audit.neighbours import all_neighbours, neighbours_named
from engine.errors import CancelledError, InputError, PlanError
from engine.privacy.accounting import mu_for
from engine.privacy.noise import SecureNoise
from engine.progress import ProgressEvent
from engine.synthesizers.registry import synthesizer_class
from engine.version import __version__
from tests.audits import seeded_audit, seeded_game
from tests.noise_sources import SeededNoise

PAIR = neighbours_named("unseen")


def test_a_result_says_what_was_tested():
    result = seeded_audit("independent", 2.0, 36)
    assert (result.method, result.epsilon, result.delta, result.runs) == ("independent", 2.0, 1e-6, 36)
    assert result.mu == pytest.approx(mu_for(2.0, 1e-6))
    assert set(result.neighbours) == {pair.name for pair in all_neighbours()}
    assert (result.version, result.verdict, result.shortened) == (__version__, "consistent", {})
    assert [proof.adversary for proof in result.proofs] == [WHITE_BOX, BLACK_BOX]
    value = result.to_json()
    assert json.loads(json.dumps(value)) == value | {
        "proofs": [dict(proof) for proof in value["proofs"]],
    }


def test_the_same_seeds_give_the_same_audit():
    first, second = (seeded_audit("mst", 2.0, 12, neighbours=PAIR) for _ in range(2))
    assert first.proofs == second.proofs


def test_noise_is_fresh_in_every_audit_and_run():
    game = replace(seeded_game("independent", 2.0), noise_of=lambda present, run: SecureNoise(), seed=None)
    first, second = (game.observe(True, 0) for _ in range(2))
    assert first.white_box[0] != second.white_box[0]


PROOF = Proof(WHITE_BOX, "unseen", 20, 0.5, "a", 0.1, "b", 0.4)
RESULT = AuditResult("mst", 1.0, 1e-6, 0.23, 30, 0.999, (PROOF,), {}, {}, 1.0, "0")


@pytest.mark.parametrize(
    ("change", "verdict"),
    [({}, "consistent"), ({"epsilon": 1.0}, "consistent"), ({"epsilon": 1.01}, "violated"), ({"mu": 0.24}, "violated")],
)
def test_a_bound_above_a_claim_is_a_violation(change, verdict):
    result = replace(RESULT, proofs=(replace(PROOF, adversary=BLACK_BOX), replace(PROOF, **change)))
    assert (result.verdict, result.is_violated) == (verdict, verdict == "violated")


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"runs": 10}, InputError, "between 36 and 100,000"),
        ({"confidence": 1.0}, InputError, "confidence"),
        ({"method": "ctgan"}, PlanError, "no privacy guarantee"),
        ({"method": "none"}, PlanError, "no method 'none'"),
        ({"epsilon": 0.0}, PlanError, "ε must be between"),
    ],
)
def test_what_cannot_be_audited_is_refused(options, error, words):
    with pytest.raises(error, match=words):
        audit(options.pop("method", "mst"), options.pop("epsilon", 1.0), **options)


def test_noise_that_can_be_replayed_is_refused():
    with pytest.raises(InputError, match="replayed"):
        audit("mst", 1.0, runs=6, neighbours=PAIR, noise_of=lambda present, run: SeededNoise(run))


def test_progress_is_told_and_may_stop_it():
    events = []
    seeded_audit("independent", 1.0, 30, neighbours=PAIR, progress=events.append)
    assert all(isinstance(event, ProgressEvent) for event in events)
    assert [round(60 * event.fraction) for event in events] == [20, 40, 60]

    def stop(event):
        raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        seeded_audit("independent", 1.0, 30, neighbours=PAIR, progress=stop)


class Scripted:
    """A game whose adversaries see what it is told to show, and which says when it was played."""

    delta, price = 1e-6, SimpleNamespace(delta_extra=0.0)

    def __init__(self, neighbours, shown):
        self.neighbours, self.shown, self.played = neighbours, shown, []

    def observe(self, present, run):
        self.played.append((present, run))
        values = tuple(float(value) for value in self.shown(present, run))
        return Observation((0.0,) * (len(ADVERSARIES[WHITE_BOX]) - len(values)) + values, values)


def test_the_pair_that_tells_most_is_played_on_with_fresh_runs():
    rng = np.random.default_rng(1)
    first, second = all_neighbours()[:2]
    games = [
        Scripted(first, lambda present, run: rng.normal(size=5)),
        Scripted(second, lambda present, run: [0, 0, 0, present, 0]),
    ]
    white_box, black_box = contest(games, 90)
    assert white_box == replace(black_box, adversary=WHITE_BOX)
    assert (black_box.neighbours, black_box.runs) == (second.name, 60)
    assert black_box.epsilon_statistic == black_box.mu_statistic == ADVERSARIES[BLACK_BOX][3]
    assert [game.played for game in games] == [
        [(present, run) for run in range(15) for present in (False, True)],
        [(present, run) for run in range(75) for present in (False, True)],
    ]
    # 60 runs without a mistake, each rate with an error of 0.001 / 8
    least = (0.001 / 8) ** (1 / 60)
    assert black_box.epsilon == pytest.approx(np.log((least - 1e-6) / (1 - least)))


def test_a_leak_in_few_runs_of_one_half_proves_nothing_in_the_other():
    """What the choosing runs show by chance does not carry over."""
    game = Scripted(all_neighbours()[0], lambda present, run: [present and run < 30] * 5)
    assert [proof.epsilon for proof in contest([game], 90)] == [0.0, 0.0]


def test_epsilon_of_mu_inverts_what_a_plan_is_charged_as():
    assert epsilon_of_mu(mu_for(1.5, 1e-6), 1e-6) == pytest.approx(1.5)
    assert epsilon_of_mu(0.5, 1e-6, 5e-7) > epsilon_of_mu(0.5, 1e-6)
    assert epsilon_of_mu(0.0, 1e-6) == 0.0


def test_trainings_are_shortened_and_nothing_else():
    for name in ("aim", "mst", "independent"):
        assert (shortened(name), what_is_shortened(name)) == (synthesizer_class(name), {})
    for name in ("dp-ctgan", "dp-tvae"):
        changed = what_is_shortened(name)
        settings, whole = shortened(name).settings, synthesizer_class(name).settings
        assert settings == replace(whole, **changed)
        assert {"gradient_share", "clipping_norm", "batch_rows"}.isdisjoint(changed)
        assert issubclass(shortened(name), synthesizer_class(name))


def test_the_audit_has_no_way_to_weaken_a_run():
    """Its own arguments hold neither a door nor a synthesizer."""
    assert {"door", "synthesizer"}.isdisjoint(auditing.audit.__kwdefaults__)
