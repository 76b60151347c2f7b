"""Users, their sessions, tokens and attempts to sign in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func, select, update

from app.store.models import ApiToken, SignInAttempt, User, WebSession, is_id
from app.store.session import Session


def any_user(session: Session) -> bool:
    """Whether there is a user at all."""
    return session.scalar(select(User.id).limit(1)) is not None


def find_user(session: Session, user_id: str) -> User | None:
    """A user by id."""
    return session.get(User, user_id) if is_id(user_id) else None


def find_user_by_key(session: Session, username_key: str) -> User | None:
    """A user by the folded user name."""
    return session.scalar(select(User).where(User.username_key == username_key))


def list_users(session: Session) -> list[User]:
    """All users by name."""
    return list(session.scalars(select(User).order_by(User.username_key)))


def failures_since(session: Session, username_key: str, since: datetime) -> list[datetime]:
    """Times of failed sign-ins after the last success, newest first."""
    last_success = session.scalar(
        select(func.max(SignInAttempt.created_at)).where(
            SignInAttempt.username_key == username_key, SignInAttempt.succeeded
        )
    )
    start = max(since, last_success) if last_success is not None else since
    statement = (
        select(SignInAttempt.created_at)
        .where(
            SignInAttempt.username_key == username_key,
            SignInAttempt.created_at > start,
            SignInAttempt.succeeded.is_(False),
        )
        .order_by(SignInAttempt.created_at.desc())
    )
    return list(session.scalars(statement))


def forget_attempts(session: Session, before: datetime) -> None:
    """Remove attempts that no longer count."""
    session.execute(delete(SignInAttempt).where(SignInAttempt.created_at < before))


def find_open_session(session: Session, secret_hash: str, now: datetime) -> WebSession | None:
    """A session that is neither closed nor expired."""
    statement = select(WebSession).where(
        WebSession.secret_hash == secret_hash, WebSession.closed_at.is_(None), WebSession.expires_at > now
    )
    return session.scalar(statement)


def forget_sessions(session: Session, now: datetime) -> None:
    """Remove sessions that have expired."""
    session.execute(delete(WebSession).where(WebSession.expires_at <= now))


def close_sessions(session: Session, user_id: str, now: datetime, keep_hash: str | None = None) -> None:
    """Close all open sessions of a user but one."""
    statement = update(WebSession).where(WebSession.user_id == user_id, WebSession.closed_at.is_(None))
    if keep_hash is not None:
        statement = statement.where(WebSession.secret_hash != keep_hash)
    session.execute(statement.values(closed_at=now))


def close_session(session: Session, secret_hash: str, now: datetime) -> None:
    """Close one session, where it is open."""
    session.execute(
        update(WebSession)
        .where(WebSession.secret_hash == secret_hash, WebSession.closed_at.is_(None))
        .values(closed_at=now)
    )


def list_tokens(session: Session, user_id: str) -> list[ApiToken]:
    """All tokens of a user, newest first."""
    statement = select(ApiToken).where(ApiToken.user_id == user_id).order_by(ApiToken.created_at.desc())
    return list(session.scalars(statement))


def find_token(session: Session, user_id: str, token_id: str) -> ApiToken | None:
    """A token of a user by id."""
    if not is_id(token_id):
        return None
    return session.scalar(select(ApiToken).where(ApiToken.id == token_id, ApiToken.user_id == user_id))


def find_live_token(session: Session, secret_hash: str) -> ApiToken | None:
    """A token that is not revoked."""
    return session.scalar(select(ApiToken).where(ApiToken.secret_hash == secret_hash, ApiToken.revoked_at.is_(None)))
