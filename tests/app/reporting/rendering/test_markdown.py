import re

import pytest

from app.reporting.document import Code, Section
from app.reporting.rendering.markdown import escape, render_markdown
from app.reporting.rendering.plain import legal
from tests.app.reporting.rendering.hostile import HOSTILE_TEXTS, hostile_report
from tests.app.reporting.sample_report import CURVE_FIGURE, column_table, sample_report


def unescaped(text):
    """What a reader of Markdown takes as a text: a backslash before a sign means the sign."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text)


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_an_escaped_text_shows_its_own_characters_and_holds_no_markup(text):
    escaped = escape(text)
    assert unescaped(escaped) == " ".join(legal(text).split())
    bare = re.sub(r"\\[!-/:-@\[-`{-~]", "", escaped)
    assert not re.search(r"[*_`\[\]<>|~$&]|://|www\.", bare), bare
    assert not re.match(r"[#+=-]|\d+[.)](?:\s|$)", bare)


def test_a_text_that_is_not_escaped_would_be_found():
    assert re.search(r"[*_`\[\]<>|~$&]", re.sub(r"\\[!-/:-@\[-`{-~]", "", r"\<b>"))


def test_a_report_has_headings_by_level_and_a_line_per_statement():
    lines = render_markdown(sample_report()).splitlines()
    assert lines[0] == "# Technical evidence for a privacy review: Visits of 2025"
    assert lines[2] == "> **Draft: not for filing**"
    assert "## 10 Annexes by framework" in lines and "### 10.1 NIST SP 800-226 checklist" in lines
    assert "#### Query model" in lines
    assert "| Unit of protection | one row, which is one visit | declared by ada |" in lines
    assert "| Why this unit | not provided | to be completed by the data owner |" in lines
    assert "- The names of the columns were taken as public." in lines
    assert "> **Warning:** One person in several rows is protected less than the number above says." in lines


def test_a_table_is_one_block_with_as_many_cells_in_each_line():
    report = sample_report()
    text = render_markdown(report)
    lines = text.split(f"**{column_table().caption}**")[1].strip().split("\n\n")[0].splitlines()
    assert lines[0] == "| " + " | ".join(column_table().header) + " |"
    assert lines[1] == "| --- | --- | --- | --- | --- | --- |"
    assert len(lines) == 2 + len(column_table().rows)


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_a_hostile_text_neither_adds_a_line_nor_a_cell(text):
    harmless, hostile = (render_markdown(hostile_report(given)).splitlines() for given in ("harmless", text))
    code = sum(line.startswith("`") for line in harmless)
    assert len(hostile) == len(harmless) and sum(line.startswith("`") for line in hostile) == code
    bars = [len(re.findall(r"(?<!\\)\|", line)) for line in harmless]
    in_code = False
    for line, expected in zip(hostile, bars, strict=True):
        in_code ^= line.startswith("`")
        if not in_code:
            assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == expected, line


def test_a_figure_says_what_it_shows():
    text = render_markdown(sample_report())
    assert f"**Figure: {CURVE_FIGURE.caption}** {CURVE_FIGURE.alt}" in text


def test_code_stays_inside_its_fence():
    hostile = "```\n<script>\n````"
    text = render_markdown(sample_report(sections=(Section("1", "Verify", (Code(hostile),)),)))
    assert f"`````text\n{hostile}\n`````\n" in text
