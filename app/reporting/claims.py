"""Claims that no text of the product may make.

Differential privacy bounds what one unit changes. It certifies no law, and no test that found nothing proves
anything; a text that says otherwise harms whoever trusts it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from app.errors import InvalidInputError

_FRAMEWORK = r"(?:hipaa|gdpr|ccpa|cpra|soc\s?2|iso\s?27001|ai act|nist(?: sp)?(?: 800-226)?|ferpa|pci)"

FORBIDDEN: tuple[tuple[str, str], ...] = (
    (
        "a table or tool complies with a law or standard",
        rf"{_FRAMEWORK}[\s-]+(?:compliant|compliance|certified|approved)",
    ),
    (
        "a table or tool complies with a law or standard",
        rf"(?:compliant with|complies with|meets|certified (?:to|for|under)|satisfies) (?:the )?{_FRAMEWORK}",
    ),
    (
        "a table or tool complies with a law or standard",
        rf"(?:ensures?|guarantees?|achieves?|provides?|proves?) (?:full |complete )?(?:{_FRAMEWORK} )?compliance",
    ),
    ("a law does not apply", rf"{_FRAMEWORK} (?:does not|doesn't|no longer) appl(?:y|ies)"),
    ("a law does not apply", rf"(?:outside|out of) (?:of )?(?:the )?scope of (?:the )?{_FRAMEWORK}"),
    ("Safe Harbor is met by differential privacy", r"safe harbou?r (?:is |was )?(?:met|satisfied|achieved|passed)"),
    (
        "identifiers are removed, on a scanner's word",
        r"all (?:18|eighteen) identifiers (?:are |were |have been )?removed",
    ),
    (
        "an expert determination without an expert",
        r"expert determination:? (?:is |was )?(?:complete|completed|done|passed)",
    ),
    ("approval for health data", r"approved for phi"),
    ("anonymity", r"(?:fully|completely|truly|100\s?%) anonym(?:ous|i[sz]ed)"),
    (
        "no risk",
        r"\b(?:zero|no)[\s-]+"
        r"(?:re-?identification[\s-]+risk|risk of re-?identification|privacy risk|link to real people)",
    ),
    ("no risk", r"\brisk[\s-]free\b|(?:cannot|can not|impossible to) (?:be )?re-?identif\w+"),
    ("complete privacy", r"100\s?% private|(?:guaranteed|perfectly|completely|fully) private"),
    (
        "a test that found nothing proves privacy",
        r"(?:dcr|distance to closest record|attacks?|no exact copies)[^.\n]{0,40}(?:therefore|so it is|hence|proves?)"
        r" (?:it is )?(?:private|safe|anonymous)",
    ),
    ("a privacy score", r"privacy score:?(?: of)? \d"),
    ("k-anonymity of sampled rows", r"(?:k-anonymity|l-diversity) (?:is |was )?(?:achieved|guaranteed|met)"),
    ("privacy as strong, without unit and δ", r"very strong privacy|high privacy\b|maximum privacy"),
    ("a certification", r"(?<!not )\bcertified by\b"),
    ("a model that forgets", r"(?:gan|llm|model|synthesi[sz]er)s? (?:does not|do not|cannot|never) memori[sz]e"),
)
"""What a claim would say, and a pattern that finds it, whatever the case."""


@dataclass(frozen=True)
class Claim:
    """A forbidden claim that was found.

    Args:
        reason: what it would say.
        text: the words found.
        line: 1-based line.
    """

    reason: str
    text: str
    line: int


def find_claims(text: str) -> tuple[Claim, ...]:
    """Forbidden claims in a text, in order.

    Args:
        text: source of a page or template, or any text to show; a line break counts as a space.
    """
    flat = text.replace("\n", " ")
    found = [
        Claim(reason, match.group(), text.count("\n", 0, match.start()) + 1)
        for reason, pattern in FORBIDDEN
        for match in re.finditer(pattern, flat, re.IGNORECASE)
    ]
    return tuple(sorted(found, key=lambda claim: claim.line))


def refuse_claims(texts: Iterable[str], names: Iterable[str] = ()) -> None:
    """Refuse texts that make a forbidden claim.

    Invisible characters, unusual spaces and look-alike forms of letters hide nothing.

    Args:
        texts: what is about to be stored or printed.
        names: names of columns and the like, which are data: one that reads like a claim says nothing by itself.

    Raises:
        InvalidInputError: it quotes the first claim and says what it would mean.
    """
    quoted = sorted((name for name in map(_plain, names) if find_claims(name)), key=len, reverse=True)
    for text in texts:
        plain = _plain(text)
        for name in quoted:
            plain = plain.replace(name, "…")
        for claim in find_claims(plain):
            raise InvalidInputError(
                f"“{claim.text}” is a claim that no evidence supports ({claim.reason}). Say what was done instead."
            )


def _plain(text: str) -> str:
    normal = unicodedata.normalize("NFKC", text)
    visible = "".join(character for character in normal if unicodedata.category(character) != "Cf")
    return " ".join(visible.split())
