"""The published MST mechanism on the mbi package: the peer of the benchmark, not a part of the product.

Source: McKenna, Miklau, Sheldon (2021), Algorithm 1, with the constants of private-pgm's mechanisms/mst.py:
ρ in thirds, 3σ compression, 5,000 iterations of mirror descent at the end and 1,000 before the selection.
"""

import itertools

import jax

jax.config.update("jax_enable_x64", True)

import dp_accounting  # noqa: E402
import numpy as np  # noqa: E402
from mbi import Dataset, Domain, LinearMeasurement  # noqa: E402
from mbi.estimation import MirrorDescent  # noqa: E402


def zero_concentrated(epsilon, delta):
    """The largest ρ that implies (epsilon, delta), by bisection on RDP."""
    low, high = 0.0, epsilon
    for _ in range(60):
        middle = (low + high) / 2
        accountant = dp_accounting.rdp.RdpAccountant()
        accountant.compose(dp_accounting.dp_event.ZCDpEvent(middle, 0.0))
        low, high = (middle, high) if accountant.get_epsilon(delta) <= epsilon else (low, middle)
    return low


def measure(data, cliques, sigma, rng):
    scale = sigma * np.sqrt(len(cliques))
    answers = {clique: np.asarray(data.project(clique).datavector()) for clique in cliques}
    return [LinearMeasurement(x + rng.normal(0, scale, x.size), clique, scale) for clique, x in answers.items()]


def compression(measurements):
    mapping = {}
    for item in measurements:
        kept = np.asarray(item.noisy_measurement) >= 3 * item.stddev
        if not kept.all():
            mapping[item.clique[0]] = np.where(kept, np.cumsum(kept) - 1, kept.sum()).astype(np.int64)
    return mapping


def select(data, rho, measurements, rng):
    model = MirrorDescent().estimate(data.domain, measurements, iters=1000)
    names = data.domain.attributes
    scores = {
        pair: np.abs(np.asarray(data.project(pair).datavector()) - np.asarray(model.project(pair).datavector())).sum()
        for pair in itertools.combinations(names, 2)
    }
    epsilon = np.sqrt(8 * rho / (len(names) - 1))
    part = {name: name for name in names}
    edges = []
    while len(edges) < len(names) - 1:
        open_pairs = [pair for pair in scores if part[pair[0]] != part[pair[1]]]
        weights = np.array([scores[pair] for pair in open_pairs]) * epsilon / 2
        weights = np.exp(weights - weights.max())
        edge = open_pairs[rng.choice(len(open_pairs), p=weights / weights.sum())]
        edges.append(edge)
        joined, kept = part[edge[1]], part[edge[0]]
        part = {name: kept if value == joined else value for name, value in part.items()}
    return edges


def mst(codes, sizes, epsilon, delta, rng):
    """Synthetic cells, one array per column name."""
    names = [str(column) for column in range(len(sizes))]
    data = Dataset(dict(zip(names, codes, strict=True)), Domain(names, sizes))
    rho = zero_concentrated(epsilon, delta)
    sigma = np.sqrt(3 / (2 * rho))
    one_ways = measure(data, [(name,) for name in names], sigma, rng)
    mapping = compression(one_ways)
    compressed = data.compress(mapping)
    one_ways = [item.compress(mapping, data.domain) for item in one_ways]
    edges = select(compressed, rho / 3, one_ways, rng)
    pairs = measure(compressed, edges, sigma, rng)
    model = MirrorDescent().estimate(compressed.domain, one_ways + pairs, iters=5000)
    synthetic = model.synthetic_data().decompress(mapping)
    return [np.asarray(synthetic.to_dict()[name], dtype=np.int32) for name in names]
