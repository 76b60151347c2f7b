"""The audit of one method: the game on every pair of neighbours, and what all of it proves together."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.audit.bounds import CHOOSING_SHARE, FEWEST_RUNS, Guess, choose, epsilon_of, judge, mu_of
from engine.audit.game import ADVERSARIES, WHITE_BOX, Game, Observation, what_is_shortened
from engine.audit.neighbours import Neighbours, all_neighbours
from engine.errors import InputError, PlanError
from engine.privacy.accounting import compose_epsilon, gaussian_event
from engine.privacy.noise import NoiseSource, SecureNoise
from engine.privacy.plan import DEFAULT_DELTA
from engine.progress import Progress, ProgressEvent, no_progress
from engine.synthesizers.registry import method_info
from engine.version import __version__

FloatArray = npt.NDArray[np.float64]

CONFIDENCE = 0.999
RUNS = 600
MOST_RUNS = 100_000
CONSISTENT, VIOLATED = "consistent", "violated"
MEASURES = 2
"""Bounds per adversary: on ε and on μ."""

PROGRESS_EVERY = 20
"""Runs between two reports of progress."""


@dataclass(frozen=True)
class Proof:
    """What one adversary proves.

    Args:
        adversary: `white-box` or `black-box`.
        neighbours: name of the pair of tables that the adversaries tell apart best.
        runs: runs per side that the proof rests on, beside those that chose the pair and what to look at.
        epsilon: lower bound on ε at the audit's δ; zero where nothing is proven.
        epsilon_statistic: what the adversary looked at for it.
        mu: lower bound on the μ of the Gaussian that a run is charged as; zero where nothing is proven.
        mu_statistic: what the adversary looked at for it.
        epsilon_of_mu: ε at the audit's δ of a Gaussian of that μ.
    """

    adversary: str
    neighbours: str
    runs: int
    epsilon: float
    epsilon_statistic: str
    mu: float
    mu_statistic: str
    epsilon_of_mu: float


@dataclass(frozen=True)
class AuditResult:
    """What an audit of one method claims to test, and what it proved.

    Args:
        method: name of the method.
        epsilon: what each run claims.
        delta: what each run claims.
        mu: what each run is charged as, in Gaussian DP.
        runs: runs on each side of all pairs of neighbours together.
        confidence: chance that all lower bounds lie below the truth, at least.
        proofs: one per adversary.
        neighbours: title of each pair by its name.
        shortened: settings of a training that the audit changes, by name.
        seconds: how long it took.
        version: of the engine.
    """

    method: str
    epsilon: float
    delta: float
    mu: float
    runs: int
    confidence: float
    proofs: tuple[Proof, ...]
    neighbours: dict[str, str]
    shortened: dict[str, int]
    seconds: float
    version: str

    @property
    def is_violated(self) -> bool:
        """Whether any lower bound lies above what is claimed."""
        return any(proof.epsilon > self.epsilon or proof.mu > self.mu for proof in self.proofs)

    @property
    def verdict(self) -> str:
        """`violated` proves a fault; `consistent` proves nothing but that this audit found none."""
        return VIOLATED if self.is_violated else CONSISTENT

    def to_json(self) -> dict[str, Any]:
        """The result as JSON."""
        return {"verdict": self.verdict, **asdict(self)}


def audit(
    method: str,
    epsilon: float,
    delta: float = DEFAULT_DELTA,
    *,
    runs: int = RUNS,
    confidence: float = CONFIDENCE,
    neighbours: Sequence[Neighbours] | None = None,
    noise_of: Callable[[bool, int], NoiseSource] = lambda present, run: SecureNoise(),
    seed: int | None = None,
    progress: Progress = no_progress,
) -> AuditResult:
    """Fit a method many times with and without a canary, and bound its privacy loss from below.

    Args:
        method: name of a registered method with a guarantee.
        epsilon: what each run claims.
        delta: what each run claims.
        runs: on each side, of all pairs of neighbours together; the more, the closer bounds come to the truth.
        confidence: that all bounds together shall have.
        neighbours: pairs of tables; all of them where None.
        noise_of: makes the source of randomness of a run; one that is not secure is refused.
        seed: of what runs draw beside their noise; None for fresh draws.
        progress: called after some runs; it may raise to stop.

    Raises:
        InputError: the number of runs or the confidence is out of range, or noise could be replayed.
        PlanError: the method is unknown, has no guarantee, or cannot keep such an ε and δ.

    Privacy: reads no private row; all tables are simulated and public.
    """
    pairs = tuple(neighbours) if neighbours is not None else all_neighbours()
    _check(method, runs, confidence, len(pairs))
    started = time.perf_counter()
    games = [Game(method, pair, epsilon, delta, noise_of=noise_of, seed=seed) for pair in pairs]
    proofs = contest(games, runs, confidence, _reporting(progress, method, 2 * runs))
    return AuditResult(
        method=method,
        epsilon=epsilon,
        delta=delta,
        mu=max(game.mu for game in games),
        runs=runs,
        confidence=confidence,
        proofs=proofs,
        neighbours={pair.name: pair.title for pair in pairs},
        shortened=what_is_shortened(method),
        seconds=round(time.perf_counter() - started, 1),
        version=__version__,
    )


def contest(
    games: Sequence[Game], runs: int, confidence: float = CONFIDENCE, after_run: Callable[[], None] = lambda: None
) -> tuple[Proof, ...]:
    """What each adversary proves on the pair of neighbours that both together tell apart best.

    Some runs of every game choose that pair, what to look at and from which number on to guess the canary. Fresh runs
    of the chosen game alone prove. So no bound knows of the choices, and only the four bounds share the error.

    Args:
        games: the same method on each pair of neighbours.
        runs: runs per side, of all games together.
        confidence: that all bounds together have.
        after_run: called after each run; it may raise to stop.
    """
    error = (1.0 - confidence) / (len(ADVERSARIES) * MEASURES)
    explored = int(runs * CHOOSING_SHARE) // len(games)
    judged = runs - explored * len(games)
    seen = [play(game.observe, range(explored), after_run) for game in games]
    guesses = [_guesses(game, sides, error, judged) for game, sides in zip(games, seen, strict=True)]
    best = max(range(len(games)), key=lambda number: sum(mu.promise for _, mu in guesses[number].values()))
    sides = play(games[best].observe, range(explored, explored + judged), after_run)
    return tuple(_prove(name, games[best], sides, *guesses[best][name], error) for name in ADVERSARIES)


Sides = tuple[list[Observation], list[Observation]]


def _guesses(game: Game, sides: Sides, error: float, judged: int) -> dict[str, tuple[Guess, Guess]]:
    """What each adversary would look at to prove an ε, and to prove a μ."""
    losses = (epsilon_of(game.delta), mu_of(game.price.delta_extra))
    guesses = {}
    for name in ADVERSARIES:
        matrices = _matrices(sides, name)
        epsilon, mu = (choose(*matrices, loss, error, judged) for loss in losses)
        guesses[name] = epsilon, mu
    return guesses


def _prove(adversary: str, game: Game, sides: Sides, for_epsilon: Guess, for_mu: Guess, error: float) -> Proof:
    matrices, extra = _matrices(sides, adversary), game.price.delta_extra
    epsilon = max(judge(*matrices, for_epsilon, epsilon_of(game.delta), error), 0.0)
    mu = max(judge(*matrices, for_mu, mu_of(extra), error), 0.0)
    statistics = ADVERSARIES[adversary]
    return Proof(
        adversary=adversary,
        neighbours=game.neighbours.name,
        runs=len(sides[0]),
        epsilon=epsilon,
        epsilon_statistic=statistics[for_epsilon.statistic],
        mu=mu,
        mu_statistic=statistics[for_mu.statistic],
        epsilon_of_mu=epsilon_of_mu(mu, game.delta, extra),
    )


def play(observe: Callable[[bool, int], Observation], runs: range, after_run: Callable[[], None]) -> Sides:
    """What is observed without and with the canary in runs of the given numbers."""
    sides: Sides = ([], [])
    for run in runs:
        for present in (False, True):
            sides[present].append(observe(present, run))
            after_run()
    return sides


def epsilon_of_mu(mu: float, delta: float, delta_extra: float = 0.0) -> float:
    """ε at δ of a Gaussian mechanism that fails with a chance of `delta_extra`; zero where μ is."""
    return compose_epsilon([gaussian_event(mu) | {"delta_extra": delta_extra}], delta) if mu > 0.0 else 0.0


def _matrices(sides: Sides, adversary: str) -> tuple[FloatArray, FloatArray]:
    """Observations of one adversary without and with the canary, each of shape (runs, number of statistics)."""
    without, with_canary = (
        np.array([seen.white_box if adversary == WHITE_BOX else seen.black_box for seen in side]) for side in sides
    )
    return without, with_canary


def _check(method: str, runs: int, confidence: float, pairs: int) -> None:
    if not method_info(method).private:
        raise PlanError(f"the method {method!r} has no privacy guarantee, so there is nothing to audit")
    fewest = FEWEST_RUNS * pairs
    if not fewest <= runs <= MOST_RUNS:
        raise InputError(f"the number of runs is a whole number between {fewest} and {MOST_RUNS:,}")
    if not 0.5 <= confidence < 1.0:
        raise InputError("the confidence is a number from 0.5 to below 1")


def _reporting(progress: Progress, method: str, total: int) -> Callable[[], None]:
    """Tells now and then how many of all runs are done."""
    done = itertools.count(1)

    def report() -> None:
        number = next(done)
        if number % PROGRESS_EVERY == 0:
            progress(ProgressEvent("evaluating", min(number / total, 1.0), f"Auditing {method}: {number:,} runs"))

    return report
