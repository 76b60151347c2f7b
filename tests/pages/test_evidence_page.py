"""The evidence page: nothing that is typed is lost, and what is missing for a final report is named."""

import re

import pytest

from app.reporting.frameworks.catalogue import missing, questions_of
from app.services.evidence_views import EvidenceView
from tests.app.answers import answers_to
from tests.pages.opening import ROOT, opened, texts
from tests.pages.test_unprotected_pages import A_NUMBER, everything
from workers.jobs import do_run

pytestmark = pytest.mark.usefixtures("few_metrics")

PAGE = ROOT / "pages" / "evidence.py"
CLOSER = {"metric": "closest-record", "measure": "share-closer-to-training", "limit": 0.0}


def finished(studio, owner, sample, **choices):
    plan = studio.plans.draft_plan(owner, sample.id, **({"method": "independent", "n_rows": 200} | choices))
    run = studio.runs.submit(owner, sample.id, plan)
    do_run(studio, run.id)
    return studio.runs.get(owner, run.id)


@pytest.fixture
def run(studio, owner, sample):
    """A finished run whose release is open."""
    return finished(studio, owner, sample)


@pytest.fixture
def page(secret, run):
    """The evidence page of that run."""
    return opened(PAGE, secret, run=run.id)


def show(page, part):
    page.segmented_control(key="evidence_part").set_value(part).run()
    assert not page.exception
    return page


def show_group(page, group):
    return page.pills(key="evidence_group").set_value(group).run()


def choose(page, *frameworks):
    show(page, "frameworks")
    for name in frameworks:
        box = next(box for box in page.checkbox if box.key.endswith(f"_{name}"))
        box.set_value(not box.value).run()
    return page


def field(page, question):
    """The field of a question, whatever its kind."""
    widgets = [*page.text_area, *page.text_input, *page.date_input, *page.selectbox, *page.multiselect]
    return next(widget for widget in widgets if re.fullmatch(rf"evidence_answer_\d+_{question}", widget.key or ""))


def write(page, **answers):
    for name, answer in answers.items():
        field(page, name.replace("_", "-")).set_value(answer).run()
    return page


def save(page):
    return page.button(key="evidence_save_answers").click().run()


def badges(page):
    """The words in badges, without their icons."""
    found = [re.fullmatch(r":\w+-badge\[:material/\w+: (.*)\]", text.value) for text in page.markdown]
    return [match[1] for match in found if match]


def actions(studio, owner):
    return [entry.action for entry in studio.audit.list(owner)]


def is_offered(page, edition="releasable", status="final"):
    return not page.button(key=f"evidence_make_{edition}_{status}").disabled


def test_answers_are_saved_as_a_version_with_whoever_saved_them(studio, owner, sample, page):
    choose(page, "gdpr")
    show(page, "answers")
    count = len(questions_of(["gdpr"]))
    assert [bar.proto.text for bar in page.get("progress")] == [
        f"0 of {count} answered · {len(missing(['gdpr'], {}))} more needed for a final report"
    ]
    write(page, purpose="Teaching", decision_date="2027-03-01")
    show_group(page, "gdpr")
    write(page, gdpr_model="Only synthetic rows leave")
    assert "3 answers not saved yet · other frameworks chosen" in texts(page)
    save(page)
    saved = studio.declarations.current(owner, sample.id)
    assert saved.version == 1
    assert saved.frameworks == ("gdpr",)
    assert saved.values == {
        "purpose": "Teaching",
        "decision-date": "2027-03-01",
        "gdpr-model": "Only synthetic rows leave",
    }
    assert "Version 1, saved by owner" in texts(page)
    assert page.button(key="evidence_save_answers").disabled


def test_every_kind_of_answer_comes_back_as_it_was_saved(studio, secret, owner, sample, run):
    columns = ["age", "region"]
    everything_asked = ["hipaa", "ccpa"]
    answers = answers_to(everything_asked, columns=columns)
    studio.declarations.save(owner, sample.id, everything_asked, answers, 0)
    page = show(opened(PAGE, secret, run=run.id), "answers")
    assert field(page, "purpose").value == answers["purpose"]
    assert field(page, "decision-date").value.isoformat() == answers["decision-date"]
    show_group(page, "hipaa")
    assert field(page, "hipaa-path").value == answers["hipaa-path"]
    assert field(page, "hipaa-columns-names").value == columns
    assert field(page, "hipaa-columns-names").options == list(sample.columns)
    show_group(page, "ccpa")
    assert field(page, "ccpa-commitment").value == answers["ccpa-commitment"]
    assert page.button(key="evidence_save_answers").disabled


