"""Fixtures that any test may use: real servers once per session, and an application of its own per test."""

import itertools
from dataclasses import replace

import pytest

from app.settings import Settings
from app.wiring import build
from engine.synthesizers import ctgan_baseline, tvae_baseline
from engine.synthesizers.dp_ctgan import DpCtganSynthesizer
from engine.synthesizers.dp_tvae import DpTvaeSynthesizer
from tests.servers import postgres_server, redis_server, s3_server

FAST_BCRYPT_ROUNDS = 4
SHORT_EPOCHS = 3
SHORT_TRAINING = {
    "steps": 20,
    "batch_rows": 40,
    "hidden": 16,
    "latent": 4,
    "first_moment_steps": 60,
    "last_moment_steps": 60,
    "latent_points": 100,
    "rehearsal_steps": 20,
    "rehearsal_rows": 40,
    "sleep_steps": 5,
}
LONGER_TRAINING = {
    "hidden": 64,
    "first_moment_steps": 500,
    "last_moment_steps": 300,
    "latent_points": 300,
    "rehearsal_steps": 200,
    "rehearsal_rows": 200,
}
_databases = itertools.cycle(range(64))


@pytest.fixture(autouse=True)
def short_trainings(monkeypatch, request):
    """Networks that are small and take few steps; `longer_trainings` is for tests of what the deep methods learn."""
    changes = SHORT_TRAINING | (LONGER_TRAINING if "longer_trainings" in request.fixturenames else {})
    for method in (DpCtganSynthesizer, DpTvaeSynthesizer):
        monkeypatch.setattr(method, "settings", replace(method.settings, **changes))
    for module in (ctgan_baseline, tvae_baseline):
        monkeypatch.setattr(module, "SETTINGS", replace(module.SETTINGS, epochs=SHORT_EPOCHS))


@pytest.fixture
def longer_trainings():
    """Deep methods fit well enough that shares of their rows can be looked at."""


FEW_METRICS = ("marginals", "closest-record", "copies")


@pytest.fixture
def few_metrics(monkeypatch, request):
    """Reports that compute three metrics only; `all_metrics` in the same test takes that back."""
    from engine.evaluation.registry import metric_info

    if "all_metrics" not in request.fixturenames:
        metrics = tuple(metric_info(name) for name in FEW_METRICS)
        monkeypatch.setattr("engine.evaluation.evaluate.list_metrics", lambda: metrics)


@pytest.fixture
def all_metrics():
    """Reports compute every metric, also in a module whose tests make do with few."""


@pytest.fixture(scope="session")
def redis_address():
    """A running Redis, without a database number."""
    with redis_server() as url:
        yield url


@pytest.fixture
def redis_url(redis_address):
    """An empty database of the running Redis."""
    from redis import Redis

    url = f"{redis_address}?db={next(_databases)}"
    with Redis.from_url(url) as connection:
        connection.flushdb()
        yield url
        connection.flushdb()


@pytest.fixture(scope="session")
def make_postgres_database():
    """Makes an empty PostgreSQL database and gives its URL."""
    with postgres_server() as make_database:
        yield make_database


@pytest.fixture(scope="session")
def s3_address():
    """A running S3."""
    with s3_server() as url:
        yield url


@pytest.fixture
def settings(tmp_path, redis_url):
    """Settings of an application in a folder of its own."""
    return Settings.from_environment({"DATA_DIR": str(tmp_path / "data"), "REDIS_URL": redis_url})


@pytest.fixture
def services(settings):
    """An application on SQLite and a real Redis."""
    built = build(settings, password_rounds=FAST_BCRYPT_ROUNDS)
    built.database.migrate()
    yield built
    built.close()


@pytest.fixture
def owner(services):
    """The administrator of the application."""
    return services.accounts.create_administrator("owner", "owner@example.org", "correct horse battery")


@pytest.fixture
def stranger(services, owner):
    """Another user, who owns nothing."""
    return services.accounts.create_user(owner, "stranger", "stranger@example.org", "correct horse battery")
