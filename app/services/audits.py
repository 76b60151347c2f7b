"""The recorded audit of the installed version, for everyone who is signed in: it holds nothing private."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from engine.audit.recorded import recorded_audits
from engine.synthesizers.registry import method_info
from engine.version import __version__


@dataclass(frozen=True)
class ProofView:
    """What one adversary proved.

    Args:
        adversary: `white-box` or `black-box`.
        neighbours: what was added to the table, as a phrase.
        runs: runs on each side that the proof rests on.
        epsilon: the method loses at least this ε, whatever its mechanism.
        mu: it is at least this μ, if what it releases is covered by a Gaussian, as it claims.
        epsilon_of_mu: ε of a Gaussian of that μ.
    """

    adversary: str
    neighbours: str
    runs: int
    epsilon: float
    mu: float
    epsilon_of_mu: float


@dataclass(frozen=True)
class AuditView:
    """The audit of one method at one ε.

    Args:
        method: name of the method.
        title: name to show.
        epsilon: what every run claimed.
        delta: what every run claimed.
        mu: what every run was charged as.
        runs: runs on each side, of all pairs of tables together.
        confidence: chance that all lower bounds lie below the truth, at least.
        verdict: `consistent` or `violated`.
        shortened: settings of a training that the audit changed, by name.
        proofs: one per adversary.
    """

    method: str
    title: str
    epsilon: float
    delta: float
    mu: float
    runs: int
    confidence: float
    verdict: str
    shortened: dict[str, int]
    proofs: tuple[ProofView, ...]

    def proof(self, adversary: str) -> ProofView:
        """What an adversary proved."""
        return next(proof for proof in self.proofs if proof.adversary == adversary)


@dataclass(frozen=True)
class AuditsView:
    """The recorded audits.

    Args:
        version: that was audited.
        installed_version: that runs here.
        recorded_on: date, as ISO 8601.
        code_changed: whether what decides about privacy is other code than was audited.
        neighbours: what was added to the tables, as phrases.
        audits: one per method and ε.
    """

    version: str
    installed_version: str
    recorded_on: str
    code_changed: bool
    neighbours: tuple[str, ...]
    audits: tuple[AuditView, ...]


@cache
def recorded() -> AuditsView:
    """The audits of the package; its code is compared once per process."""
    found = recorded_audits()
    titles = {name: title for audit in found.audits for name, title in audit["neighbours"].items()}
    return AuditsView(
        version=found.version,
        installed_version=__version__,
        recorded_on=found.recorded_on,
        code_changed=found.code_changed,
        neighbours=tuple(titles.values()),
        audits=tuple(
            AuditView(
                method=audit["method"],
                title=method_info(audit["method"]).title,
                **{key: audit[key] for key in ("epsilon", "delta", "mu", "runs", "confidence", "verdict", "shortened")},
                proofs=tuple(
                    ProofView(
                        neighbours=titles[proof["neighbours"]],
                        **{key: proof[key] for key in ("adversary", "runs", "epsilon", "mu", "epsilon_of_mu")},
                    )
                    for proof in audit["proofs"]
                ),
            )
            for audit in found.audits
        ),
    )
