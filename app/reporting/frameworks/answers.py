"""What may be answered to a question, and in which form it is kept."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from urllib.parse import urlsplit

from app.errors import InvalidInputError
from app.reporting.claims import refuse_claims
from app.reporting.frameworks.base import Kind, Question
from app.reporting.printable import LONGEST_STATEMENT

LONGEST = {Kind.TEXT: 200, Kind.LONG: LONGEST_STATEMENT, Kind.URL: 500}
"""Characters of an answer at most; a report prints each whole."""

LONGEST_TYPED = 20_000
"""Characters that are looked at, with all spaces and line breaks."""

FIRST_YEAR, LAST_YEAR = 1990, 2150

Answer = str | list[str]


def check_answer(question: Question, columns: Sequence[str], answer: object) -> Answer | None:
    """An answer as it is kept: on one line, without outer spaces; None where it is empty.

    Args:
        question: what was asked.
        columns: names of the dataset's columns.
        answer: what was answered.

    Raises:
        InvalidInputError: it cannot be an answer to this question; it says what to change.
    """
    if answer is None:
        return None
    if question.kind is Kind.COLUMNS:
        return _columns(question, columns, answer) or None
    if not isinstance(answer, str):
        raise InvalidInputError(f"{_name(question)} is answered by a text.")
    text = _one_line(question, answer)
    if not text:
        return None
    if question.kind is Kind.DATE:
        _check_date(question, text)
    elif question.kind is Kind.CHOICE:
        if text not in question.choices:
            raise InvalidInputError(f"{_name(question)} is answered by one of: {'; '.join(question.choices)}.")
    else:
        _check_text(question, columns, text)
    return text


def _name(question: Question) -> str:
    return f"“{question.label}” ({question.id})"


def _columns(question: Question, columns: Sequence[str], answer: object) -> list[str]:
    if not isinstance(answer, list | tuple) or not all(isinstance(name, str) for name in answer):
        raise InvalidInputError(f"{_name(question)} is answered by a list of column names.")
    known = set(columns)
    if unknown := [name for name in answer if name not in known]:
        shown = ascii(unknown[0][:80])
        raise InvalidInputError(f"{_name(question)}: the table has no column {shown}. Choose among its columns.")
    chosen = set(answer)
    return [name for name in columns if name in chosen]


def _one_line(question: Question, answer: str) -> str:
    if len(answer) > LONGEST_TYPED:
        raise InvalidInputError(f"{_name(question)} is answered in far fewer than {LONGEST_TYPED:,} characters.")
    text = " ".join(unicodedata.normalize("NFC", answer).split())
    if any(unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn") for character in text):
        raise InvalidInputError(f"{_name(question)} holds a control character. Type it again, as plain text.")
    return text


def _check_date(question: Question, text: str) -> None:
    try:
        found = date.fromisoformat(text) if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else None
    except ValueError:
        found = None
    if found is None:
        raise InvalidInputError(f"{_name(question)} is answered by a date, such as 2026-03-31.")
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise InvalidInputError(f"{_name(question)}: the year lies between {FIRST_YEAR} and {LAST_YEAR}.")


def _check_text(question: Question, columns: Sequence[str], text: str) -> None:
    longest = LONGEST[question.kind]
    if len(text) > longest:
        raise InvalidInputError(
            f"{_name(question)} has at most {longest:,} characters; the answer has {len(text):,}. Shorten it, and name "
            "the document that says the rest."
        )
    if question.kind is Kind.URL and not _is_url(text):
        raise InvalidInputError(
            f"{_name(question)} is answered by a public address, such as https://example.org/commitment, without a "
            "password in it."
        )
    try:
        refuse_claims([text], columns)
    except InvalidInputError as error:
        raise InvalidInputError(f"{_name(question)}: {error.user_message}") from None


def _is_url(text: str) -> bool:
    """Whether a text is an address on the web that names a host: no other scheme, no user, no script."""
    if not re.fullmatch(r"[!-~]+", text) or any(character in text for character in '"<>\\^`{|}'):
        return False
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    host = parts.hostname or ""
    has_user = "@" in parts.netloc
    return parts.scheme in ("http", "https") and not has_user and re.fullmatch(r"[\w-]+(\.[\w-]+)+", host) is not None
