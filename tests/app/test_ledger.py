"""The ledger: what is granted, refused, spent and given back; also with many writers at once."""

import math
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.errors import (
    AlreadyCommittedError,
    BudgetRefusedError,
    ConflictError,
    NotFoundError,
    NotReadyError,
)
from app.services import budget
from app.services.ledger import Reservation
from app.settings import Settings
from app.wiring import build
from engine.privacy.accounting import compose_epsilon, gaussian_event, mu_for
from tests.app.builders import add_dataset, ready_dataset, submit
from tests.conftest import FAST_BCRYPT_ROUNDS

DELTA = 1e-6


def reservation(epsilon, delta=DELTA, **extra):
    event = gaussian_event(mu_for(epsilon, delta)) | extra
    price = {"event": event, "epsilon": compose_epsilon([event], delta), "delta": delta}
    return Reservation(plan={"method": "independent"}, price=price, holdout_share=0.2, target=None)


def number_that_fits(epsilon, cap):
    event = gaussian_event(mu_for(epsilon, DELTA))
    number = 0
    while compose_epsilon([event] * (number + 1), DELTA) <= cap:
        number += 1
    return number


@pytest.fixture
def dataset_id(services, owner):
    return ready_dataset(services, owner, cap=1.0)


def test_a_fresh_budget_is_all_left(services, owner, dataset_id):
    summary = services.ledger.summary(owner, dataset_id)
    assert (summary.epsilon_cap, summary.epsilon_left) == (1.0, 1.0)
    assert (summary.epsilon_spent, summary.epsilon_reserved, summary.n_entries) == (0.0, 0.0, 0)


def test_reserved_then_committed(services, owner, dataset_id):
    run_id = services.ledger.reserve(owner, dataset_id, reservation(0.5))
    reserved = services.ledger.summary(owner, dataset_id)
    assert reserved.epsilon_spent == 0.0
    assert reserved.epsilon_reserved == pytest.approx(0.5, abs=1e-6)
    services.ledger.commit(run_id)
    spent = services.ledger.summary(owner, dataset_id)
    assert spent.epsilon_spent == pytest.approx(0.5, abs=1e-6)
    assert spent.epsilon_reserved == 0.0
    assert spent.epsilon_left == reserved.epsilon_left


def test_runs_compose_below_the_sum_of_their_epsilons(services, owner, dataset_id):
    for _ in range(4):
        services.ledger.reserve(owner, dataset_id, reservation(0.2))
    summary = services.ledger.summary(owner, dataset_id)
    assert summary.sum_of_epsilons == pytest.approx(0.8, abs=1e-5)
    assert summary.epsilon_reserved < 0.5
    assert summary.n_entries == 4


def test_what_is_left_can_be_spent_and_not_a_bit_more(services, owner, dataset_id):
    services.ledger.reserve(owner, dataset_id, reservation(0.6))
    left = services.ledger.summary(owner, dataset_id).epsilon_left
    assert 0.4 < left < 1.0
    with pytest.raises(BudgetRefusedError):
        services.ledger.reserve(owner, dataset_id, reservation(left + 1e-4))
    services.ledger.reserve(owner, dataset_id, reservation(left))
    assert services.ledger.summary(owner, dataset_id).epsilon_left < 1e-2


def test_the_whole_cap_can_be_spent_by_one_run(services, owner, dataset_id):
    services.ledger.reserve(owner, dataset_id, reservation(1.0))
    summary = services.ledger.summary(owner, dataset_id)
    assert summary.epsilon_reserved <= 1.0
    assert summary.epsilon_left < 0.01


def test_a_refusal_says_cost_and_what_is_left_and_writes_nothing(services, owner, dataset_id):
    services.ledger.reserve(owner, dataset_id, reservation(0.9))
    with pytest.raises(BudgetRefusedError) as refused:
        services.ledger.reserve(owner, dataset_id, reservation(0.9))
    error = refused.value
    assert error.cost_epsilon == pytest.approx(0.9, abs=1e-6)
    assert error.composed_epsilon > 1.0
    assert 0.0 < error.epsilon_left < 0.9
    assert f"{math.floor(error.epsilon_left * 1e4) / 1e4:g}" in error.user_message
    assert services.ledger.summary(owner, dataset_id).n_entries == 1
    assert len(services.runs.list(owner, dataset_id)) == 1


def test_a_refused_size_that_is_named_as_left_is_granted(services, owner, dataset_id):
    services.ledger.reserve(owner, dataset_id, reservation(0.9))
    with pytest.raises(BudgetRefusedError) as refused:
        services.ledger.reserve(owner, dataset_id, reservation(0.9))
    services.ledger.reserve(owner, dataset_id, reservation(refused.value.epsilon_left))


