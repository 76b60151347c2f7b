"""The audit log's page: own lines and all lines, filters, paging, the check of the chain, and an erasure."""

import re

import pytest

from app.ui import audit_view
from tests.pages.opening import ROOT, opened, texts

PAGE = ROOT / "pages" / "audit.py"


@pytest.fixture
def theirs(studio, stranger):
    studio.audit.record(stranger, "run.cancel", "run", "e" * 32, epsilon=0.25)
    return studio.accounts.open_session(stranger)


def tables(page):
    return " ".join(element.proto.body for element in page.get("html") if "<table" in element.proto.body)


def shown(page):
    return re.findall(r"<strong>([\w.]+)</strong>", tables(page))


def test_others_see_their_own_lines_only(studio, owner, theirs):
    studio.audit.record(owner, "dataset.rename", "dataset", "d" * 32)
    page = opened(PAGE, theirs)
    assert not page.exception
    assert shown(page) == ["run.cancel"]
    assert "epsilon 0.25" in tables(page)
    assert "owner" not in tables(page)
    assert not [box for box in page.selectbox if box.label == "User"]
    assert "Erase" not in [button.label for button in page.button]


def test_an_administrator_sees_all_lines_and_filters_them(studio, secret, owner, theirs):
    studio.audit.record(owner, "run.done", "run", "e" * 32)
    page = opened(PAGE, secret)
    assert {"run.done", "run.cancel", "user.create"} <= set(shown(page))
    page.selectbox(key="audit_action").select("run").run()
    assert shown(page) == ["run.done", "run.cancel"]
    page.selectbox(key="audit_user").select("stranger").run()
    assert shown(page) == ["run.cancel"]
    page.text_input(key="audit_object").set_value("d" * 32).run()
    assert "No lines are like that." in texts(page)


def test_a_link_may_name_the_object(studio, secret, theirs):
    page = opened(PAGE, secret, object="e" * 32)
    assert page.text_input(key="audit_object").value == "e" * 32
    assert shown(page) == ["run.cancel"]


def test_older_lines_follow_page_by_page(studio, secret, owner, monkeypatch):
    monkeypatch.setattr(audit_view, "LINES_AT_ONCE", 10)
    for number in range(12):
        studio.audit.record(owner, f"step.{number}", "run", None)
    page = opened(PAGE, secret)
    assert shown(page) == [f"step.{number}" for number in range(11, 1, -1)]
    page.button(key="audit_older").click().run()
    assert shown(page)[:2] == ["step.1", "step.0"]
    assert not [button for button in page.button if button.key == "audit_older"]
    page.button(key="audit_newest").click().run()
    assert shown(page)[0] == "step.11"


def test_what_was_typed_stays_text(studio, secret, owner):
    studio.audit.record(owner, "release.override", "run", None, reason="<script>alert(1)</script> **bold**")
    page = opened(PAGE, secret)
    assert "<script>" not in tables(page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; **bold**" in tables(page)


def test_a_whole_chain_is_told_with_its_head(studio, theirs):
    page = opened(PAGE, theirs)
    page.button(key="audit_check").click().run()
    assert "The chain is whole." in page.success[0].value
    assert studio.audit.head()["head"] in [block.value for block in page.code]


def test_a_changed_line_is_named(studio, secret, owner, theirs):
    line = next(entry for entry in studio.audit.list(owner) if entry.action == "run.cancel")
    with studio.database.engine.execution_options(writes=True).begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_entries_update")
        connection.exec_driver_sql(f"UPDATE audit_entries SET detail = '{{}}' WHERE sequence = {line.sequence}")
    page = opened(PAGE, secret)
    page.button(key="audit_check").click().run()
    assert "The log was changed" in page.error[0].value
    assert f"Entry {line.sequence} (id {line.id}) was altered after it was written." in tables(page)


def test_an_erasure_wants_a_confirmation_and_shows(studio, secret, stranger, theirs):
    page = opened(PAGE, secret)
    page.selectbox(key="audit_erase_user").select(stranger.id).run()
    assert page.button(key="audit_erase").disabled
    page.checkbox(key="audit_erase_sure").check().run()
    page.button(key="audit_erase").click().run()
    assert not page.exception
    assert "erased</span>" in tables(page)
    assert shown(page)[0] == "audit.erase"
    page.button(key="audit_check").click().run()
    assert "The chain is whole." in page.success[0].value
    assert "of 1 line were erased" in texts(page)


def test_the_account_page_leads_here(secret):
    page = opened(ROOT / "pages" / "account.py", secret)
    assert "Audit log" in [link.proto.label for link in page.get("page_link")]
