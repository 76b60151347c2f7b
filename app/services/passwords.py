"""Passwords and secrets: bcrypt for what people choose, SHA-256 for what we draw."""

from __future__ import annotations

import hashlib
import re
import secrets

import bcrypt

from app.errors import InvalidInputError

DEFAULT_ROUNDS = 12
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD_BYTES = 72
"""bcrypt reads no further, so a longer password would be weaker than it looks."""

_USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,63}")
_EMAIL = re.compile(r"[!-?A-~]{1,64}@[!-?A-~]{1,189}")


def hash_password(password: str, rounds: int = DEFAULT_ROUNDS) -> str:
    """The bcrypt hash of a password."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds)).decode()


def is_password(password: str, password_hash: str) -> bool:
    """Whether a password has this hash; takes as long for a wrong one as for the right one."""
    return bcrypt.checkpw(password.encode()[:LONGEST_PASSWORD_BYTES], password_hash.encode())


def new_secret() -> str:
    """A random secret of 256 bits, safe in a URL."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """What is stored of a secret that we drew; 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def username_key(username: str) -> str:
    """The user name as it is compared: in lower case, without spaces and control characters around or in it."""
    return "".join(filter(str.isprintable, username)).strip().casefold()[:64]


def check_password(password: str) -> None:
    """Refuse a password that is too short or that bcrypt would cut; raises InvalidInputError."""
    if len(password) < SHORTEST_PASSWORD:
        raise InvalidInputError(f"A password needs at least {SHORTEST_PASSWORD} characters.")
    if len(password.encode()) > LONGEST_PASSWORD_BYTES:
        raise InvalidInputError(f"A password has at most {LONGEST_PASSWORD_BYTES} bytes.")
    if "\x00" in password:
        raise InvalidInputError("A password cannot hold a null character.")


def check_username(username: str) -> None:
    """Refuse a user name that cannot be typed or compared well; raises InvalidInputError."""
    if not _USERNAME.fullmatch(username):
        raise InvalidInputError(
            "A user name has 2 to 64 letters, digits, dots, hyphens or underscores, and starts with a letter or digit."
        )


def check_email(email: str) -> None:
    """Refuse what is plainly no e-mail address; raises InvalidInputError."""
    if not _EMAIL.fullmatch(email):
        raise InvalidInputError("The e-mail address is not complete.")
