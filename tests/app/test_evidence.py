"""Signed reports of runs: versions that nothing overwrites, what each edition may hold, and what is refused."""

import io
import json
import re
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest

from app.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    OutdatedReportError,
    ReleaseClosedError,
    UnavailableError,
)
from app.services.evidence_collection import NOT_STATED, WITHHELD, audits_part, interoperable
from app.store.models import Dataset, Run
from app.wiring import build
from engine.audit.recorded import recorded_audits
from engine.evaluation.privacy_metrics import PRIVACY_METRICS
from engine.evidence.canonical import canonical_bytes
from engine.evidence.commitment import commit
from tests.app.answers import answers_to
from tests.app.builders import TABLE, ready_dataset, submit
from tests.conftest import FAST_BCRYPT_ROUNDS
from workers.jobs import do_run

pytestmark = pytest.mark.usefixtures("few_metrics")

CLOSER = {"metric": "closest-record", "measure": "share-closer-to-training"}
IMPOSSIBLE, CERTAIN = CLOSER | {"limit": 0.0}, CLOSER | {"limit": 1.0}
REASON = "The recipient signed a contract."


@pytest.fixture
def dataset_id(services, owner):
    return ready_dataset(services, owner, cap=3.0)


@pytest.fixture
def run_id(services, owner, dataset_id):
    return finished(services, owner, dataset_id)


def finished(services, owner, dataset_id, **choices):
    run = submit(services, owner, dataset_id, **{"epsilon": 0.5, "n_rows": 60} | choices)
    do_run(services, run.id)
    return run.id


def unprotected(services, owner, dataset_id):
    return finished(services, owner, dataset_id, method="gaussian-copula", epsilon=None)


def draft(services, owner, run_id, **choices):
    return services.evidence.make(owner, run_id, final=False, **choices)


def content(services, owner, report, kind):
    return services.evidence.open_file(owner, report.id, kind).read()


def evidence_of(services, owner, report):
    return json.loads(content(services, owner, report, "evidence.json"))


def stored_files(settings):
    return {path for path in (settings.data_dir / "files").rglob("*") if path.is_file()}


def test_a_draft_says_what_the_run_did_and_holds_every_file_once(services, owner, dataset_id, run_id):
    report = draft(services, owner, run_id)
    assert (report.version, report.status, report.edition) == (1, "draft", "releasable")
    assert (report.created_by, report.is_superseded, report.is_protected) == ("owner", False, True)
    evidence = evidence_of(services, owner, report)
    assert evidence["document"]["id"] == report.document_id
    assert (evidence["document"]["version"], evidence["document"]["supersedes"]) == (1, None)
    assert evidence["certificate"] == services.reports.certificate(owner, run_id)
    assert evidence["recomputed"]["agrees"] is True
    assert evidence["ledger"]["entries"][0]["run_id"] == run_id
    assert evidence["evaluation"] is None
    attacks = {info.name for info in PRIVACY_METRICS} & set(services.reports.evaluation(owner, run_id)["metrics"])
    assert evidence["run"]["attacks"] == sorted(attacks) != []
    assert evidence["declarations"] is None
    files = {file.kind: file for file in services.reports.list_artifacts(owner, run_id)}
    assert {each["name"]: each["sha256"] for each in evidence["synthetic_files"]} == {
        kind: files[kind].sha256 for kind in ("synthetic.csv", "synthetic_raw.csv", "synthetic.parquet")
    }
    kinds = [file.kind for file in report.files]
    assert len(set(kinds)) == len(kinds)
    assert {"evidence.json", "evidence.sig.json", "report.pdf", "manifest.json", "manifest.sig.json"} <= set(kinds)
    assert content(services, owner, report, "evidence.json") == canonical_bytes(evidence)
    made = next(entry for entry in services.audit.list(owner) if entry.action == "evidence.make")
    assert (made.object_id, made.detail["run"], made.detail["version"]) == (report.id, run_id, 1)
    assert services.audit.list(owner)[0].action == "evidence.release"


def test_audits_are_held_against_the_code_that_made_the_run(services, owner, run_id):
    """And not against the code that is installed when the report is made."""
    certificate = services.reports.certificate(owner, run_id)
    recorded = recorded_audits()
    told = audits_part(certificate)
    assert {audit["method"] for audit in told["audits"]} == {certificate["method"]["name"]}
    assert told["code_changed"] is (certificate["generator"]["code_sha256"] != recorded.code_sha256)
    for code, is_changed in ((recorded.code_sha256, False), ("0" * 64, True), (None, None)):
        generator = certificate["generator"] | {"code_sha256": code}
        assert audits_part(certificate | {"generator": generator})["code_changed"] is is_changed
    evidence = evidence_of(services, owner, draft(services, owner, run_id))
    assert evidence["method_audits"]["code_changed"] is told["code_changed"]