def test_a_refused_answer_stays_where_it_was_typed(studio, owner, sample, page):
    show(page, "answers")
    claim = "The table is fully anonymous."
    write(page, purpose=claim, contact="ada@example.org")
    save(page)
    assert "is a claim that no evidence supports" in page.error[0].value
    assert studio.declarations.current(owner, sample.id).version == 0
    assert field(page, "purpose").value == claim
    write(page, purpose="Teaching")
    save(page)
    assert not page.error
    assert studio.declarations.current(owner, sample.id).values == {"purpose": "Teaching", "contact": "ada@example.org"}


def test_what_is_typed_outlives_other_parts_groups_frameworks_and_pages(page, run):
    choose(page, "gdpr")
    show(page, "answers")
    write(page, purpose="Teaching")
    show_group(page, "gdpr")
    write(page, gdpr_controller="The clinic")
    choose(page, "gdpr")
    show(page, "answers")
    assert "gdpr" not in page.pills(key="evidence_group").options
    assert field(page, "purpose").value == "Teaching"
    page.switch_page("../pages/runs.py").run()
    page.switch_page("../pages/evidence.py")
    page.query_params["run"] = run.id
    page.run()
    choose(page, "gdpr")
    show(page, "answers")
    assert field(page, "purpose").value == "Teaching"
    show_group(page, "gdpr")
    assert field(page, "gdpr-controller").value == "The clinic"


def test_a_version_saved_elsewhere_is_met_without_losing_either(studio, owner, sample, page):
    show(page, "answers")
    write(page, purpose="Mine", contact="ada")
    studio.declarations.save(owner, sample.id, ["soc2"], {"purpose": "Theirs", "retention": "A year"}, 0)
    save(page)
    assert studio.declarations.current(owner, sample.id).version == 1, "the other version was overwritten"
    assert "Version 1 was saved elsewhere while you were typing" in page.warning[0].value
    assert "On 1 question it says something else" in page.warning[0].value
    assert field(page, "purpose").value == "Mine"
    assert field(page, "retention").value == "A year"
    assert "Theirs" in [text.value for text in page.text]
    page.button(key="evidence_take_purpose").click().run()
    assert field(page, "purpose").value == "Theirs"
    save(page)
    saved = studio.declarations.current(owner, sample.id)
    assert (saved.version, saved.frameworks) == (2, ("soc2",))
    assert saved.values == {"purpose": "Theirs", "retention": "A year", "contact": "ada"}
    assert not page.warning


def test_questions_say_who_answers_and_whether_a_final_report_waits(page):
    choose(page, "hipaa")
    show(page, "answers")
    headers = [header.value for header in page.subheader]
    assert headers == ["For the data owner", "For the privacy officer", "For the expert"]
    assert "needed" in field(page, "purpose").label
    assert "optional" in field(page, "expert").label
    write(page, purpose="Teaching")
    assert "needed" not in field(page, "purpose").label
    show_group(page, "hipaa")
    assert "optional" in field(page, "hipaa-checked-by").label
    write(page, hipaa_path="Safe Harbor, 164.514(b)(2)")
    assert "needed" in field(page, "hipaa-checked-by").label


def test_a_final_report_waits_for_every_answer_and_names_what_is_missing(studio, secret, owner, sample, run):
    answers = answers_to(["ccpa"])
    for name in ("purpose", "ccpa-contract"):
        answers.pop(name)
    studio.declarations.save(owner, sample.id, ["ccpa"], answers, 0)
    page = show(opened(PAGE, secret, run=run.id), "reports")
    assert not is_offered(page)
    assert is_offered(page, status="draft")
    shown = texts(page)
    assert "2 answers are missing" in shown
    assert "- Purpose of the synthesis :gray[(the data owner)]" in shown
    assert "- (3) Contract that binds the recipients :gray[(the data owner)]" in shown
    write(show(page, "answers"), purpose="Teaching")
    show_group(page, "ccpa")
    write(page, ccpa_contract="Of 2027")
    show(page, "reports")
    assert is_offered(page), "answers that are typed count, since they are saved first"


def test_reports_are_made_in_versions_and_nothing_is_read_before_it_is_asked_for(studio, secret, owner, sample, run):
    studio.declarations.save(owner, sample.id, [], answers_to([]), 0)
    page = show(opened(PAGE, secret, run=run.id), "reports")
    page.button(key="evidence_make_releasable_draft").click().run()
    assert not page.exception
    assert not page.error
    assert "Version 1 is made, a draft." in page.success[0].value
    page.button(key="evidence_make_releasable_final").click().run()
    assert "Version 2 is made, a final report." in page.success[0].value
    made = studio.evidence.list(owner, run.id)
    assert [(report.version, report.status) for report in made] == [(2, "final"), (1, "draft")]
    assert badges(page).count("Superseded") == 1
    assert {"Final", "Draft: not for filing"} <= set(badges(page))
    assert "Version 2 superseded it" in texts(page)
    labels = [button.proto.label for button in page.get("download_button")]
    assert labels.count("Package (ZIP)") == 2
    assert sum(label.startswith("PDF report") for label in labels) == 2
    assert "evidence.release" not in actions(studio, owner), "a file was opened to draw its button"
    studio.evidence.open_file(owner, made[0].id, "report.pdf").read()
    assert "evidence.release" in actions(studio, owner)
    assert not page.run().success, "the message is shown once"


