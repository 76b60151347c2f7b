"""The kinds of identifiers of 45 CFR 164.514(b)(2)(i), and what tells that a column could hold one."""

from __future__ import annotations

from dataclasses import dataclass

from app.reporting.frameworks.base import DATA_OWNER, Kind, Question


@dataclass(frozen=True)
class Identifier:
    """One kind of identifier.

    Args:
        letter: its letter in the rule.
        title: the kind in a few words.
        question: which columns hold values of this kind.
        header_kinds: kinds, as `engine.data.pii` names them, of column names that speak of it.
    """

    letter: str
    title: str
    question: Question
    header_kinds: tuple[str, ...] = ()

    @property
    def holds_dates(self) -> bool:
        """Whether dates, and high ages, are of this kind."""
        return self.letter == "C"


def _identifier(letter: str, name: str, title: str, hint: str = "", header_kinds: tuple[str, ...] = ()) -> Identifier:
    text = "Columns of the private table that hold values of this kind, of the people or of their relatives, employers "
    question = Question(
        f"hipaa-columns-{name}",
        f"({letter}) {title}",
        f"{text}or household members.{f' {hint}' if hint else ''} Choose none where there is none.",
        Kind.COLUMNS,
        DATA_OWNER,
        required=False,
    )
    return Identifier(letter, title, question, header_kinds)


IDENTIFIERS = (
    _identifier("A", "names", "Names", header_kinds=("person's name", "person's first name", "person's last name")),
    _identifier(
        "B",
        "geography",
        "Geography below a state",
        "Street, city, county, precinct, postal code. The first three digits of a postal code may stay where the areas "
        "that share them hold more than 20,000 people.",
        ("postal address",),
    ),
    _identifier(
        "C",
        "dates",
        "Dates except the year, and high ages",
        "Dates of birth, admission, discharge, death. Ages over 89, and what tells them, may stay as one group of 90 "
        "or older.",
    ),
    _identifier("D", "telephone", "Telephone numbers", header_kinds=("phone number",)),
    _identifier("E", "fax", "Fax numbers"),
    _identifier("F", "email", "E-mail addresses", header_kinds=("e-mail address",)),
    _identifier("G", "social-security", "Social security numbers", header_kinds=("social security number",)),
    _identifier("H", "medical-record", "Medical record numbers"),
    _identifier("I", "health-plan", "Health plan beneficiary numbers"),
    _identifier("J", "account", "Account numbers", header_kinds=("IBAN", "card number")),
    _identifier("K", "licence", "Certificate and licence numbers"),
    _identifier("L", "vehicle", "Vehicle identifiers and serial numbers", "Licence plates too."),
    _identifier("M", "device", "Device identifiers and serial numbers"),
    _identifier("N", "web-address", "Web addresses (URLs)"),
    _identifier("O", "ip-address", "IP addresses", header_kinds=("IP address",)),
    _identifier("P", "biometric", "Biometric identifiers", "Finger and voice prints."),
    _identifier("Q", "photograph", "Full-face photographs and comparable images"),
    _identifier(
        "R",
        "other",
        "Any other unique number, characteristic or code",
        "Such as a record's number, or a value so rare that it tells a person.",
        ("identifier",),
    ),
)
