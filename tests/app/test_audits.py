"""The recorded audits as the application hands them out."""

import pytest
from starlette.testclient import TestClient

from app.api import create_api
from app.services import audits
from engine.audit.recorded import recorded_audits
from engine.version import __version__


def test_the_view_is_what_is_recorded():
    view, found = audits.recorded(), recorded_audits()
    assert (view.version, view.installed_version) == (found.version, __version__)
    assert (view.recorded_on, view.code_changed) == (found.recorded_on, found.code_changed)
    assert [(audit.method, audit.epsilon) for audit in view.audits] == [
        (audit["method"], audit["epsilon"]) for audit in found.audits
    ]
    first, proofs = view.audits[0], found.audits[0]["proofs"]
    assert first.title == "Adaptive marginals (AIM)"
    for proof in proofs:
        assert first.proof(proof["adversary"]).mu == proof["mu"]
        assert first.proof(proof["adversary"]).neighbours in view.neighbours


def test_an_adversary_that_did_not_play_has_no_proof():
    with pytest.raises(StopIteration):
        audits.recorded().audits[0].proof("grey-box")


def test_the_route(services, owner):
    secret = services.accounts.create_token(owner, "test")[1]
    with TestClient(create_api(services)) as client:
        answer = client.get("/audits", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"version", "installed_version", "recorded_on", "code_changed", "neighbours", "audits"}
    assert len(body["audits"]) == len(recorded_audits().audits)
    assert {proof["adversary"] for proof in body["audits"][0]["proofs"]} == {"white-box", "black-box"}
