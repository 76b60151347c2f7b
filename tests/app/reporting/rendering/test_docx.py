import getpass
import io
import re
import socket
import zipfile
from datetime import UTC, datetime, timedelta, timezone
from functools import cache

import docx
import pytest
from docx.oxml.ns import qn

from app.reporting.document import Section, Statements
from app.reporting.rendering.docx import render_docx
from app.reporting.rendering.plain import legal
from tests.app.reporting.rendering.hostile import HOSTILE_TEXTS, hostile_report
from tests.app.reporting.sample_report import CURVE_FIGURE, FINGERPRINT, SECTIONS, column_table, sample_report

MOMENT = datetime(2026, 11, 28, 12, 0, tzinfo=timezone(timedelta(hours=2)))
SHORT = SECTIONS[:2]
FEW = (SECTIONS[0], SECTIONS[2], SECTIONS[9], SECTIONS[10])
"""Every kind of text, without the long table and the drawings."""


def document(report):
    return docx.Document(io.BytesIO(render_docx(report, MOMENT)))


@pytest.fixture(scope="module")
def whole():
    return document(sample_report())


def texts(opened):
    """Every text of the body in order, with those of the tables."""
    return ["".join(node.text or "" for node in p.iter(qn("w:t"))) for p in opened.element.body.iter(qn("w:p"))]


def test_headings_are_headings_at_their_level(whole):
    headings = [(p.style.name, p.text) for p in whole.paragraphs if p.style.name.startswith("Heading")]
    assert ("Heading 1", "1 Summary in plain words") in headings
    assert ("Heading 2", "10.1 NIST SP 800-226 checklist") in headings
    assert ("Heading 3", "Query model") in headings
    assert ("Heading 2", "The same run read at other values of δ") in headings
    assert whole.paragraphs[0].style.name == "Title"


def test_tables_repeat_their_header_keep_rows_together_and_are_announced(whole):
    for table in whole.tables:
        header, *others = table.rows
        assert header._tr.trPr.find(qn("w:tblHeader")) is not None
        assert not [row for row in others if row._tr.trPr.find(qn("w:tblHeader")) is not None]
        assert all(row._tr.trPr.find(qn("w:cantSplit")) is not None for row in table.rows)
        assert table._tbl.tblPr.find(qn("w:tblLook")).get(qn("w:firstRow")) == "1"
        assert table._tbl.tblPr.find(qn("w:tblCaption")).get(qn("w:val"))
    columns = next(table for table in whole.tables if len(table.columns) == 6)
    assert [cell.text for cell in columns.rows[0].cells] == list(column_table().header)
    assert [cell.text for cell in columns.rows[1].cells] == list(column_table().rows[0])
    widths = [cell.width.cm for cell in columns.rows[1].cells]
    assert sum(widths) == pytest.approx(17.0, abs=0.01) and widths[0] == pytest.approx(17.0 * 2.4 / 10.1, abs=0.01)


def test_statements_without_a_row_leave_no_table_of_headers():
    empty = (Section("1", "Nothing", (Statements(()),)),)
    assert len(document(sample_report(sections=empty)).tables) == 1, "the cover alone has a table"


def test_pictures_have_an_alternative_text(whole):
    described = [element.get("descr") for element in whole.element.body.iter(qn("wp:docPr"))]
    assert len(described) == 4 and all(described)
    assert CURVE_FIGURE.alt in described
    assert described[0].startswith("Code to scan: ")


def test_every_statement_names_who_answers_for_it(whole):
    rows = [[cell.text for cell in row.cells] for table in whole.tables for row in table.rows if len(row.cells) == 3]
    assert ["Unit of protection", "one row, which is one visit", "declared by ada"] in rows
    assert ["Why this unit", "not provided", "to be completed by the data owner"] in rows
    assert ["Name", "Ada Lovelace", "declared by ada"] in rows
    assert ["Decision", "", "to be completed by the data owner"] in rows, "no room to write a decision"


