"""The published AIM mechanism on the mbi package: the peer of the benchmark, not a part of the product.

Source: McKenna, Mullins, Sheldon, Miklau (2022), Algorithms 2 to 4, with the constants of private-pgm's
mechanisms/aim.py: zero-concentrated DP, a tenth for selection, all pairs as workload, a model of at most 80 MB that
grows with the budget used, and 1,000 iterations of mirror descent in each round, from the last round's model.
"""

import itertools

import jax

jax.config.update("jax_enable_x64", True)

import numpy as np  # noqa: E402
from mbi import Dataset, Domain, LinearMeasurement  # noqa: E402
from mbi.estimation import MirrorDescent  # noqa: E402
from mbi.junction_tree import hypothetical_model_size  # noqa: E402

from tests.bench.peer_mst import zero_concentrated  # noqa: E402

SELECTION_SHARE = 0.1
ITERATIONS = 1000
LARGEST_MODEL_MB = 80.0


class Aim:
    """One run: what was measured, what is left, and the noise of the next round.

    Args:
        data: cells.
        rho: budget in zero-concentrated DP.
        rounds: how many rounds the first noise scale is made for.
        rng: generator of all noise.
    """

    def __init__(self, data, rho, rounds, rng):
        self.data, self.rho, self.rng = data, rho, rng
        names = data.domain.attributes
        self.workload = list(itertools.combinations(names, 2))
        self.weights = {
            candidate: sum(len({*candidate} & {*pair}) for pair in self.workload)
            for candidate in [*((name,) for name in names), *self.workload]
        }
        self.answers = {candidate: vector(data, candidate) for candidate in self.weights}
        self.sigma = np.sqrt(rounds / (2 * (1 - SELECTION_SHARE) * rho))
        self.epsilon = np.sqrt(8 * SELECTION_SHARE * rho / rounds)
        self.used = 0.0
        self.measurements = []

    def measure(self, clique):
        """Noisy counts of a clique."""
        exact = self.answers[clique]
        self.used += 0.5 / self.sigma**2
        noisy = exact + self.rng.normal(0, self.sigma, exact.size)
        self.measurements.append(LinearMeasurement(noisy, clique, self.sigma))

    def estimate(self, model=None):
        """A model of all measurements, begun from the last one."""
        return MirrorDescent().estimate(self.data.domain, self.measurements, iters=ITERATIONS, warm_start=model)

    def fitting(self, model):
        """Candidates that leave the model within the part of its size that the budget used so far allows."""
        known = {part for clique in model.cliques for n in (1, 2) for part in itertools.combinations(clique, n)}
        largest = LARGEST_MODEL_MB * self.used / self.rho
        cliques = list(model.cliques)
        return [
            candidate
            for candidate in self.weights
            if candidate in known or hypothetical_model_size(self.data.domain, [*cliques, candidate]) <= largest
        ]

    def select(self, model):
        """The candidate that the model explains worst, by the exponential mechanism."""
        self.used += self.epsilon**2 / 8
        candidates = self.fitting(model)
        weights = np.array([self.weights[candidate] for candidate in candidates])
        errors = np.array([np.abs(self.answers[c] - vector(model, c)).sum() - self.bias(c) for c in candidates])
        logits = self.epsilon / (2 * weights.max()) * weights * errors
        return candidates[int(np.argmax(logits + self.rng.gumbel(size=logits.size)))]

    def bias(self, clique):
        """L1 error that noise alone gives a clique's counts."""
        return np.sqrt(2 / np.pi) * self.sigma * self.answers[clique].size

    def prepare_last_round(self):
        """Whether what is left pays for one round more, which then gets all of it."""
        left = self.rho - self.used
        if left >= 2 * (0.5 / self.sigma**2 + self.epsilon**2 / 8):
            return False
        self.sigma = np.sqrt(1 / (2 * (1 - SELECTION_SHARE) * left))
        self.epsilon = np.sqrt(8 * SELECTION_SHARE * left)
        return True

    def run(self):
        """Measure every column, then round by round what the model explains worst."""
        for name in self.data.domain.attributes:
            self.measure((name,))
        model = self.estimate()
        last = False
        while not last:
            last = self.prepare_last_round()
            clique = self.select(model)
            before = vector(model, clique)
            self.measure(clique)
            model = self.estimate(model)
            if np.abs(vector(model, clique) - before).sum() <= self.bias(clique):
                self.sigma, self.epsilon = self.sigma / 2, self.epsilon * 2
        return self.estimate(model)


def vector(projectable, clique):
    """Counts of a clique's cells, flat.

    Each round has another set of cliques, so compiling a program per candidate takes twice as long as it saves, and
    after a few rounds the process dies of its compiled programs. Without, the peer is at its fastest.
    """
    with jax.disable_jit():
        return np.asarray(projectable.project(clique).datavector())


def aim(codes, sizes, epsilon, delta, rounds, rng):
    """Synthetic cells, one array per column, and the number of measurements."""
    names = [f"{column:03d}" for column in range(len(sizes))]
    data = Dataset(dict(zip(names, codes, strict=True)), Domain(names, sizes))
    run = Aim(data, zero_concentrated(epsilon, delta), rounds, rng)
    synthetic = run.run().synthetic_data().to_dict()
    return [np.asarray(synthetic[name], dtype=np.int32) for name in names], len(run.measurements)
