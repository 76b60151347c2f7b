"""The verify page: what a reader is told of a good file, of a changed one, and of one that is none of ours."""

import re

import pytest

from app.settings import Settings
from app.wiring import build
from tests.pages.opening import ROOT, opened, texts
from tests.pages.test_evidence_page import finished

pytestmark = pytest.mark.usefixtures("few_metrics")

PAGE = ROOT / "pages" / "verify.py"
NEVER = re.compile(r"\b(safe|compliant|certified|anonymous)\b", re.IGNORECASE)


@pytest.fixture
def report(studio, owner, sample):
    """A draft of a finished run."""
    return studio.evidence.make(owner, finished(studio, owner, sample).id, final=False)


def given(page, content, name="report.pdf"):
    media = {"pdf": "application/pdf", "zip": "application/zip", "json": "application/json"}[name.rsplit(".")[-1]]
    page.file_uploader(key="verify_file").upload(name, content, media).run()
    assert not page.exception
    return page


def lines(page):
    """The parts that were checked, and whether each is good."""
    html = " ".join(str(element.proto.body) for element in page.get("html"))
    found = re.findall(r'<li class="(good|bad)"><i[^>]*>.</i><b><span class="said">\w+: </span>([^<]*)</b>', html)
    return [(part, state == "good") for state, part in found]


def pdf_of(studio, owner, report):
    return studio.evidence.open_file(owner, report.id, "report.pdf").read()


def test_a_report_of_this_installation(studio, secret, owner, report):
    page = given(opened(PAGE, secret), pdf_of(studio, owner, report))
    assert "**This PDF is as this installation signed it.**" in page.success[0].value
    assert "It is a draft: not for filing." in page.info[0].value
    assert not page.error
    assert not page.warning
    assert len(lines(page)) > 3
    assert all(is_good for _, is_good in lines(page))
    shown = texts(page)
    assert report.document_id in shown
    assert report.statement_fingerprint in [code.value for code in page.code]
    assert not NEVER.search(shown)


def test_its_package_and_its_evidence(studio, secret, owner, report):
    page = given(opened(PAGE, secret), studio.evidence.open_package(owner, report.id).read(), "package.zip")
    assert "**This package is as this installation signed it.**" in page.success[0].value
    evidence = studio.evidence.open_file(owner, report.id, "evidence.json").read()
    page = given(opened(PAGE, secret), evidence, "evidence (1).json")
    assert "**This evidence is as this installation signed it.**" in page.success[0].value


def test_a_changed_byte_names_its_part_and_the_page_warns(studio, secret, owner, report):
    changed = bytearray(pdf_of(studio, owner, report))
    changed[len(changed) // 3] ^= 1
    page = given(opened(PAGE, secret), bytes(changed))
    bad = [part.lower() for part, is_good in lines(page) if not is_good]
    assert bad
    assert "**Do not rely on this PDF.**" in page.error[0].value
    assert bad[0] in page.error[0].value.lower()
    assert not page.success


def test_a_superseded_report_says_which_version_replaced_it(studio, secret, owner, report):
    studio.evidence.make(owner, report.run_id, final=False)
    page = given(opened(PAGE, secret), pdf_of(studio, owner, report))
    assert page.success
    assert "**Superseded.** Version 2 replaced this report" in page.warning[0].value


@pytest.fixture
def elsewhere(tmp_path, redis_url):
    """Another installation, with keys and records of its own."""
    settings = Settings.from_environment({"DATA_DIR": str(tmp_path / "elsewhere"), "REDIS_URL": redis_url})
    built = build(settings, password_rounds=4)
    built.database.migrate()
    built.signing.prepare()
    yield built
    built.close()


def test_a_report_of_another_installation_is_unchanged_but_not_from_here(studio, owner, report, elsewhere, monkeypatch):
    content = pdf_of(studio, owner, report)
    reader = elsewhere.accounts.create_administrator("eve", "eve@example.org", "correct horse battery")
    monkeypatch.setattr("app.ui.session.process_services", lambda: elsewhere)
    page = given(opened(PAGE, elsewhere.accounts.open_session(reader)), content)
    assert "as it was signed, but not by this installation" in page.warning[0].value
    assert not page.success
    assert not page.error
    assert report.statement_fingerprint in [code.value for code in page.code]
    assert [part for part, is_good in lines(page) if not is_good] == ["Origin", "Record of this installation"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("report.pdf", b"%PDF-1.7\n%%EOF\n"),
        ("report.pdf", b"no PDF at all"),
        ("evidence.json", b'{"evidence_version": 1'),
        ("package.zip", b"PK\x03\x04 and no more"),
        ("empty.json", b""),
    ],
)
def test_a_file_that_is_none_of_ours_is_refused_in_words(secret, name, content):
    page = given(opened(PAGE, secret), content, name)
    assert len(page.error) == 1
    assert len(page.error[0].value) > 20
    assert "Traceback" not in page.error[0].value
    assert not page.success
    assert lines(page) == []


def test_a_file_is_checked_once_however_often_the_page_runs(studio, secret, owner, report):
    page = given(opened(PAGE, secret), pdf_of(studio, owner, report))
    page.run()
    page.run()
    assert page.success
    checks = [entry for entry in studio.audit.list(owner) if entry.action == "evidence.verify"]
    assert len(checks) == 1


def test_an_administrator_replaces_the_keys_after_a_promise(studio, secret, owner, report):
    before = studio.signing.signer().identity()["statement_key"]["fingerprint"]
    page = opened(PAGE, secret)
    assert before in [code.value for code in page.code]
    assert page.button(key="verify_rotate_confirm").disabled
    page.checkbox(key="verify_rotate_understood").check().run()
    page.button(key="verify_rotate_confirm").click().run()
    assert not page.exception
    after = studio.signing.signer().identity()["statement_key"]["fingerprint"]
    assert after != before
    assert {before, after} <= {code.value for code in page.code}
    assert "Earlier keys: 1" in [expander.label for expander in page.expander]
    page = given(page, pdf_of(studio, owner, report))
    assert "as this installation signed it" in page.success[0].value


def test_others_cannot_replace_the_keys(studio, stranger):
    page = opened(PAGE, studio.accounts.open_session(stranger))
    assert not page.exception
    assert not page.get("popover")
    assert not [button for button in page.button if "rotate" in (button.key or "")]
