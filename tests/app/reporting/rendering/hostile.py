"""A report whose every text tries to be markup, for tests of the formats that have any."""

from dataclasses import fields, is_dataclass, replace

from app.reporting.document import Status
from tests.app.reporting.sample_report import sample_report

HOSTILE_TEXTS = (
    "</title><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' style='position:fixed' x='",
    "]]></style><style>*{display:none}</style>",
    "{{ 7 * 7 }} {% raw %} ${x} %s \\",
    "[link](javascript:alert(1)) ![i](http://example.org/x.png) <http://example.org>",
    "# *bold* _em_ `code` ~~gone~~ | cell \\| &lt; &#60; $x^2$",
    "1. list - + = # > quote",
    "http://example.org/?a=1&b=2 www.example.org",
    "עברית الاسم 用户姓名 naïve 😀",
    "<w:t>&</w:t> \x00\x07\x1b\ud800\ufffe control",
)
_KEPT = frozenset({"name", "document_id", "number", "axis", "texts", "limit_label", "reference_label"})
"""Fields that are never a user's text: names of figures, ids, numbers of sections, and what a chart says itself."""


def hostile_report(text, **changes):
    """The sample report with one text in place of every other."""
    return _changed(sample_report(code="", **changes), text)


def _changed(value, text):
    if isinstance(value, Status):
        return value
    if isinstance(value, str):
        return text if value else value
    if isinstance(value, tuple):
        return tuple(_changed(item, text) for item in value)
    if is_dataclass(value):
        names = {field.name for field in fields(value)} - ({"status"} if hasattr(value, "by") else _KEPT)
        return replace(value, **{name: _changed(getattr(value, name), text) for name in names})
    return value