def test_all_blocks_are_written(whole):
    written = "\n".join(texts(whole))
    for expected in (
        "Warning: One person in several rows",
        "Note: It lists what a reader",
        "Other releases of the same or overlapping data are not counted here.",
        f"# key: {FINGERPRINT}",
        CURVE_FIGURE.caption,
        column_table().caption,
        "Privacy officer",
    ):
        assert expected in written, expected


def test_contents_pages_and_banner_are_there(whole):
    instructions = [node.text.split()[0] for node in whole.element.body.iter(qn("w:instrText"))]
    assert instructions == ["TOC"]
    marks = [node.get(qn("w:fldCharType")) for node in whole.element.body.iter(qn("w:fldChar"))]
    assert marks == ["begin", "separate", "end"]
    links = {node.get(qn("w:anchor")) for node in whole.element.body.iter(qn("w:hyperlink"))}
    targets = [node.get(qn("w:name")) for node in whole.element.body.iter(qn("w:bookmarkStart"))]
    assert len(links) == len(SECTIONS) and links == set(targets) and len(targets) == len(links)
    section = whole.sections[0]
    assert section.header.paragraphs[0].text == "Draft: not for filing"
    footer = section.footer.paragraphs[0]
    assert [node.text.strip() for node in footer._p.iter(qn("w:instrText"))] == ["PAGE", "NUMPAGES"]
    assert footer.text == f"Document {sample_report().document_id}\tPage 1 of 1"


def test_a_warning_banner_looks_like_one_and_no_banner_leaves_nothing():
    alarm = document(sample_report(sections=SHORT, banner="No privacy guarantee", is_alarm=True))
    assert alarm.sections[0].header.paragraphs[0].style.name == "Alarm banner"
    assert document(sample_report(sections=SHORT, banner="")).sections[0].header.paragraphs[0].text == ""


def test_properties_say_what_it_is_and_nothing_about_the_machine():
    made = render_docx(sample_report(sections=SHORT), MOMENT)
    properties = docx.Document(io.BytesIO(made)).core_properties
    assert properties.title == "Technical evidence for a privacy review"
    assert properties.created.replace(tzinfo=UTC) == properties.modified.replace(tzinfo=UTC) == MOMENT
    assert properties.author == properties.last_modified_by == "Synthetic Data Studio"
    assert properties.language == "en"
    with zipfile.ZipFile(io.BytesIO(made)) as parts:
        assert {part.date_time for part in parts.infolist()} == {(2026, 11, 28, 10, 0, 0)}
        stated = b"".join(parts.read(name) for name in parts.namelist() if name.startswith("docProps"))
        languages = set(re.findall(rb'<w:lang [^>]*w:val="([^"]+)"', parts.read("word/styles.xml")))
    assert languages == {b"en-US"}
    assert b"python-docx" not in stated
    for name in (socket.gethostname(), getpass.getuser()):
        assert not re.search(rb"\b" + re.escape(name.encode()) + rb"\b", stated)


def test_equal_reports_are_equal_files():
    report = sample_report(sections=SHORT)
    assert render_docx(report, MOMENT) == render_docx(report, MOMENT)
    assert render_docx(report, MOMENT) != render_docx(report, MOMENT + timedelta(days=1))


@cache
def harmless_shape():
    return [element.tag for element in document(hostile_report("harmless", sections=FEW)).element.body.iter()]


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_a_hostile_text_is_a_text(text):
    """The elements are those of a harmless report; only letters differ."""
    hostile = document(hostile_report(text, sections=FEW))
    assert [element.tag for element in hostile.element.body.iter()] == harmless_shape()
    assert hostile.paragraphs[0].text == legal(text)
    assert hostile.tables[0].rows[1].cells[0].text == legal(text)
    assert hostile.sections[0].header.paragraphs[0].text == legal(text)
