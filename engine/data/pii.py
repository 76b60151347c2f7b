"""Columns that may name a person, found by their header and by the shape of their values.

A finding says what was recognised and how often, never a value. It is a hint for a person to decide on, not a
proof that the other columns are harmless.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

SHARE_NEEDED = 0.6
"""Part of the sampled values that must have a shape for a finding."""


@dataclass(frozen=True)
class PiiFinding:
    """A reason to look at a column.

    Args:
        kind: what it may hold.
        reason: why, without any value.
        fake_provider: what could stand in for it, if anything.
    """

    kind: str
    reason: str
    fake_provider: str | None


def is_card_number(text: str) -> bool:
    """13 to 19 digits whose Luhn sum is a multiple of ten."""
    digits = re.sub(r"[ -]", "", text)
    if not re.fullmatch(r"\d{13,19}", digits) or len(set(digits)) == 1:
        return False
    doubled = [int(digit) * (2 if position % 2 else 1) for position, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def is_iban(text: str) -> bool:
    """An IBAN whose check digits are right (ISO 13616, modulo 97)."""
    compact = text.replace(" ", "").upper()
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", compact):
        return False
    moved = compact[4:] + compact[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def is_ip_address(text: str) -> bool:
    """An IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_social_security_number(text: str) -> bool:
    """A US social security number with its dashes and none of the ranges that are never given out."""
    found = re.fullmatch(r"(\d{3})-(\d{2})-(\d{4})", text)
    if found is None:
        return False
    area, group, serial = found.groups()
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def is_email(text: str) -> bool:
    """An e-mail address."""
    return re.fullmatch(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}", text) is not None


def is_phone_number(text: str) -> bool:
    """A phone number with a plus sign or separators, so that plain numbers and dates are not taken for one."""
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}.*", text) or not re.fullmatch(r"\+?[\d\s().-]{7,20}(x\d+)?", text):
        return False
    digits = len(re.sub(r"\D", "", text))
    separated = text.startswith(("+", "(")) or len(re.findall(r"[\s.-]", text)) >= 2
    return 7 <= digits <= 15 and separated


_SHAPES: tuple[tuple[str, str | None, Callable[[str], bool]], ...] = (
    ("e-mail address", "email", is_email),
    ("social security number", "ssn", is_social_security_number),
    ("IP address", "ipv4", is_ip_address),
    ("IBAN", "iban", is_iban),
    ("card number", "credit_card_number", is_card_number),
    ("phone number", "phone_number", is_phone_number),
)

_HEADERS: tuple[tuple[str, str | None, str], ...] = (
    ("e-mail address", "email", r"e_?mail"),
    ("phone number", "phone_number", r"phone|mobile|telephone|fax"),
    ("social security number", "ssn", r"ssn|social_security"),
    ("IP address", "ipv4", r"ip|ip_address|ipv4|ipv6"),
    ("IBAN", "iban", r"iban|bank_account"),
    ("card number", "credit_card_number", r"card_number|credit_card|pan"),
    ("person's first name", "first_name", r"first_name|forename|given_name"),
    ("person's last name", "last_name", r"last_name|surname|family_name"),
    ("person's name", "name", r"name|full_name|(patient|customer|person|client|employee)_name"),
    ("postal address", "street_address", r"address|street|street_address|home_address"),
    ("identifier", "uuid4", r"id|uuid|guid|mrn|[a-z_]+_(id|uuid|number|no)|medical_record.*|passport.*|licen[cs]e.*"),
)


def find_by_values(values: Sequence[str]) -> list[PiiFinding]:
    """Findings from a sample of a text column's values."""
    findings = []
    for kind, provider, matches in _SHAPES:
        hits = sum(matches(value) for value in values)
        if values and hits >= SHARE_NEEDED * len(values):
            share = 100 * hits / len(values)
            findings.append(PiiFinding(kind, f"{share:.0f} % of sampled values have the form of this kind", provider))
    return findings


def find_by_header(name: str) -> list[PiiFinding]:
    """The first kind that a column's name speaks of."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    normal = re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")
    for kind, provider, pattern in _HEADERS:
        if re.fullmatch(pattern, normal):
            return [PiiFinding(kind, "the column's name speaks of this kind", provider)]
    return []