def test_typed_answers_are_saved_before_a_report_states_them(studio, owner, sample, run, page):
    write(show(page, "answers"), purpose="Teaching")
    show(page, "reports")
    assert "saved first" in page.info[0].value
    page.button(key="evidence_make_releasable_draft").click().run()
    assert not page.error
    made: EvidenceView = studio.evidence.list(owner, run.id)[0]
    assert made.declarations_version == 1
    assert studio.declarations.current(owner, sample.id).values == {"purpose": "Teaching"}


def test_no_report_is_made_of_answers_that_are_refused(studio, owner, run, page):
    write(show(page, "answers"), purpose="GDPR compliant")
    show(page, "reports")
    page.button(key="evidence_make_releasable_draft").click().run()
    assert "is a claim that no evidence supports" in page.error[0].value
    assert studio.evidence.list(owner, run.id) == []
    assert is_offered(page, status="draft"), "it can be asked for again"
    assert field(show(page, "answers"), "purpose").value == "GDPR compliant"


def test_the_internal_edition_says_so(studio, owner, run, page):
    show(page, "reports")
    page.button(key="evidence_make_internal_draft").click().run()
    assert not page.error
    assert [report.edition for report in studio.evidence.list(owner, run.id)] == ["internal"]
    assert "Internal" in badges(page)


def test_a_closed_release_leaves_the_internal_edition(studio, secret, owner, sample):
    studio.datasets.save_draft(owner, sample.id, criteria=[CLOSER])
    run = finished(studio, owner, sample)
    page = show(opened(PAGE, secret, run=run.id), "reports")
    assert "The release of this run is closed" in page.warning[0].value
    assert "**Not possible yet.** The release is closed." in texts(page)
    assert not is_offered(page)
    assert not is_offered(page, status="draft")
    assert is_offered(page, edition="internal", status="draft")


def test_a_run_without_a_guarantee_has_a_record_only(studio, secret, owner, sample):
    run = finished(studio, owner, sample, method="gaussian-copula", epsilon=None)
    page = opened(PAGE, secret, run=run.id)
    assert [title.value for title in page.title] == ["Record, for internal use"]
    assert "No privacy guarantee." in page.error[0].value
    assert not page.checkbox
    assert not page.text_area
    page.button(key="evidence_make_internal_draft").click().run()
    assert not page.exception
    assert len(page.error) == 1
    assert [report.edition for report in studio.evidence.list(owner, run.id)] == ["internal"]
    assert not A_NUMBER.search(everything(page))
    names = [button.proto.label for button in page.get("download_button")]
    assert not any("registry" in name for name in names)


def test_an_unfinished_run_has_no_report_yet(studio, secret, owner, sample):
    run = studio.runs.submit(owner, sample.id, studio.plans.draft_plan(owner, sample.id))
    page = opened(PAGE, secret, run=run.id)
    assert "Reports are made of finished runs" in texts(page)
    assert not page.button
    studio.runs.cancel(owner, run.id)


def test_a_strangers_run_looks_like_none(studio, stranger, run):
    page = opened(PAGE, studio.accounts.open_session(stranger), run=run.id)
    assert "Choose one of your runs first" in texts(page)
    assert not page.checkbox


def test_the_history_shows_who_said_what_in_which_version(studio, secret, owner, sample, run):
    studio.declarations.save(owner, sample.id, [], {"purpose": "Teaching"}, 0)
    studio.declarations.save(owner, sample.id, ["gdpr"], {"purpose": "Research", "contact": "ada"}, 1)
    page = show(opened(PAGE, secret, run=run.id), "answers")
    history = page.dataframe[0].value
    assert list(history["Version"]) == [2, 1]
    assert list(history["By"]) == ["owner", "owner"]
    assert list(history["Frameworks"]) == ["GDPR", "none"]
    page.selectbox(key="evidence_history_version").select(2).run()
    answers = page.dataframe[1].value
    assert list(answers["Answer"]) == ["Research", "ada"]
    assert list(answers["New in this version"]) == ["yes", "yes"]


def test_the_release_page_makes_a_draft_in_one_click(studio, secret, owner, run):
    page = opened(ROOT / "pages" / "release.py", secret, run=run.id)
    page.button(key="evidence_make_releasable_draft").click().run()
    assert not page.exception
    assert not page.error
    assert [report.status for report in studio.evidence.list(owner, run.id)] == ["draft"]
    labels = [button.proto.label for button in page.get("download_button")]
    assert "Package (ZIP)" in labels
    assert any(label.startswith("PDF report") for label in labels)
