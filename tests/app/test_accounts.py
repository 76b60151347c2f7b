"""Users, sign-in, lockout, sessions and tokens."""

import sqlite3
import threading
from datetime import UTC, datetime, timedelta

import pytest

from app.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    LockedOutError,
    NotFoundError,
    WrongCredentialsError,
)
from app.services import passwords
from app.wiring import build
from tests.conftest import FAST_BCRYPT_ROUNDS

PASSWORD = "correct horse battery"


class MovedClock:
    def __init__(self):
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self):
        return self.now

    def move(self, **span):
        self.now += timedelta(**span)


@pytest.fixture
def clock():
    return MovedClock()


@pytest.fixture
def accounts(settings, clock):
    services = build(settings, now=clock, password_rounds=FAST_BCRYPT_ROUNDS)
    services.database.migrate()
    yield services.accounts
    services.close()


@pytest.fixture
def anna(accounts):
    return accounts.create_administrator("Anna", "anna@example.org", PASSWORD)


def test_first_run_makes_one_administrator(accounts):
    assert not accounts.has_users()
    anna = accounts.create_administrator("Anna", "anna@example.org", PASSWORD)
    assert anna.is_admin
    assert accounts.has_users()
    with pytest.raises(ConflictError, match="set up before"):
        accounts.create_administrator("Eve", "eve@example.org", PASSWORD)


