"""Seeded audits: a game that passes once always passes."""

from engine.audit.audit import audit, contest
from engine.audit.game import Game
from engine.audit.neighbours import neighbours_named
from engine.audit.watched_table import WatchedTable
from tests.noise_sources import SeededNoiseThatPassesAsSecure


def seeded_noise(present, run):
    return SeededNoiseThatPassesAsSecure(2 * run + present)


def seeded_audit(method, epsilon, runs, **options):
    return audit(method, epsilon, runs=runs, noise_of=seeded_noise, seed=1, **options)


def seeded_game(method, epsilon, pair="unseen", door=WatchedTable, synthesizer=None):
    """Runs of a contender on one pair of neighbours."""
    (neighbours,) = neighbours_named(pair)
    return Game(method, neighbours, epsilon, door=door, synthesizer=synthesizer, noise_of=seeded_noise, seed=1)


def proven(game, runs):
    """What each adversary proves, by its name."""
    return {proof.adversary: proof for proof in contest([game], runs)}