def test_a_later_version_supersedes_earlier_ones_and_changes_none(services, owner, dataset_id, run_id, tmp_path):
    """A draft supersedes drafts alone: a final report that was filed is not overtaken by somebody's attempt."""
    services.declarations.save(owner, dataset_id, ["gdpr"], answers_to(["gdpr"]), 0)
    first = draft(services, owner, run_id)
    final = services.evidence.make(owner, run_id, final=True)
    before = {file.kind: content(services, owner, final, file.kind) for file in final.files}
    third = draft(services, owner, run_id)
    internal = draft(services, owner, run_id, edition="internal")
    fifth = draft(services, owner, run_id, frameworks=[])
    made = services.evidence.list(owner, run_id)
    assert made[0] == fifth
    assert [(report.version, report.superseded_by_version) for report in made] == [
        *((5, None), (4, None), (3, 5), (2, None), (1, 5)),
    ]
    sixth = services.evidence.make(owner, run_id, final=True)
    superseded = {report.version: report.superseded_by for report in services.evidence.list(owner, run_id)}
    assert superseded == {6: None, 5: sixth.id, 4: None, 3: sixth.id, 2: sixth.id, 1: sixth.id}
    assert not services.evidence.get(owner, internal.id).is_superseded
    named = [evidence_of(services, owner, report)["document"]["supersedes"] for report in (first, final, third, sixth)]
    assert [before and before["version"] for before in named] == [None, 1, 1, 5]
    assert named[1]["id"] == first.document_id
    assert {kind: content(services, owner, final, kind) for kind in before} == before
    path = tmp_path / "filed.pdf"
    path.write_bytes(before["report.pdf"])
    found = services.evidence.verify(path, "filed.pdf")
    assert (found.is_valid, found.is_recorded, found.superseded_by_version) == (True, True, 6)
    assert "Version 6, final" in found.checks[-1].sentence


def test_an_installation_without_keys_takes_nobody_for_itself(services, owner, run_id, settings, tmp_path):
    path = tmp_path / "report.pdf"
    path.write_bytes(content(services, owner, draft(services, owner, run_id), "report.pdf"))
    other = build(
        replace(settings, data_dir=tmp_path / "other", database_url=f"sqlite:///{tmp_path / 'other.sqlite3'}")
    )
    other.database.migrate()
    assert other.signing.list() == []
    found = other.evidence.verify(path, "report.pdf")
    assert {check.part for check in found.checks if not check.is_good} == {"origin", "record of this installation"}
    other.close()


def test_a_final_report_needs_every_answer_and_states_the_version_of_the_declarations(
    services, owner, dataset_id, run_id
):
    obstacles = services.evidence.obstacles(owner, run_id, final=True, frameworks=["gdpr"])
    with pytest.raises(InvalidInputError, match="A final report needs") as refused:
        services.evidence.make(owner, run_id, final=True, frameworks=["gdpr"])
    assert obstacles == (refused.value.user_message,)
    for question in services.declarations.missing(owner, dataset_id, ["gdpr"]):
        assert question.label in refused.value.user_message
    both = ["gdpr", "ccpa"]
    services.declarations.save(owner, dataset_id, both, answers_to(both), 0)
    assert services.evidence.obstacles(owner, run_id, final=True) == ()
    report = services.evidence.make(owner, run_id, final=True, frameworks=["gdpr"])
    assert (report.status, report.frameworks, report.declarations_version) == ("final", ("gdpr",), 1)
    declared = evidence_of(services, owner, report)["declarations"]
    assert declared["values"] == answers_to(["gdpr"])
    assert (declared["version"], declared["declared_by"]) == (1, "owner")


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"frameworks": ["hippa"]}, "no framework"),
        ({"edition": "public"}, "edition of a report"),
        ({"final": "yes"}, "true or false"),
        ({"final": True, "edition": "internal"}, "never final"),
    ],
)
def test_what_cannot_be_had_is_named(services, owner, run_id, choices, message):
    with pytest.raises(InvalidInputError, match=message):
        services.evidence.make(owner, run_id, **{"final": False} | choices)
    assert re.search(message, services.evidence.obstacles(owner, run_id, **{"final": False} | choices)[0])
    assert services.evidence.list(owner, run_id) == []