def test_two_set_ups_at_once_make_one_administrator(accounts, monkeypatch):
    monkeypatch.setattr(accounts, "has_users", lambda: False)
    made, refused = [], []

    def set_up(name):
        try:
            made.append(accounts.create_administrator(name, f"{name}@example.org", PASSWORD))
        except ConflictError as error:
            refused.append(error)

    threads = [threading.Thread(target=set_up, args=(f"admin{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(refused)) == (1, 3)


def test_user_names_are_compared_without_case(accounts, anna):
    assert accounts.authenticate(" aNNa ", PASSWORD) == anna
    with pytest.raises(ConflictError, match="taken"):
        accounts.create_user(anna, "ANNA", "other@example.org", PASSWORD)


def test_only_an_administrator_makes_and_lists_users(accounts, anna):
    bob = accounts.create_user(anna, "bob", "bob@example.org", PASSWORD)
    assert {user.username for user in accounts.list_users(anna)} == {"Anna", "bob"}
    with pytest.raises(ForbiddenError):
        accounts.create_user(bob, "eve", "eve@example.org", PASSWORD)
    with pytest.raises(ForbiddenError):
        accounts.list_users(bob)


@pytest.mark.parametrize(
    ("username", "email", "password"),
    [
        ("a", "a@example.org", PASSWORD),
        ("<script>", "a@example.org", PASSWORD),
        ("anna", "example.org", PASSWORD),
        ("anna", "a@example.org", "short"),
        ("anna", "a@example.org", "ü" * 37),
        ("anna", "a@example.org", "null\x00character"),
    ],
)
def test_what_cannot_be_used_is_refused(accounts, username, email, password):
    with pytest.raises(InvalidInputError):
        accounts.create_administrator(username, email, password)
    assert not accounts.has_users()


def test_a_wrong_password_and_an_unknown_user_look_the_same(accounts, anna):
    with pytest.raises(WrongCredentialsError) as wrong:
        accounts.authenticate("anna", "something else")
    with pytest.raises(WrongCredentialsError) as unknown:
        accounts.authenticate("nobody", "something else")
    assert str(wrong.value) == str(unknown.value)


def test_an_unknown_user_costs_one_password_check_too(accounts, anna, monkeypatch):
    checked = []

    def count(password, password_hash):
        checked.append(password_hash)
        return False

    monkeypatch.setattr(passwords, "is_password", count)
    for name in ("anna", "nobody"):
        with pytest.raises(WrongCredentialsError):
            accounts.authenticate(name, "something else")
    assert len(checked) == 2
    assert {text[:7] for text in checked} == {f"$2b$0{FAST_BCRYPT_ROUNDS}$"}


@pytest.mark.parametrize("name", ["anna", "nobody"])
def test_repeated_failures_lock_the_name_for_a_while(accounts, anna, clock, name):
    for _ in range(5):
        with pytest.raises(WrongCredentialsError):
            accounts.authenticate(name, "something else")
        clock.move(seconds=30)
    with pytest.raises(LockedOutError, match="Try again in 13 minutes") as locked:
        accounts.authenticate(name, PASSWORD)
    clock.now = locked.value.retry_at + timedelta(seconds=1)
    if name == "anna":
        assert accounts.authenticate(name, PASSWORD) == anna


def test_a_lock_does_not_look_at_the_password(accounts, anna, monkeypatch):
    for _ in range(5):
        with pytest.raises(WrongCredentialsError):
            accounts.authenticate("anna", "something else")
    monkeypatch.setattr(passwords, "is_password", lambda *_: pytest.fail("the password was looked at"))
    with pytest.raises(LockedOutError):
        accounts.authenticate("anna", PASSWORD)


def test_success_forgets_earlier_failures(accounts, anna, clock):
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(WrongCredentialsError):
                accounts.authenticate("anna", "something else")
            clock.move(seconds=1)
        assert accounts.authenticate("anna", PASSWORD) == anna
        clock.move(seconds=1)


def test_parallel_guesses_count_too(accounts, anna):
    answers = []

    def guess():
        try:
            accounts.authenticate("anna", "something else")
        except (WrongCredentialsError, LockedOutError) as error:
            answers.append(type(error))

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(WrongCredentialsError) == 5
    assert answers.count(LockedOutError) == 7


def test_a_session_lasts_until_it_is_closed(accounts, anna):
    secret = accounts.open_session(anna)
    assert accounts.session_user(secret) == anna
    accounts.close_session(secret)
    assert accounts.session_user(secret) is None


def test_a_session_expires(accounts, anna, clock):
    secret = accounts.open_session(anna)
    clock.move(days=7, seconds=-1)
    assert accounts.session_user(secret) == anna
    clock.move(seconds=1)
    assert accounts.session_user(secret) is None


@pytest.mark.parametrize("secret", [None, "", "guess"])
def test_no_session_is_nobody(accounts, anna, secret):
    assert accounts.session_user(secret) is None


def test_a_new_password_closes_the_other_sessions(accounts, anna):
    here, elsewhere = accounts.open_session(anna), accounts.open_session(anna)
    accounts.change_password(anna, PASSWORD, "another long password", keep_session=here)
    assert accounts.session_user(here) == anna
    assert accounts.session_user(elsewhere) is None
    assert accounts.authenticate("anna", "another long password") == anna
    with pytest.raises(WrongCredentialsError):
        accounts.authenticate("anna", PASSWORD)


def test_a_new_password_needs_the_old_one(accounts, anna):
    with pytest.raises(WrongCredentialsError):
        accounts.change_password(anna, "something else", "another long password")
    assert accounts.authenticate("anna", PASSWORD) == anna


def test_a_token_is_shown_once_and_can_be_revoked(accounts, anna):
    token, secret = accounts.create_token(anna, "notebook")
    assert secret.startswith(token.prefix)
    assert accounts.user_for_token(secret) == anna
    assert accounts.list_tokens(anna)[0].last_used_at is not None
    accounts.revoke_token(anna, token.id)
    assert accounts.user_for_token(secret) is None
    assert accounts.list_tokens(anna)[0].revoked_at is not None


def test_a_token_of_somebody_else_looks_missing(accounts, anna):
    bob = accounts.create_user(anna, "bob", "bob@example.org", PASSWORD)
    token, secret = accounts.create_token(anna, "notebook")
    with pytest.raises(NotFoundError) as foreign:
        accounts.revoke_token(bob, token.id)
    with pytest.raises(NotFoundError) as missing:
        accounts.revoke_token(bob, "0" * 32)
    assert str(foreign.value) == str(missing.value)
    assert accounts.list_tokens(bob) == []
    assert accounts.user_for_token(secret) == anna


def test_no_secret_is_in_the_database(accounts, anna, settings):
    session = accounts.open_session(anna)
    _, token = accounts.create_token(anna, "notebook")
    with sqlite3.connect(settings.data_dir / "studio.sqlite3") as connection:
        dump = "\n".join(connection.iterdump())
    connection.close()
    assert "notebook" in dump
    for secret in (PASSWORD, session, token):
        assert secret not in dump


def test_sign_ins_are_in_the_audit_trail(services, owner):
    with pytest.raises(WrongCredentialsError):
        services.accounts.authenticate("owner", "something else")
    services.accounts.authenticate("owner", PASSWORD)
    actions = [entry.action for entry in services.audit.list(owner)]
    assert actions[:2] == ["sign_in", "sign_in.failed"]


def test_account_lines_of_others_are_for_administrators_only(services, owner, stranger):
    services.accounts.authenticate("stranger", PASSWORD)
    assert "stranger" in {entry.username for entry in services.audit.list(owner)}
    assert {entry.username for entry in services.audit.list(stranger)} == {"stranger"}