def test_another_delta_is_composed_at_the_datasets_delta(services, owner, dataset_id):
    services.ledger.reserve(owner, dataset_id, reservation(0.5, delta=1e-9))
    summary = services.ledger.summary(owner, dataset_id)
    event = gaussian_event(mu_for(0.5, 1e-9))
    assert summary.epsilon_reserved == compose_epsilon([event], DELTA)
    assert summary.epsilon_reserved < 0.5


def test_delta_that_is_used_up_refuses_further_learning(services, owner, dataset_id):
    services.ledger.reserve(owner, dataset_id, reservation(0.1, delta_extra=0.6 * DELTA))
    with pytest.raises(BudgetRefusedError) as refused:
        services.ledger.reserve(owner, dataset_id, reservation(0.1, delta_extra=0.6 * DELTA))
    assert math.isinf(refused.value.composed_epsilon)
    assert "δ" in refused.value.user_message
    services.ledger.reserve(owner, dataset_id, reservation(0.1))


def test_commit_twice_is_refused(services, owner, dataset_id):
    run_id = services.ledger.reserve(owner, dataset_id, reservation(0.1))
    services.ledger.commit(run_id)
    with pytest.raises(AlreadyCommittedError):
        services.ledger.commit(run_id)


def test_release_gives_back_and_cannot_be_committed(services, owner, dataset_id):
    run_id = services.ledger.reserve(owner, dataset_id, reservation(0.5))
    assert services.ledger.release(run_id, "cancelled", "not needed")
    assert services.ledger.summary(owner, dataset_id).epsilon_left == 1.0
    assert [entry.state for entry in services.ledger.entries(owner, dataset_id)] == ["released"]
    with pytest.raises(AlreadyCommittedError):
        services.ledger.commit(run_id)


def test_what_was_committed_is_never_given_back(services, owner, dataset_id):
    run_id = services.ledger.reserve(owner, dataset_id, reservation(0.5))
    services.ledger.commit(run_id)
    assert not services.ledger.release(run_id, "cancelled", "too late")
    assert services.ledger.entries(owner, dataset_id)[0].state == "committed"
    assert services.runs.get(owner, run_id).status == "running"


def test_a_cap_can_move_but_not_below_what_is_charged(services, owner, dataset_id):
    services.ledger.reserve(owner, dataset_id, reservation(0.5))
    services.datasets.save_budget(owner, dataset_id, 2.0, DELTA)
    assert services.ledger.summary(owner, dataset_id).epsilon_cap == 2.0
    services.datasets.save_budget(owner, dataset_id, 0.5, DELTA)
    with pytest.raises(ConflictError, match="reserved or spent already"):
        services.datasets.save_budget(owner, dataset_id, 0.49, DELTA)
    with pytest.raises(ConflictError, match="reserved or spent already"):
        services.datasets.save_budget(owner, dataset_id, 0.5, 1e-9)
    assert services.ledger.summary(owner, dataset_id).epsilon_cap == 0.5


def test_no_budget_no_reservation(services, owner):
    dataset_id = add_dataset(services, owner)
    assert services.ledger.summary(owner, dataset_id).epsilon_left is None
    with pytest.raises(NotReadyError) as missing:
        services.ledger.reserve(owner, dataset_id, reservation(0.1))
    assert missing.value.step == "budget"


def test_the_ledger_of_a_stranger_looks_missing(services, stranger, dataset_id):
    for call in (services.ledger.summary, services.ledger.entries):
        with pytest.raises(NotFoundError):
            call(stranger, dataset_id)
    with pytest.raises(NotFoundError):
        services.ledger.reserve(stranger, dataset_id, reservation(0.1))


def test_micro_epsilon_never_understates():
    assert budget.to_micro(0.1) == 100_000
    assert budget.to_micro(0.1 + 0.2) == 300_000
    assert budget.to_micro(0.1000001) == 100_001
    assert budget.from_micro(300_000) == 0.3


def test_events_are_the_same_but_for_rounding():
    event = {"type": "SelfComposedDpEvent", "count": 3, "event": {"type": "GaussianDpEvent", "noise_multiplier": 2.0}}
    assert budget.is_same_event(event, event)
    assert budget.is_same_event([event, 1.0], [event, 1.0 + 1e-12])
    for other in ({**event, "count": 4}, {**event, "delta_extra": 0.0}, [event], None):
        assert not budget.is_same_event(event, other)
    assert not budget.is_same_event({"noise_multiplier": 2.0}, {"noise_multiplier": 2.0 - 1e-9})


