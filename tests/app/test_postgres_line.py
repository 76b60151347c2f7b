"""The whole line on PostgreSQL, and what a database must never be asked."""

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
from starlette.testclient import TestClient

from app.api import create_api
from app.errors import ConflictError, NotFoundError, WrongCredentialsError
from app.wiring import build
from engine.privacy.plan import UnitOfProtection
from tests.app.answers import answers_to
from tests.app.builders import TABLE, ready_dataset, submit
from tests.conftest import FAST_BCRYPT_ROUNDS
from workers.jobs import do_run

pytestmark = pytest.mark.integration


@pytest.fixture
def services(settings, make_postgres_database):
    built = build(replace(settings, database_url=make_postgres_database()), password_rounds=FAST_BCRYPT_ROUNDS)
    built.database.migrate()
    yield built
    built.close()


def test_the_sample_goes_the_whole_line(services, owner):
    datasets = services.datasets
    view = datasets.register_sample(owner)
    datasets.save_schema(owner, view.id, view.schema, set(view.schema.names))
    datasets.save_unit(owner, view.id, UnitOfProtection(), 5000)
    datasets.save_budget(owner, view.id, 3.0, 1e-6)
    datasets.save_draft(owner, view.id, method="mst", epsilon=1.0, target="readmitted", n_rows=200)
    run = services.runs.submit(owner, view.id, services.plans.draft_plan(owner, view.id))
    do_run(services, run.id)
    ended = services.runs.get(owner, run.id)
    assert (ended.status, ended.note, ended.target) == ("done", None, "readmitted")
    assert len(services.reports.preview(owner, run.id, 500)) == 200
    assert services.reports.evaluation(owner, run.id)["metrics"]["prediction"]["details"]["target"] == "readmitted"
    assert services.ledger.summary(owner, view.id).epsilon_spent == pytest.approx(1.0, abs=1e-5)
    assert services.audit.list(owner)[0].action == "run.done"
    datasets.delete(owner, view.id)
    assert services.runs.list(owner) == []


@pytest.mark.parametrize("odd", ["\x00", "a\x00b", "' OR 1=1 --", "ä" * 5000])
def test_odd_ids_look_missing(services, owner, odd):
    dataset_id = ready_dataset(services, owner)
    submit(services, owner, dataset_id)
    for call in (services.datasets.get, services.runs.get, services.accounts.revoke_token):
        with pytest.raises(NotFoundError):
            call(owner, odd)
    with pytest.raises(NotFoundError):
        services.accounts.get_user(odd)
    assert services.runs.list(owner, odd) == []
    assert services.accounts.session_user(odd) is None
    with pytest.raises(WrongCredentialsError):
        services.accounts.authenticate(odd, "something else")


def test_control_characters_do_not_reach_the_database(services, owner):
    source = io.BytesIO(TABLE.encode())
    view = services.datasets.register(owner, name="My\x00 table\x1b[31m", filename="a\x00b.csv", source=source)
    assert (view.name, view.filename) == ("My table[31m", "ab.csv")
    token, _ = services.accounts.create_token(owner, "note\x00book")
    assert token.name == "notebook"


def test_half_a_character_in_a_body_is_refused(services, owner):
    headers = {"Authorization": f"Bearer {services.accounts.create_token(owner, 'test')[1]}"}
    dataset_id = ready_dataset(services, owner)
    body = b'{"dataset_id": "' + dataset_id.encode() + b'", "epsilon": 0.1, "target": "\\ud800"}'
    with TestClient(create_api(services)) as client:
        response = client.post("/runs", headers=headers | {"Content-Type": "application/json"}, content=body)
        assert (response.status_code, response.json()["error"]["code"]) == (422, "invalid_input")
        listed = client.get("/runs?dataset_id=%00", headers=headers)
        assert (listed.status_code, listed.json()) == (200, [])


def at_once(services, count, act):
    """What several processes get that do the same at the same time; None for those who are told of a conflict."""
    gate = Barrier(count)

    def start(number):
        mine = build(services.settings, password_rounds=FAST_BCRYPT_ROUNDS)
        gate.wait()
        try:
            return act(mine, number)
        except ConflictError:
            return None
        finally:
            mine.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(start, range(count)))


def test_a_signed_report_goes_the_whole_line(services, owner, few_metrics, tmp_path):
    dataset_id = ready_dataset(services, owner)
    run = submit(services, owner, dataset_id, epsilon=0.5, n_rows=60)
    do_run(services, run.id)
    keys = at_once(services, 4, lambda mine, _: mine.signing.signer().identity())
    assert all(identity == keys[0] for identity in keys)
    frameworks = (["gdpr"], ["ccpa"])
    saved = at_once(
        services,
        4,
        lambda mine, number: mine.declarations.save(
            owner, dataset_id, frameworks[number % 2], answers_to(frameworks[number % 2]), 0
        ),
    )
    versions = services.declarations.history(owner, dataset_id)
    assert len(versions) == 1
    assert {view.version for view in saved if view} == {1}
    made = at_once(services, 2, lambda mine, _: mine.evidence.make(owner, run.id, final=True))
    assert sorted(report.version for report in made) == [1, 2]
    newest, earlier = services.evidence.list(owner, run.id)
    assert (earlier.superseded_by, newest.superseded_by) == (newest.id, None)
    path = tmp_path / "package.zip"
    path.write_bytes(services.evidence.open_package(owner, earlier.id).read())
    found = services.evidence.verify(path, path.name, owner)
    assert (found.is_valid, found.superseded_by_version) == (True, 2)
    assert services.audit.verify(owner).is_whole
    internal = services.evidence.make(owner, run.id, final=False, edition="internal")
    services.datasets.delete(owner, dataset_id)
    assert services.evidence.get(owner, internal.id).files == ()
    assert services.evidence.get(owner, newest.id).files