def test_a_run_that_made_no_table_has_no_report(services, owner, dataset_id):
    run = submit(services, owner, dataset_id)
    with pytest.raises(UnavailableError, match="not finished"):
        draft(services, owner, run.id)
    services.runs.cancel(owner, run.id)
    with pytest.raises(UnavailableError, match="without a synthetic table"):
        draft(services, owner, run.id, edition="internal")


def numbers_named(word, value, name=""):
    """All numbers of a JSON value under a key that holds a word."""
    if isinstance(value, dict):
        return [found for key, inner in value.items() for found in numbers_named(word, inner, key)]
    if isinstance(value, list):
        return [found for inner in value for found in numbers_named(word, inner, name)]
    return [value] if word in name and isinstance(value, int | float) else []


def test_a_run_without_a_guarantee_has_an_internal_report_only(services, owner, dataset_id):
    protected = finished(services, owner, dataset_id)
    assert numbers_named("epsilon", evidence_of(services, owner, draft(services, owner, protected)))
    run_id = unprotected(services, owner, dataset_id)
    services.declarations.save(owner, dataset_id, ["gdpr"], answers_to(["gdpr"]), 0)
    for choices, message in (
        ({"edition": "releasable"}, "internal report only"),
        ({"frameworks": ["gdpr"]}, "no annexes"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            draft(services, owner, run_id, **choices)
    with pytest.raises(InvalidInputError, match="never final"):
        services.evidence.make(owner, run_id, final=True)
    report = draft(services, owner, run_id)
    assert (report.edition, report.frameworks, report.is_protected) == ("internal", (), False)
    names = [report.package_filename, *(file.filename for file in report.files)]
    assert all(name.startswith("NO-PRIVACY-GUARANTEE_run-") for name in names)
    assert evidence_of(services, owner, report)["recomputed"] == {"epsilon": None, "delta": None, "agrees": True}
    assert numbers_named("epsilon", evidence_of(services, owner, report)) == []
    assert services.audit.list(owner)[0].action == "evidence.download_internal"
    package = zipfile.ZipFile(io.BytesIO(services.evidence.open_package(owner, report.id).read()))
    assert "data/synthetic.csv" in package.namelist()


def test_a_closed_release_has_no_releasable_report_and_no_way_around_it(services, owner, dataset_id):
    services.datasets.save_draft(owner, dataset_id, criteria=[IMPOSSIBLE])
    run_id = finished(services, owner, dataset_id)
    with pytest.raises(ReleaseClosedError):
        draft(services, owner, run_id)
    assert "The release is closed." in services.evidence.obstacles(owner, run_id, final=False)[0]
    internal = draft(services, owner, run_id, edition="internal")
    package = zipfile.ZipFile(io.BytesIO(services.evidence.open_package(owner, internal.id).read()))
    assert not [name for name in package.namelist() if name.startswith("data/")]
    assert internal.package_filename.startswith("INTERNAL_run-")
    (judged, _) = evidence_of(services, owner, internal)["run"]["release"]["outcomes"]
    assert judged["value"] is not None
    services.release.override(owner, run_id, REASON)
    opened = draft(services, owner, run_id)
    release = evidence_of(services, owner, opened)["run"]["release"]
    assert (release["state"], release["override"]["reason"]) == ("overridden", REASON)
    told = [(outcome["state"], outcome["sentence"], outcome["value"]) for outcome in release["outcomes"]]
    assert told == [(NOT_STATED, WITHHELD, None)] * 2
    with services.database.write() as session:
        session.get_one(Run, run_id).release_override = None
    for call in (services.evidence.open_package, lambda *ids: services.evidence.open_file(*ids, "report.pdf")):
        with pytest.raises(ReleaseClosedError):
            call(owner, opened.id)


def test_an_open_release_tells_that_its_criteria_are_met_and_no_more(services, owner, dataset_id):
    services.datasets.save_draft(owner, dataset_id, criteria=[CERTAIN])
    run_id = finished(services, owner, dataset_id)
    outcomes = evidence_of(services, owner, draft(services, owner, run_id))["run"]["release"]["outcomes"]
    assert [(each["state"], each["sentence"], each["value"]) for each in outcomes] == [("met", WITHHELD, None)] * 2
    assert outcomes[0]["required"] == "at most 100 %"


def test_reports_that_are_made_at_once_get_a_version_each(services, settings, owner, run_id):
    gate = Barrier(3)

    def make(_):
        mine = build(settings, password_rounds=FAST_BCRYPT_ROUNDS)
        gate.wait()
        try:
            return draft(mine, owner, run_id)
        finally:
            mine.close()

    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(make, range(3)))
    assert sorted(report.version for report in made) == [1, 2, 3]
    newest, *earlier = services.evidence.list(owner, run_id)
    assert newest.superseded_by is None
    assert {report.superseded_by for report in earlier} == {newest.id}
    for report in made:
        assert evidence_of(services, owner, report)["document"]["version"] == report.version
    kept = {file for report in made for file in report.files}
    reports = [path for path in stored_files(settings) if path.read_bytes()[:5] == b"%PDF-"]
    assert len(reports) == 3  # the files of a lost race are gone
    assert len(kept) == sum(len(report.files) for report in made)


def test_a_stranger_finds_nothing(services, owner, stranger, dataset_id, run_id):
    report = draft(services, owner, run_id)
    for call in (
        lambda: services.evidence.list(stranger, run_id),
        lambda: services.evidence.get(stranger, report.id),
        lambda: services.evidence.open_file(stranger, report.id, "report.pdf"),
        lambda: services.evidence.open_package(stranger, report.id),
        lambda: services.evidence.make(stranger, run_id, final=False),
        lambda: services.evidence.obstacles(stranger, run_id, final=False),
        lambda: services.evidence.commitment_key(stranger, dataset_id),
        lambda: services.evidence.get(owner, "../" * 10),
        lambda: services.evidence.open_file(owner, report.id, "../report.pdf"),
        lambda: services.evidence.open_file(owner, report.id, "synthetic.csv"),
    ):
        with pytest.raises(NotFoundError):
            call()


def test_a_certificate_that_does_not_give_its_epsilon_again_makes_no_report(services, settings, owner, run_id):
    (path,) = [path for path in stored_files(settings) if b"certificate_version" in path.read_bytes()]
    certificate = json.loads(path.read_bytes())
    certificate["privacy"]["epsilon"] = 0.1
    path.write_text(json.dumps(certificate))
    before = stored_files(settings)
    with pytest.raises(ConflictError, match=r"give ε = 0\.5, the certificate states ε = 0\.1"):
        draft(services, owner, run_id)
    assert services.evidence.list(owner, run_id) == []
    assert stored_files(settings) == before


def test_a_key_that_cannot_sign_makes_no_report_and_hides_none(services, settings, owner, run_id):
    kept = draft(services, owner, run_id)
    later = build(
        settings, database=services.database, now=lambda: datetime.now(UTC) + timedelta(days=2000), password_rounds=4
    )
    with pytest.raises(UnavailableError, match="expired"):
        draft(later, owner, run_id)
    assert "expired" in later.evidence.obstacles(owner, run_id, final=False)[0]
    assert [report.id for report in later.evidence.list(owner, run_id)] == [kept.id]
    assert later.evidence.open_package(owner, kept.id).read()
    without = build(replace(settings, signing_key_file="/nowhere/key.p12"), database=services.database)
    with pytest.raises(UnavailableError, match="SIGNING_KEY_FILE"):
        draft(without, owner, run_id)


def test_a_report_that_fails_half_way_leaves_nothing(services, settings, owner, run_id, monkeypatch):
    import app.services.evidence as module

    before, real, saved = stored_files(settings), module.save_bytes, []

    def save(store, file_id, content):
        saved.append(file_id)
        if len(saved) == 3:
            raise UnavailableError("The bucket with the stored files does not answer.")
        return real(store, file_id, content)

    monkeypatch.setattr(module, "save_bytes", save)
    with pytest.raises(UnavailableError, match="bucket"):
        draft(services, owner, run_id)
    assert len(saved) == 3
    assert stored_files(settings) == before
    assert services.evidence.list(owner, run_id) == []


def test_deleting_the_dataset_keeps_what_was_released_and_removes_what_is_internal(
    services, settings, owner, dataset_id, run_id
):
    released, internal = draft(services, owner, run_id), draft(services, owner, run_id, edition="internal")
    services.datasets.delete(owner, dataset_id)
    assert content(services, owner, released, "report.pdf").startswith(b"%PDF")
    with pytest.raises(UnavailableError, match="deleted with its dataset"):
        services.evidence.open_package(owner, released.id)
    assert services.evidence.get(owner, internal.id).files == ()
    with pytest.raises(UnavailableError, match="removed with its dataset"):
        services.evidence.open_package(owner, internal.id)
    assert len([path for path in stored_files(settings) if path.read_bytes()[:5] == b"%PDF-"]) == 1
    assert [report.version for report in services.evidence.list(owner, run_id)] == [2, 1]
    with pytest.raises(NotFoundError):
        draft(services, owner, run_id)


def test_the_private_file_is_bound_once_by_a_key_that_its_owner_can_hand_out(
    services, owner, dataset_id, run_id, tmp_path
):
    first, second = draft(services, owner, run_id), draft(services, owner, run_id)
    bound = [evidence_of(services, owner, report)["private_file"] for report in (first, second)]
    assert bound[0] == bound[1]
    key = services.evidence.commitment_key(owner, dataset_id)
    assert services.audit.list(owner)[0].action == "evidence.commitment_key"
    path = tmp_path / "private.csv"
    path.write_text(TABLE)
    assert commit(path, bytes.fromhex(key)) == bound[0]["commitment"]
    path.write_text(TABLE + "30,red\n")
    assert commit(path, bytes.fromhex(key)) != bound[0]["commitment"]
    services.datasets.delete(owner, dataset_id)
    assert services.evidence.commitment_key(owner, dataset_id) == key


def test_two_reports_at_once_bind_the_file_with_one_key(services, settings, owner, dataset_id):
    gate = Barrier(4)

    def bind(_):
        mine = build(settings, password_rounds=FAST_BCRYPT_ROUNDS)
        gate.wait()
        try:
            return mine.evidence.commitment_key(owner, dataset_id)
        finally:
            mine.close()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(bind, range(4)))) == 1


