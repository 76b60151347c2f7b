"""Users, sign-in, browser sessions and API tokens."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from functools import cached_property

from app.clock import Clock
from app.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    LockedOutError,
    NotFoundError,
    WrongCredentialsError,
)
from app.services import passwords
from app.services.audit import AuditService
from app.services.dataset_checks import printable
from app.services.views import TokenView, UserView
from app.settings import Settings
from app.store import users as rows
from app.store.models import ApiToken, SignInAttempt, User, WebSession
from app.store.session import Database, IntegrityError, Session

TOKEN_START = "sds_"
ATTEMPTS_KEPT = timedelta(days=1)
LONGEST_TOKEN_NAME = 100


class AccountsService:
    """Who may sign in, and who is signed in.

    Args:
        database: where users are kept.
        audit: told of every sign-in and change.
        settings: lockout and session length.
        now: the time.
        rounds: bcrypt's cost.
    """

    def __init__(
        self,
        database: Database,
        audit: AuditService,
        settings: Settings,
        now: Clock,
        rounds: int = passwords.DEFAULT_ROUNDS,
    ) -> None:
        self._database = database
        self._audit = audit
        self._settings = settings
        self._now = now
        self._rounds = rounds

    @cached_property
    def _nobody_hash(self) -> str:
        """Checked where nobody has the name, so that the answer takes as long."""
        return passwords.hash_password(passwords.new_secret(), self._rounds)

    def has_users(self) -> bool:
        """Whether the first-run set-up is done."""
        with self._database.read() as session:
            return rows.any_user(session)

    def create_administrator(self, username: str, email: str, password: str) -> UserView:
        """Make the first user, an administrator.

        Raises:
            ConflictError: there is a user already.
            InvalidInputError: name, address or password cannot be used.
        """
        refusal = ConflictError("The administrator was set up before. Sign in instead.")
        if self.has_users():
            raise refusal
        try:
            return self._add_user(None, username, email, password, is_admin=True, is_first=True)
        except ConflictError:
            raise refusal from None

    def create_user(
        self, user: UserView, username: str, email: str, password: str, *, is_admin: bool = False
    ) -> UserView:
        """Make a further user.

        Raises:
            ForbiddenError: the caller is no administrator.
            ConflictError: the name is taken.
            InvalidInputError: name, address or password cannot be used.
        """
        _require_admin(user)
        return self._add_user(user, username, email, password, is_admin=is_admin, is_first=None)

    def list_users(self, user: UserView) -> list[UserView]:
        """All users, for an administrator."""
        _require_admin(user)
        with self._database.read() as session:
            return [user_view(found) for found in rows.list_users(session)]

    def get_user(self, user_id: str) -> UserView:
        """One user; raises NotFoundError where there is none."""
        with self._database.read() as session:
            found = rows.find_user(session, user_id)
        if found is None:
            raise NotFoundError("user")
        return user_view(found)

    def authenticate(self, username: str, password: str) -> UserView:
        """Check a user name and password.

        Raises:
            LockedOutError: too many failures; the password is not looked at.
            WrongCredentialsError: they do not belong together, or nobody has the name.
        """
        key = passwords.username_key(username)
        attempt_id = self._begin_attempt(key)
        with self._database.read() as session:
            found = rows.find_user_by_key(session, key)
        right = passwords.is_password(password, found.password_hash if found else self._nobody_hash)
        if found is None or not right:
            self._audit.record(
                user_view(found) if found else None, "sign_in.failed", "account", found.id if found else None
            )
            raise WrongCredentialsError
        view = user_view(found)
        with self._database.write() as session:
            attempt = session.get(SignInAttempt, attempt_id)
            if attempt is not None:
                attempt.succeeded = True
            self._audit.add(session, view, "sign_in", "account", view.id)
        return view

    def open_session(self, user: UserView) -> str:
        """Begin a browser session; gives the secret that the cookie carries."""
        secret = passwords.new_secret()
        now = self._now()
        with self._database.write() as session:
            rows.forget_sessions(session, now)
            session.add(
                WebSession(
                    user_id=user.id,
                    secret_hash=passwords.hash_secret(secret),
                    created_at=now,
                    expires_at=now + timedelta(days=self._settings.session_days),
                )
            )
        return secret

    def session_user(self, session_id: str | None) -> UserView | None:
        """Whose browser session this is; None where it is closed, expired or unknown."""
        if not session_id:
            return None
        with self._database.read() as session:
            found = rows.find_open_session(session, passwords.hash_secret(session_id), self._now())
            user = rows.find_user(session, found.user_id) if found is not None else None
        return user_view(user) if user is not None else None

    def close_session(self, session_id: str) -> None:
        """End a browser session for good."""
        user = self.session_user(session_id)
        with self._database.write() as session:
            rows.close_session(session, passwords.hash_secret(session_id), self._now())
            if user is not None:
                self._audit.add(session, user, "sign_out", "account", user.id)

    def change_password(self, user: UserView, old: str, new: str, *, keep_session: str | None = None) -> None:
        """Set a new password and end all other browser sessions of the user.

        Args:
            user: whose password.
            old: the current password.
            new: the next one.
            keep_session: secret of the session that stays open.

        Raises:
            WrongCredentialsError: the current password is wrong.
            LockedOutError: it was wrong too often.
            InvalidInputError: the new one cannot be used.
        """
        passwords.check_password(new)
        self.authenticate(user.username, old)
        new_hash = passwords.hash_password(new, self._rounds)
        keep = passwords.hash_secret(keep_session) if keep_session else None
        with self._database.write() as session:
            found = rows.find_user(session, user.id)
            if found is None:
                raise NotFoundError("user")
            found.password_hash = new_hash
            rows.close_sessions(session, user.id, self._now(), keep)
            self._audit.add(session, user, "password.change", "account", user.id)

    def list_tokens(self, user: UserView) -> list[TokenView]:
        """The user's API tokens, newest first."""
        with self._database.read() as session:
            return [_token_view(token) for token in rows.list_tokens(session, user.id)]

    def create_token(self, user: UserView, name: str) -> tuple[TokenView, str]:
        """Make an API token; the secret is given here and never again.

        Raises:
            InvalidInputError: the name is empty or too long.
        """
        name = printable(name).strip()
        if not 1 <= len(name) <= LONGEST_TOKEN_NAME:
            raise InvalidInputError(f"A token needs a name of 1 to {LONGEST_TOKEN_NAME} characters.")
        secret = TOKEN_START + passwords.new_secret()
        token = ApiToken(
            user_id=user.id,
            name=name,
            prefix=secret[: len(TOKEN_START) + 4],
            secret_hash=passwords.hash_secret(secret),
            created_at=self._now(),
        )
        with self._database.write() as session:
            session.add(token)
            session.flush()
            self._audit.add(session, user, "token.create", "token", token.id)
        return _token_view(token), secret

    def revoke_token(self, user: UserView, token_id: str) -> None:
        """Make a token useless; raises NotFoundError where the user has none of that id."""
        with self._database.write() as session:
            token = rows.find_token(session, user.id, token_id)
            if token is None:
                raise NotFoundError("token")
            if token.revoked_at is None:
                token.revoked_at = self._now()
                self._audit.add(session, user, "token.revoke", "token", token.id)

    def user_for_token(self, secret: str) -> UserView | None:
        """Whose token this is; None where it is revoked or unknown."""
        with self._database.write() as session:
            token = rows.find_live_token(session, passwords.hash_secret(secret))
            if token is None:
                return None
            token.last_used_at = self._now()
            user = rows.find_user(session, token.user_id)
            return user_view(user) if user is not None else None

    def _add_user(
        self,
        actor: UserView | None,
        username: str,
        email: str,
        password: str,
        *,
        is_admin: bool,
        is_first: bool | None,
    ) -> UserView:
        username, email = username.strip(), email.strip()
        passwords.check_username(username)
        passwords.check_email(email)
        passwords.check_password(password)
        user = User(
            username=username,
            username_key=passwords.username_key(username),
            email=email,
            password_hash=passwords.hash_password(password, self._rounds),
            is_admin=is_admin,
            is_first=is_first,
            created_at=self._now(),
        )
        try:
            with self._database.write() as session:
                session.add(user)
                session.flush()
                self._audit.add(session, actor or user_view(user), "user.create", "account", user.id)
        except IntegrityError:
            raise ConflictError("This user name is taken. Choose another one.") from None
        return user_view(user)

    def _begin_attempt(self, key: str) -> str:
        """Count the attempt as failed before the password is looked at, so that parallel guesses count too."""
        now = self._now()
        with self._database.write() as session:
            rows.forget_attempts(session, now - ATTEMPTS_KEPT)
            self._refuse_locked(session, key, now)
            attempt = SignInAttempt(username_key=key, succeeded=False, created_at=now)
            session.add(attempt)
            session.flush()
            return attempt.id

    def _refuse_locked(self, session: Session, key: str, now: datetime) -> None:
        span = timedelta(minutes=self._settings.lockout_minutes)
        failures = rows.failures_since(session, key, now - span)
        if len(failures) < self._settings.lockout_attempts:
            return
        retry_at = failures[self._settings.lockout_attempts - 1] + span
        raise LockedOutError(retry_at, max(1, math.ceil((retry_at - now).total_seconds() / 60)))


def _require_admin(user: UserView) -> None:
    if not user.is_admin:
        raise ForbiddenError("Only an administrator may do this.")


def user_view(user: User) -> UserView:
    """The row as a view, without the password's hash."""
    return UserView(user.id, user.username, user.email, user.is_admin, user.created_at)


def _token_view(token: ApiToken) -> TokenView:
    return TokenView(token.id, token.name, token.prefix, token.created_at, token.last_used_at, token.revoked_at)
