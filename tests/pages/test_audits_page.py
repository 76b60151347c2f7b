"""The page of the recorded audits."""

from dataclasses import replace

import pytest

from app.services import audits
from engine.audit.recorded import recorded_audits
from tests.pages.opening import ROOT, opened, texts

PAGE = ROOT / "pages" / "audits.py"


def test_every_audit_is_shown(studio, secret):
    page = opened(PAGE, secret)
    assert not page.exception
    assert not page.error
    (table,) = page.dataframe
    shown = table.value
    found = recorded_audits().audits
    assert list(shown["Method"]) == [audit["method"] for audit in found]
    for row, audit in zip(shown.to_dict("records"), found, strict=True):
        white_box, black_box = audit["proofs"]
        assert row["Claimed ε"] == f"{audit['epsilon']:g}"
        assert row["ε ≥, white-box"] == f"{white_box['epsilon_of_mu']:.2f}"
        assert row["ε ≥, black-box"] == f"{black_box['epsilon_of_mu']:.2f}"
        assert row["Verdict"] == "consistent"
    said = texts(page)
    assert "No audit proved more than its method claims" in said
    assert "One **below** proves nothing good" in said
    assert f"audited on {recorded_audits().recorded_on}" in said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"code_changed": False}, "is still the one that was audited"),
        ({"code_changed": True}, "was changed since"),
        ({"installed_version": "9.9.9"}, "This is version 9.9.9, so these figures are of an older one"),
    ],
)
def test_the_age_of_the_figures_is_said(studio, secret, monkeypatch, change, words):
    found = replace(audits.recorded(), **change)
    monkeypatch.setattr(audits, "recorded", lambda: found)
    assert words in texts(opened(PAGE, secret))


def test_a_violation_is_an_alarm(studio, secret, monkeypatch):
    found = audits.recorded()
    broken = replace(found.audits[0], verdict="violated")
    monkeypatch.setattr(audits, "recorded", lambda: replace(found, audits=(broken, *found.audits[1:])))
    page = opened(PAGE, secret)
    assert [error.value for error in page.error] == [
        f"**{broken.title}** lost more than ε = 1, which it claimed: do not use it."
    ]
    assert "No audit proved more" not in texts(page)
