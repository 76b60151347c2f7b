"""Evidence of real runs on a simulated table, for tests of what reports are made of it."""

import copy
from functools import cache

from app.reporting.evidence import (
    DRAFT,
    INTERNAL_EDITION,
    RELEASABLE_EDITION,
    Evidence,
)
from engine.audit.recorded import recorded_audits
from engine.certificate import recompute
from engine.evaluation.context import Claim
from engine.evaluation.evaluate import evaluate
from engine.evaluation.privacy_metrics import PRIVACY_METRICS
from engine.evidence.names import EVIDENCE_VERSION
from engine.pipeline import synthesize
from engine.privacy.guarantee import NOT_GUARANTEED
from tests.tables import SMALL_SCHEMA, small_plan, small_table

OWNER = "ada"
FRAMEWORKS = ["nist-800-226", "gdpr", "hipaa", "ccpa", "soc2", "eu-ai-act"]
SIGNING = {
    "statement_key": {"algorithm": "Ed25519", "fingerprint": "5e" * 32, "public_key": "A" * 43 + "="},
    "document_key": {
        "algorithm": "ECDSA P-256",
        "fingerprint": "d0" * 32,
        "subject": "Synthetic Data Studio",
        "not_before": "2026-01-01T00:00:00+00:00",
        "not_after": "2029-01-01T00:00:00+00:00",
        "source": "made by this installation",
    },
}


@cache
def _run(method):
    is_charged = method == "mst"
    choices = {"epsilon": 2.0, "evaluation_share": 0.2} if is_charged else {}
    plan = small_plan(method, declared_rows=400, target="smoker", **choices)
    holdout = small_table(200, seed=1) if is_charged else None
    made = synthesize(small_table(), plan, holdout=holdout, sample_seed=5)
    return made.certificate, made.released_report, made.synthetic


@cache
def _evaluation(method):
    certificate, _, synthetic = _run(method)
    return evaluate(
        small_table(), small_table(200, seed=1), synthetic, SMALL_SCHEMA, target="smoker", claim=Claim.of(certificate)
    )


def evidence(method="mst", *, status=DRAFT, edition=RELEASABLE_EDITION, answers=None, frameworks=FRAMEWORKS):
    """The evidence of a run: `mst` and other methods with a guarantee, or `gaussian-copula`, which has none."""
    certificate, released, _ = copy.deepcopy(_run(method))
    is_protected = certificate["guarantee"] != NOT_GUARANTEED
    epsilon = certificate["privacy"]["charged_epsilon"]
    agreed = recompute(certificate)
    recorded = recorded_audits()
    return Evidence(
        {
            "evidence_version": EVIDENCE_VERSION,
            "document": {
                "id": "6f1c2a34-0000-4000-8000-000000000001",
                "version": 2,
                "status": status,
                "edition": edition if is_protected else INTERNAL_EDITION,
                "created": "2026-11-28T10:00:00+00:00",
                "generator": {"name": "Synthetic Data Studio", "version": "0.1.0"},
                "supersedes": {"id": "6f1c2a34-0000-4000-8000-000000000000", "version": 1},
                "frameworks": list(frameworks),
            },
            "signing": SIGNING,
            "dataset": {
                "id": "d" * 32,
                "name": "Visits",
                "owner": OWNER,
                "declared_rows": 400,
                "schema_confirmed_at": "2026-11-01T09:00:00+00:00",
                "is_sample": False,
            },
            "private_file": {"algorithm": "HMAC-SHA256", "commitment": "c0" * 32},
            "run": {
                "id": "e" * 32,
                "user": OWNER,
                "requested_at": "2026-11-02T09:00:00+00:00",
                "finished_at": "2026-11-02T09:01:00+00:00",
                "target": "smoker",
                "holdout_share": 0.2,
                "note": None,
                "attacks": [info.name for info in PRIVACY_METRICS],
                "release": {"state": "open" if is_protected else "never", "outcomes": [], "override": None},
            },
            "synthetic_files": [
                {"name": "synthetic.csv", "media_type": "text/csv", "size_bytes": 9000, "sha256": "ab" * 32},
            ],
            "certificate": certificate,
            "recomputed": {key: agreed[key] for key in ("epsilon", "delta", "agrees")},
            "ledger": {
                "epsilon_cap": 5.0,
                "delta": 1e-6,
                "epsilon_spent": epsilon,
                "epsilon_reserved": 0.0,
                "epsilon_left": 5.0 - epsilon,
                "sum_of_epsilons": epsilon,
                "entries": [
                    {
                        "id": "1" * 32,
                        "run_id": "e" * 32,
                        "user": OWNER,
                        "state": "committed",
                        "guarantee": certificate["guarantee"],
                        "epsilon": epsilon,
                        "delta": certificate["privacy"]["delta"],
                        "event": certificate["envelope"],
                        "created_at": "2026-11-02T09:00:00+00:00",
                        "purpose": "synthesis",
                    }
                ],
            }
            if is_protected
            else None,
            "audit_log": {"entries": 41, "head": "fe" * 32},
            "access": {
                "storage": "a folder of the installation",
                "session_days": 7,
                "lockout_attempts": 5,
                "lockout_minutes": 15,
                "raw_rows_kept": True,
                "who_sees_rows": "the owner of the dataset, and whoever administers the machine",
            },
            "released_report": released,
            "evaluation": copy.deepcopy(_evaluation(method))
            if edition == INTERNAL_EDITION or not is_protected
            else None,
            "method_audits": {
                "version": recorded.version,
                "recorded_on": recorded.recorded_on,
                "code_changed": certificate["generator"]["code_sha256"] != recorded.code_sha256,
                "audits": [audit for audit in recorded.audits if audit["method"] == method],
            },
            "declarations": None
            if answers is None
            else {"version": 3, "declared_by": OWNER, "declared_at": "2026-11-20T09:00:00+00:00", "values": answers},
        }
    )