def at_once(number, work):
    """Call `work(index, gate)` in as many threads; the gate lets all go at once, and any error is raised here."""
    gate = threading.Barrier(number)
    with ThreadPoolExecutor(number) as pool:
        for future in [pool.submit(work, index, gate) for index in range(number)]:
            future.result(60)


def _database_url(kind, request, tmp_path):
    if kind == "postgresql":
        return request.getfixturevalue("make_postgres_database")()
    return f"sqlite:///{tmp_path / 'ledger.sqlite3'}"


@pytest.fixture(params=["postgresql", "sqlite"])
def shared(request, tmp_path, redis_url):
    """An application whose database is shared by several, each with its own connections."""
    url = _database_url(request.param, request, tmp_path)
    settings = Settings.from_environment(
        {"DATA_DIR": str(tmp_path / "data"), "DATABASE_URL": url, "REDIS_URL": redis_url}
    )
    made = []

    def make():
        made.append(build(settings, password_rounds=FAST_BCRYPT_ROUNDS))
        return made[-1]

    make().database.migrate()
    yield make
    for services in made:
        services.close()


@pytest.mark.integration
def test_eight_writers_are_granted_exactly_what_fits(shared):
    services = shared()
    owner = services.accounts.create_administrator("owner", "owner@example.org", "correct horse battery")
    dataset_id = ready_dataset(services, owner, cap=0.5)
    asked = reservation(0.1)
    granted, refused = [], []
    todo = iter(range(50))
    lock = threading.Lock()

    def work(number, gate):
        mine = shared()
        gate.wait()
        while True:
            with lock:
                if next(todo, None) is None:
                    return
            try:
                granted.append(mine.ledger.reserve(owner, dataset_id, asked))
            except BudgetRefusedError as error:
                refused.append(error)

    at_once(8, work)
    assert len(granted) == number_that_fits(0.1, 0.5)
    assert len(granted) + len(refused) == 50
    events = [entry.event for entry in services.ledger.entries(owner, dataset_id)]
    assert len(events) == len(granted)
    assert compose_epsilon(events, DELTA) <= 0.5
    assert compose_epsilon([*events, asked.price["event"]], DELTA) > 0.5


@pytest.mark.integration
def test_one_of_eight_commits_wins(shared):
    services = shared()
    owner = services.accounts.create_administrator("owner", "owner@example.org", "correct horse battery")
    dataset_id = ready_dataset(services, owner)
    run_id = services.ledger.reserve(owner, dataset_id, reservation(0.1))
    won, lost = [], []

    def work(number, gate):
        mine = shared()
        gate.wait()
        if number % 2:
            (won if mine.ledger.release(run_id, "cancelled", "") else lost).append("release")
            return
        try:
            mine.ledger.commit(run_id)
            won.append("commit")
        except AlreadyCommittedError:
            lost.append("commit")

    at_once(8, work)
    assert (len(won), len(lost)) == (1, 7)
    state = services.ledger.entries(owner, dataset_id)[0].state
    assert state == {"commit": "committed", "release": "released"}[won[0]]


@pytest.mark.integration
def test_a_cap_cannot_fall_below_a_run_that_is_reserved_meanwhile(shared):
    services = shared()
    owner = services.accounts.create_administrator("owner", "owner@example.org", "correct horse battery")
    dataset_id = ready_dataset(services, owner, cap=1.0)
    outcomes = []

    def work(number, gate):
        mine = shared()
        gate.wait()
        try:
            if number:
                mine.datasets.save_budget(owner, dataset_id, 0.2, DELTA)
            else:
                mine.ledger.reserve(owner, dataset_id, reservation(0.9))
            outcomes.append("granted")
        except (ConflictError, BudgetRefusedError):
            outcomes.append("refused")

    at_once(2, work)
    assert sorted(outcomes) == ["granted", "refused"]
    summary = services.ledger.summary(owner, dataset_id)
    assert summary.epsilon_reserved <= summary.epsilon_cap


def test_submit_reserves_the_price_of_the_plan(services, owner, dataset_id):
    run = submit(services, owner, dataset_id, epsilon=0.3)
    entry = services.ledger.entries(owner, dataset_id)[0]
    assert (entry.run_id, entry.state, entry.username) == (run.id, "reserved", "owner")
    assert compose_epsilon([entry.event], entry.delta) <= 0.3
    assert run.epsilon == pytest.approx(0.3, abs=2e-6)
