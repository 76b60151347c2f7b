"""The release gate: every way out is closed while a criterion is not met, and an override opens all of them once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from starlette.testclient import TestClient

from app.api import create_api
from app.errors import ConflictError, InvalidInputError, InvalidPlanError, NotFoundError, ReleaseClosedError
from app.services.results import Attempt
from app.wiring import build
from tests.app.builders import ready_dataset, submit
from tests.conftest import FAST_BCRYPT_ROUNDS
from workers.jobs import do_run

pytestmark = pytest.mark.usefixtures("few_metrics")

CLOSER = {"metric": "closest-record", "measure": "share-closer-to-training"}
IMPOSSIBLE = CLOSER | {"limit": 0.0}
CERTAIN = CLOSER | {"limit": 1.0}
REASON = "The recipient signed a contract."
RELEASABLE = (
    *("synthetic.csv", "synthetic_raw.csv", "synthetic.parquet", "certificate.json", "model.npz"),
    "released_report.json",
)


@pytest.fixture
def dataset_id(services, owner):
    return ready_dataset(services, owner, cap=3.0)


def finished(services, owner, dataset_id, *criteria, **choices):
    services.datasets.save_draft(owner, dataset_id, criteria=list(criteria) or None)
    run = submit(services, owner, dataset_id, n_rows=60, **{"epsilon": 0.5} | choices)
    do_run(services, run.id)
    return services.runs.get(owner, run.id)


@pytest.fixture
def closed(services, owner, dataset_id):
    return finished(services, owner, dataset_id, IMPOSSIBLE)


def alarmed(monkeypatch):
    """Reports have an alarm."""
    import engine.evaluation.evaluate

    real = engine.evaluation.evaluate.evaluate

    def evaluate(*tables, **options):
        alarm = {"metric": "copies", "code": "copied_rows", "title": "Copied rows", "sentence": "."}
        return real(*tables, **options) | {"alarms": [alarm]}

    monkeypatch.setattr(engine.evaluation.evaluate, "evaluate", evaluate)


def ways_out(services, owner, run):
    """Every way on which something releasable leaves through a service."""
    return [
        *(lambda kind=kind: services.reports.open_artifact(owner, run.id, kind).read() for kind in RELEASABLE),
        lambda: services.further_rows.columns(owner, run.id),
        lambda: services.further_rows.preview(owner, run.id, {}),
        lambda: services.further_rows.draw_csv(owner, run.id, 5, {}),
        lambda: services.answers.ask(owner, run.id, {"measure": "count"}),
    ]


def test_without_criteria_and_alarms_everything_is_open(services, owner, dataset_id):
    run = finished(services, owner, dataset_id)
    assert (run.release.state, run.release.failed, run.criteria) == ("open", (), ())
    for way in ways_out(services, owner, run):
        way()


def test_criteria_that_are_met_leave_everything_open(services, owner, dataset_id):
    run = finished(services, owner, dataset_id, CERTAIN)
    assert run.release.state == "open"
    assert [(outcome.state, outcome.criterion) for outcome in run.release.outcomes] == [("met", CERTAIN), ("met", None)]
    for way in ways_out(services, owner, run):
        way()
    with pytest.raises(ConflictError, match="not closed"):
        services.release.override(owner, run.id, REASON)


def test_a_criterion_that_is_not_met_closes_every_way_out(services, owner, closed):
    assert closed.release.state == "closed"
    assert [outcome.title for outcome in closed.release.failed] == [
        "Distance to the closest record: Closer to a training row"
    ]
    for way in ways_out(services, owner, closed):
        with pytest.raises(ReleaseClosedError, match=r"percentage points above the limit of 0 %\."):
            way()
    assert not [entry for entry in services.audit.list(owner) if entry.action == "artifact.release"]


def test_what_is_internal_stays_open_to_its_owner(services, owner, closed):
    assert services.reports.open_artifact(owner, closed.id, "report.json").read()
    assert services.reports.evaluation(owner, closed.id)["classification"] == "internal"
    assert len(services.reports.preview(owner, closed.id)) == 50


def test_an_alarm_closes_the_release_without_any_criterion(services, owner, dataset_id, monkeypatch):
    alarmed(monkeypatch)
    run = finished(services, owner, dataset_id)
    assert run.release.state == "closed"
    for way in ways_out(services, owner, run):
        with pytest.raises(ReleaseClosedError, match="an alarm: Copied rows"):
            way()


def test_criteria_may_be_about_what_the_run_pays_for(services, owner):
    """The releasable report is held against its criteria, also where nothing was paid for and so nothing measured."""
    criteria = [
        {"metric": "noisy-distances", "measure": "one-way", "limit": 1.0},
        {"metric": "measured-error", "measure": "one-way", "limit": 1.0},
    ]
    dataset_id = ready_dataset(services, owner, cap=20.0)
    services.datasets.save_draft(owner, dataset_id, evaluation_share=0.2)
    paid = finished(services, owner, dataset_id, *criteria, epsilon=6.0)
    assert [outcome.state for outcome in paid.release.outcomes] == ["met"] * 3
    with pytest.raises(ConflictError, match="not closed"):
        services.release.override(owner, paid.id, REASON)
    services.datasets.save_draft(owner, dataset_id, evaluation_share=0.0)
    unpaid = finished(services, owner, dataset_id, *criteria, epsilon=6.0)
    assert [outcome.state for outcome in unpaid.release.outcomes] == ["could not be computed", "met", "met"]
    assert unpaid.release.state == "closed"


def test_without_a_report_criteria_are_not_met(services, owner, dataset_id, monkeypatch):
    def fail(*tables, **options):
        raise ValueError

    monkeypatch.setattr("engine.evaluation.evaluate.evaluate", fail)
    run = finished(services, owner, dataset_id, CERTAIN)
    assert (run.status, run.release.state) == ("done", "closed")
    assert "the evaluation was not made" in run.release.failed[0].sentence
    assert finished(services, owner, dataset_id).release.state == "open"


def test_a_run_that_died_before_its_verdict_is_closed_where_it_has_criteria(services, owner, dataset_id):
    services.datasets.save_draft(owner, dataset_id, criteria=[CERTAIN])
    run = submit(services, owner, dataset_id)
    services.ledger.commit(run.id)
    assert services.runs.get(owner, run.id).release.state == "waiting"
    services.results.finish(Attempt(run.id), "failed", error="The worker ended.")
    assert services.runs.get(owner, run.id).release.state == "closed"


def test_a_file_that_is_there_before_the_verdict_does_not_leave(services, owner, dataset_id, monkeypatch):
    import engine.evaluation.evaluate
    from app.errors import UnavailableError

    real, seen = engine.evaluation.evaluate.evaluate, []

    def evaluate(*tables, **options):
        assert services.reports.list_artifacts(owner, run.id)
        with pytest.raises(UnavailableError, match="not finished"):
            services.reports.open_artifact(owner, run.id, "synthetic.csv")
        seen.append(run.id)
        return real(*tables, **options)

    monkeypatch.setattr(engine.evaluation.evaluate, "evaluate", evaluate)
    run = submit(services, owner, dataset_id)
    do_run(services, run.id)
    assert seen == [run.id]
    assert services.reports.open_artifact(owner, run.id, "synthetic.csv").read()


def test_an_override_opens_everything_and_is_in_the_audit_trail(services, owner, closed):
    release = services.release.override(owner, closed.id, f"  {REASON}\n")
    assert (release.state, release.override.reason, release.override.username) == ("overridden", REASON, "owner")
    for way in ways_out(services, owner, closed):
        way()
    entry = next(entry for entry in services.audit.list(owner) if entry.action == "release.override")
    assert (entry.object_id, entry.detail["reason"], entry.username) == (closed.id, REASON, "owner")
    assert "above the limit of 0 %" in entry.detail["failed"][0]
    assert release.override.at <= entry.created_at
    with pytest.raises(ConflictError, match="not closed"):
        services.release.override(owner, closed.id, "Another reason, later.")
    assert services.runs.get(owner, closed.id).release.override.reason == REASON


def test_a_reason_is_a_text_of_some_length(services, owner, closed):
    for reason in ("", "too short", "x" * 501, "   a     b   ", None, 7, ["a long enough reason"]):
        with pytest.raises(InvalidInputError, match="10 to 500 characters"):
            services.release.override(owner, closed.id, reason)
    assert services.runs.get(owner, closed.id).release.state == "closed"


def test_a_reason_makes_no_claim_that_a_report_would_print(services, owner, closed):
    with pytest.raises(InvalidInputError, match="GDPR compliant"):
        services.release.override(owner, closed.id, "The table is GDPR compliant, so it may leave")
    assert services.runs.get(owner, closed.id).release.state == "closed"


def test_nobody_else_overrides(services, stranger, owner, closed):
    for run_id in (closed.id, "0" * 32, "../x"):
        with pytest.raises(NotFoundError):
            services.release.override(stranger, run_id, REASON)
    assert services.runs.get(owner, closed.id).release.state == "closed"


def race(services, owner, run):
    """Overrides from several threads at once; gives how many of them were recorded."""
    gate = Barrier(6)

    def override(number):
        gate.wait()
        try:
            services.release.override(owner, run.id, f"Reason number {number}.")
        except ConflictError:
            return 0
        return 1

    with ThreadPoolExecutor(6) as pool:
        won = sum(pool.map(override, range(6)))
    recorded = [entry for entry in services.audit.list(owner) if entry.action == "release.override"]
    kept = services.runs.get(owner, run.id).release.override.reason
    assert [entry.detail["reason"] for entry in recorded] == [kept]
    return won


def test_an_override_is_recorded_once(services, owner, closed):
    assert race(services, owner, closed) == 1


@pytest.mark.integration
def test_an_override_is_recorded_once_on_postgresql(settings, make_postgres_database):
    from dataclasses import replace

    services = build(replace(settings, database_url=make_postgres_database()), password_rounds=FAST_BCRYPT_ROUNDS)
    services.database.migrate()
    owner = services.accounts.create_administrator("owner", "owner@example.org", "correct horse battery")
    run = finished(services, owner, ready_dataset(services, owner), IMPOSSIBLE)
    assert run.release.state == "closed"
    assert race(services, owner, run) == 1
    services.close()


def test_a_new_verdict_ends_an_override_of_the_one_before(services, owner, closed):
    from app.store import runs as rows
    from engine.evaluation.criteria import judge_stored

    services.release.override(owner, closed.id, REASON)
    with services.database.write() as session:
        rows.move_run(session, closed.id, ("done",), status="running")
    services.results.save_verdict(Attempt(closed.id), judge_stored(closed.criteria, None, None))
    services.results.finish(Attempt(closed.id), "done")
    assert services.runs.get(owner, closed.id).release.state == "closed"


def test_an_override_does_not_answer_a_verdict_that_nobody_saw(services, owner, closed):
    from app.store import runs as rows

    with services.database.write() as session:
        before = Attempt(closed.id, 1)
        rows.move_run(session, closed.id, ("done",), attempt=2)
        assert not rows.record_override(session, before, {"reason": REASON})


def test_criteria_cannot_change_after_the_submission(services, owner, dataset_id):
    services.datasets.save_draft(owner, dataset_id, criteria=[IMPOSSIBLE])
    run = submit(services, owner, dataset_id)
    services.datasets.save_draft(owner, dataset_id, criteria=[CERTAIN])
    do_run(services, run.id)
    ended = services.runs.get(owner, run.id)
    assert (ended.criteria, ended.release.state) == ((IMPOSSIBLE,), "closed")


@pytest.mark.parametrize("criteria", [7, [7], [CLOSER], [CERTAIN, IMPOSSIBLE], [CLOSER | {"limit": "1"}], {"a": 1}])
def test_forged_criteria_are_refused_and_nothing_is_spent(services, owner, dataset_id, criteria):
    services.datasets.save_draft(owner, dataset_id, criteria=criteria)
    with pytest.raises(InvalidPlanError):
        submit(services, owner, dataset_id)
    assert services.ledger.summary(owner, dataset_id).n_entries == 0


def test_a_run_that_is_never_released_has_no_criteria(services, owner, dataset_id):
    services.datasets.save_draft(owner, dataset_id, criteria=[IMPOSSIBLE])
    plan = services.plans.draft_plan(owner, dataset_id, method="gaussian-copula", epsilon=None)
    run = services.runs.submit(owner, dataset_id, plan)
    assert (run.criteria, run.release.state) == ((), "never")
    with pytest.raises(InvalidPlanError, match="never released"):
        services.plans.criteria(owner, dataset_id, plan, [IMPOSSIBLE])
    do_run(services, run.id)
    assert services.reports.open_artifact(owner, run.id, "synthetic.csv").read()
    with pytest.raises(ConflictError, match="not closed"):
        services.release.override(owner, run.id, REASON)


def test_the_whole_gate_over_the_api(services, owner, dataset_id):
    headers = {"Authorization": f"Bearer {services.accounts.create_token(owner, 'test')[1]}"}
    with TestClient(create_api(services)) as client:
        offered = client.get("/criteria", headers=headers).json()
        assert CLOSER.items() <= next(item for item in offered if item["metric"] == CLOSER["metric"]).items()
        asked = {"dataset_id": dataset_id, "epsilon": 0.5, "n_rows": 60, "criteria": [IMPOSSIBLE]}
        wrong = client.post("/runs", headers=headers, json=asked | {"criteria": [CLOSER]})
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (422, "invalid_plan")
        assert "criteria" not in services.datasets.get(owner, dataset_id).draft
        run_id = client.post("/runs", headers=headers, json=asked).json()["id"]
        path = f"/runs/{run_id}"
        early = client.post(f"{path}/override", headers=headers, json={"reason": REASON})
        assert (early.status_code, early.json()["error"]["code"]) == (409, "conflict")
        do_run(services, run_id)
        told = client.get(path, headers=headers).json()["run"]
        assert (told["criteria"], told["release"]["state"]) == ([IMPOSSIBLE], "closed")
        ways = [("GET", f"{path}/artifacts/{kind}", None) for kind in RELEASABLE]
        ways.append(("POST", f"{path}/rows", {"n_rows": 5}))
        ways.append(("POST", f"{path}/interval", {"measure": "count"}))
        for method, way, body in ways:
            refused = client.request(method, way, headers=headers, json=body)
            assert (refused.status_code, refused.json()["error"]["code"]) == (409, "release_closed"), way
        for way in ("report", "artifacts", "artifacts/report.json"):
            assert client.get(f"{path}/{way}", headers=headers).status_code == 200
        short = client.post(f"{path}/override", headers=headers, json={"reason": "no"})
        assert (short.status_code, short.json()["error"]["code"]) == (422, "invalid_input")
        opened = client.post(f"{path}/override", headers=headers, json={"reason": REASON})
        assert (opened.status_code, opened.json()["state"]) == (200, "overridden")
        for method, way, body in ways:
            assert client.request(method, way, headers=headers, json=body).status_code == 200, way
        release = client.get(path, headers=headers).json()["run"]["release"]
        assert (release["override"]["reason"], release["override"]["username"]) == (REASON, "owner")
