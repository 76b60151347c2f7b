"""Gaussian differential privacy: the currency in which every mechanism here is charged.

A mechanism is μ-GDP if telling two neighbouring tables apart from its output is never easier than telling
N(0, 1) from N(μ, 1). Costs add as μ², also when later mechanisms are chosen after seeing earlier outputs.

Source: Dong, Roth, Su, "Gaussian Differential Privacy" (2022), Corollary 3.3; for adaptively chosen costs,
Smith and Thakurta, "Fully Adaptive Composition for Gaussian Differential Privacy" (2022).

**The exponential mechanism is μ-GDP with μ = 2 Φ⁻¹(σ(ε/2))**, σ the logistic function, for selection
probabilities proportional to exp(ε q / (2 Δ)) where Δ bounds the change of every score q. Proof:

1. Its privacy loss between neighbours lies in [t - ε, t] for some t in [0, ε] (bounded range: Dong, Durfee,
   Rogers, "Optimal Differential Privacy Composition for Exponential Mechanisms" (2020), Lemma 4.2).
2. A trade-off function f is convex with f(0) ≤ 1 and f(1) = 0. Losses in [t - ε, t] bound its slopes, so
   f(α) ≥ g(α) = max(1 - eᵗ α, e^(t-ε) (1 - α)), which is the trade-off function of one binary answer with
   these two losses: P(yes) = p, Q(yes) = q, logit p - logit q = ε. Its one vertex is (1 - p, q) up to symmetry.
3. The trade-off function of N(0, 1) against N(μ, 1) with μ = Φ⁻¹(p) - Φ⁻¹(q) passes through that vertex and
   through (0, 1) and (1, 0). It is convex, so it lies below the chords between them, that is below g ≤ f.
4. It remains to take the worst t. With h = Φ⁻¹ ∘ σ and logit p = x + ε/2, logit q = x - ε/2, μ is
   h(x + ε/2) - h(x - ε/2). h is odd, so the maximum is at x = 0 if h' falls on u > 0. Write z = h(u);
   then h' = Φ(z) Φ(-z) / φ(z), and its derivative in z has the sign of z (1 - a²)/4 - φ(z) a, where
   a = 2 Φ(z) - 1. Let k(z) = 4 φ a - z (1 - a²). Then k(0) = 0, k tends to 0, and k' = 8 φ² - (1 - a²) with
   k'(0) = 4/π - 1 > 0 and k'' = 4 φ (a - 4 z φ), whose bracket starts at 0, first falls and then rises
   (its derivative is φ (4 z² - 2)) to 1. So k' falls, then rises to its limit 0 from below: it is positive,
   then negative. Hence k rises, then falls to 0, so k > 0 on z > 0, and h' falls. ∎

The tests check steps 3 and 4 numerically on a grid.
"""

from __future__ import annotations

import math

from scipy.special import expit, logit, ndtr, ndtri


def exponential_mechanism_mu(epsilon: float) -> float:
    """μ of one draw of the exponential mechanism with weights exp(epsilon · score / (2 · sensitivity))."""
    return float(2.0 * ndtri(expit(epsilon / 2.0)))


def exponential_mechanism_epsilon(mu: float) -> float:
    """The inverse of `exponential_mechanism_mu`."""
    return float(2.0 * logit(ndtr(mu / 2.0)))


def delta_of_mu(mu: float, epsilon: float) -> float:
    """The smallest δ for which μ-GDP implies (ε, δ)-DP.

    Source: Balle and Wang, "Improving the Gaussian Mechanism" (2018), Theorem 8, with μ = sensitivity/σ.
    """
    if mu <= 0.0:
        return 0.0
    return float(ndtr(mu / 2.0 - epsilon / mu) - math.exp(epsilon) * ndtr(-mu / 2.0 - epsilon / mu))
