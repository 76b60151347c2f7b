import pytest

from app.errors import InvalidInputError
from app.reporting.frameworks.answers import LONGEST, LONGEST_TYPED, check_answer
from app.reporting.frameworks.base import Kind, Question
from app.reporting.printable import clean
from tests.app.reporting.frameworks.answers import COLUMNS
from tests.app.reporting.test_claims import CLAIMS


def question(kind, **changes):
    return Question("asked-here", "What is asked", "Help.", kind, "the data owner", **changes)


CHOICE = question(Kind.CHOICE, choices=("Yes, it is", "No, it is not"))

GOOD = [
    (question(Kind.TEXT), "  Ada Lovelace,\thead of registry ", "Ada Lovelace, head of registry"),
    (question(Kind.LONG), "To teach.\r\n\r\nNothing else.", "To teach. Nothing else."),
    (question(Kind.LONG), "اختبار und ‘quotes’ <b>&amp;</b> #let x", "اختبار und ‘quotes’ <b>&amp;</b> #let x"),
    (question(Kind.LONG), "e\u0301", "é"),
    (question(Kind.LONG), "x" * LONGEST[Kind.LONG], "x" * LONGEST[Kind.LONG]),
    (question(Kind.DATE), " 2024-02-29 ", "2024-02-29"),
    (question(Kind.URL), "https://example.org/a?b=c#d", "https://example.org/a?b=c#d"),
    (question(Kind.URL), "http://sub.example.org:8080/", "http://sub.example.org:8080/"),
    (CHOICE, "No, it is not", "No, it is not"),
    (question(Kind.COLUMNS), ["cost", "age", "cost"], ["age", "cost"]),
]

EMPTY = [
    (question(kind), empty)
    for kind, empty in [
        *[(kind, None) for kind in Kind],
        (Kind.TEXT, " \n\t "),
        (Kind.URL, ""),
        (Kind.DATE, " "),
        (Kind.CHOICE, ""),
        (Kind.COLUMNS, []),
    ]
]

BAD = [
    *[(question(Kind.DATE), text, "such as 2026-03-31") for text in ("31.12.2026", "2026-13-01", "2025-02-29")],
    *[(question(Kind.DATE), text, "such as 2026-03-31") for text in ("20261231", "2026-W01-1", "2026-12-31T00:00")],
    *[(question(Kind.DATE), text, "such as 2026-03-31") for text in ("２０２６-１２-３１", "soon")],
    *[(question(Kind.DATE), text, "the year lies between") for text in ("0001-01-01", "9999-12-31")],
    *[
        (question(Kind.URL), text, "public address")
        for text in (
            "example.org",
            "ftp://example.org/a",
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "https://",
            "https:///a",
            "https://localhost/a",
            "https://user:secret@example.org/",
            "https://example.org/a b",
            'https://example.org/"onmouseover="x',
            "https://example.org/<script>",
            "https://example.org:port/",
            "https://[::1/",
            "https://exämple.org/",
            "//example.org/a",
        )
    ],
    (CHOICE, "yes, it is", "one of: Yes, it is; No, it is not"),
    (question(Kind.COLUMNS), ["age", "salary"], "no column 'salary'"),
    (question(Kind.COLUMNS), "age", "list of column names"),
    (question(Kind.COLUMNS), [1], "list of column names"),
    (question(Kind.COLUMNS), {"age": 1}, "list of column names"),
    *[(question(kind), 5, "answered by a text") for kind in Kind if kind is not Kind.COLUMNS],
    *[(question(Kind.LONG), value, "answered by a text") for value in (True, ["a"], {"a": 1})],
    *[(question(kind), "x" * (most + 1), "Shorten it") for kind, most in LONGEST.items()],
    (question(Kind.LONG), " " * (LONGEST_TYPED + 1), "far fewer"),
    *[(question(Kind.LONG), f"a{sign}b", "control character") for sign in "\x00\x07\x1b\x7f\ud800\ue000"],
]


@pytest.mark.parametrize(("asked", "typed", "kept"), GOOD)
def test_an_answer_is_kept_on_one_line(asked, typed, kept):
    assert check_answer(asked, COLUMNS, typed) == kept


@pytest.mark.parametrize(("asked", "typed"), EMPTY)
def test_an_empty_answer_is_none(asked, typed):
    assert check_answer(asked, COLUMNS, typed) is None


@pytest.mark.parametrize(("asked", "typed", "said"), BAD)
def test_what_cannot_be_an_answer_is_refused_and_named(asked, typed, said):
    with pytest.raises(InvalidInputError, match=r"What is asked.*asked-here") as refused:
        check_answer(asked, COLUMNS, typed)
    assert said in refused.value.user_message


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.LONG])
def test_an_answer_that_claims_too_much_is_refused(claim, kind):
    with pytest.raises(InvalidInputError, match="a claim that no evidence supports") as refused:
        check_answer(question(kind), COLUMNS, f"We say: {claim}")
    assert "What is asked" in refused.value.user_message


@pytest.mark.parametrize(
    "disguised",
    [
        "GDPR\N{NO-BREAK SPACE}compliant",
        "GDPR\N{SOFT HYPHEN} compliant",
        "GD\N{ZERO WIDTH SPACE}PR compliant",
        "ＧＤＰＲ compliant",
        "GDPR \n\n compliant",
        "𝐆𝐃𝐏𝐑 𝐜𝐨𝐦𝐩𝐥𝐢𝐚𝐧𝐭",
    ],
)
def test_no_disguise_hides_a_claim(disguised):
    with pytest.raises(InvalidInputError, match="a claim that no evidence supports"):
        check_answer(question(Kind.LONG), COLUMNS, disguised)


def test_a_claim_in_an_address_is_refused():
    with pytest.raises(InvalidInputError, match="a claim that no evidence supports"):
        check_answer(question(Kind.URL), COLUMNS, "https://example.org/gdpr-compliant")


def test_a_column_may_be_named_whatever_its_name_says():
    asked, name = question(Kind.LONG), "gdpr compliant"
    assert check_answer(asked, (name,), f"We dropped {name}.") == f"We dropped {name}."


def test_a_report_prints_the_longest_answer_whole():
    longest = "x" * max(LONGEST.values())
    assert clean(longest, LONGEST[Kind.LONG]) == longest


def test_a_hostile_column_name_cannot_fill_the_message():
    with pytest.raises(InvalidInputError) as refused:
        check_answer(question(Kind.COLUMNS), COLUMNS, ["\u202e" * 5000])
    assert len(refused.value.user_message) < 700
    assert "\u202e" not in refused.value.user_message