def test_names_of_files_are_made_of_ids_whatever_the_dataset_is_called(services, owner, dataset_id, run_id):
    services.datasets.rename(owner, dataset_id, '../../etc/passwd"; x="\\<script>')
    report = draft(services, owner, run_id)
    names = [report.package_filename, *(file.filename for file in report.files)]
    stem = f"run-{run_id[:8]}-v1-"
    assert all(
        name.startswith(stem) and name.removeprefix(stem).replace("_", "").replace(".", "").isalnum() for name in names
    )
    assert len(set(names)) == len(names)


def test_a_package_is_the_same_after_the_keys_were_rotated(services, owner, run_id, tmp_path):
    report = draft(services, owner, run_id)
    path = tmp_path / "package.zip"
    path.write_bytes(services.evidence.open_package(owner, report.id).read())
    assert services.evidence.verify(path, "package.zip").is_valid
    services.signing.rotate(owner)
    path.write_bytes(services.evidence.open_package(owner, report.id).read())
    found = services.evidence.verify(path, "package.zip")
    assert (found.is_valid, found.kind) == (True, "package")
    assert found.statement_fingerprint == report.statement_fingerprint
    assert draft(services, owner, run_id).statement_fingerprint != report.statement_fingerprint


def test_an_evaluation_of_an_earlier_version_is_made_again_before_an_internal_report(services, settings, owner, run_id):
    version, older = b'"report_version": 2', b'"report_version": 1'
    reports = [path for path in stored_files(settings) if version in path.read_bytes()]
    assert len(reports) == 2
    for path in reports:
        path.write_bytes(path.read_bytes().replace(version, older))
    with pytest.raises(OutdatedReportError):
        draft(services, owner, run_id, edition="internal")
    report = draft(services, owner, run_id)
    assert (report.version, evidence_of(services, owner, report)["released_report"]) == (1, None)


def test_whole_numbers_that_canonical_json_cannot_hold_become_texts():
    value = {"bounds": [-(10**18), 2**53 - 1], "is_open": True, "share": 0.5, "none": None}
    assert interoperable(value) == value | {"bounds": [str(-(10**18)), 2**53 - 1]}
    assert canonical_bytes(interoperable(value))


def test_a_dataset_that_vanishes_meanwhile_gets_no_report(services, settings, owner, dataset_id, run_id, monkeypatch):
    import app.services.evidence as module

    real = module.packaged_data

    def packaged_data(*parts):
        with services.database.write() as session:
            session.get_one(Dataset, dataset_id).deleted_at = datetime.now(UTC)
        return real(*parts)

    monkeypatch.setattr(module, "packaged_data", packaged_data)
    before = stored_files(settings)
    with pytest.raises(NotFoundError):
        draft(services, owner, run_id)
    assert stored_files(settings) == before
