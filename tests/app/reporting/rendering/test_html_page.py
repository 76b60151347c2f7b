import base64
import hashlib
import re
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from typing import get_args

import pytest

from app.reporting.document import Block
from app.reporting.rendering.html_page import render_html
from app.reporting.rendering.plain import legal
from tests.app.reporting.rendering.hostile import HOSTILE_TEXTS, hostile_report
from tests.app.reporting.sample_report import CURVE_FIGURE, SECTIONS, column_table, sample_report
from tests.browser.studio import chromium

FEW = (*SECTIONS[:3], *SECTIONS[9:11])
"""Every kind of block, with one drawing and without the long table."""

VOID = {"meta", "link", "col", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """The elements of a page in order, each with its attributes and its text; nesting is checked."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.elements, self.open = [], []
        self.feed(page.decode())
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        element = {"tag": tag, "text": "", **dict(attributes)}
        assert len(attributes) == len(dict(attributes)), f"an attribute occurs twice: {tag} {attributes}"
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attributes):
        self.elements.append({"tag": tag, "text": "", **dict(attributes)})

    def handle_endtag(self, tag):
        assert self.open.pop()["tag"] == tag

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data

    def all(self, *tags):
        return [element for element in self.elements if element["tag"] in tags]

    def one(self, tag):
        (found,) = self.all(tag)
        return found


@pytest.fixture(scope="module")
def page():
    return Page(render_html(sample_report()))


def test_headings_are_one_outline_without_a_gap(page):
    headings = page.all("h1", "h2", "h3", "h4", "h5")
    levels = [int(heading["tag"][1]) for heading in headings]
    assert levels.count(1) == 1 and levels[0] == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
    by_text = {heading["text"]: heading["tag"] for heading in headings}
    assert by_text["10 Annexes by framework"] == "h2" and by_text["10.1 NIST SP 800-226 checklist"] == "h3"
    assert by_text["Query model"] == "h4" and by_text["The same run read at other values of δ"] == "h3"


def test_annexes_without_a_common_section_stand_beside_the_others():
    sections = tuple(section for section in SECTIONS if section.number != "10")
    headings = Page(render_html(sample_report(sections=sections))).all("h2", "h3")
    assert next(heading["tag"] for heading in headings if heading["text"].startswith("10.1")) == "h2"


def test_the_page_names_its_language_and_title_and_links_to_every_section(page):
    assert page.one("html")["lang"] == "en"
    assert page.one("title")["text"] == "Technical evidence for a privacy review: Visits of 2025"
    ids = [element["id"] for element in page.elements if "id" in element]
    assert len(ids) == len(set(ids))
    links = [link["href"] for link in page.all("a")]
    assert len(links) == 1 + len(SECTIONS)
    assert {link.removeprefix("#") for link in links} <= set(ids)
    labels = [element["aria-labelledby"] for element in page.elements if "aria-labelledby" in element]
    assert labels and set(labels) <= set(ids)


def test_a_table_has_its_caption_and_headers_with_their_scope(page):
    table = column_table()
    assert page.all("caption")[0]["text"] == table.caption
    titles = page.all("th")
    assert [title["text"] for title in titles if title["scope"] == "col"][: len(table.header)] == list(table.header)
    assert [title["text"] for title in titles if title["scope"] == "row"][: len(table.rows)] == [
        row[0] for row in table.rows
    ]
    titled = [cell["data-title"] for cell in page.all("td")]
    assert titled[: len(table.header) - 1] == list(table.header[1:])


def test_every_statement_shows_its_status_and_names_its_source(page):
    texts = [element["text"] for element in page.all("dd")]
    assert "ε = 1 at δ = 1e−6, for one row of the table computed" in texts
    assert "one row, which is one visit declared by ada" in texts
    assert "not provided to be completed by the data owner" in texts
    assert any(element.get("data-source") == "/synthetic_files/0/sha256" for element in page.all("div"))


def test_figures_are_drawings_with_an_alternative_text_and_ids_of_their_own(page):
    drawings = [drawing for drawing in page.all("svg") if not drawing["aria-label"].startswith("Code")]
    assert [drawing["role"] for drawing in drawings] == ["img"] * 3
    assert drawings[0]["aria-label"] == CURVE_FIGURE.alt
    ids = {element["id"] for element in page.elements if "id" in element}
    used = {element["href"][1:] for element in page.all("use")}
    used |= set(re.findall(r"url\(#([^)]+)\)", str([element.get("clip-path") for element in page.elements])))
    assert used and used <= ids
    assert any("fill" in path for path in page.all("path")), "the drawing has lost its colours"


def test_the_policy_allows_the_one_style_sheet_and_nothing_else(page):
    policy = next(element for element in page.all("meta") if element.get("http-equiv") == "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256(page.one("style")["text"].encode()).digest()).decode()
    assert policy["content"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


def test_the_page_runs_nothing_and_asks_for_nothing(page):
    assert not page.all("script", "link", "img", "iframe", "object", "embed", "form", "base")
    for element in page.elements:
        assert "style" not in element and "src" not in element, element
        assert not [name for name in element if name.startswith("on")], element
        assert element.get("href", "#").startswith("#"), element
    assert not re.search(r"@import|url\((?!#)", page.one("style")["text"])


@cache
def harmless_shape():
    return [element["tag"] for element in Page(render_html(hostile_report("harmless", sections=FEW))).elements]


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_a_hostile_text_is_shown_and_changes_no_element(text):
    shape = harmless_shape()
    hostile = Page(render_html(hostile_report(text, sections=FEW)))
    tags = [element["tag"] for element in hostile.elements]
    without_glyphs = {"path", "use", "g", "defs"}  # outlines of other letters
    assert [tag for tag in tags if tag not in without_glyphs] == [tag for tag in shape if tag not in without_glyphs]
    assert hostile.one("h1")["text"] == legal(text)
    assert hostile.all("caption")[0]["text"] == legal(text)
    assert hostile.all("td")[0]["data-title"] == legal(text)


def test_a_banner_is_on_the_screen_and_on_every_printed_page():
    page = render_html(sample_report(banner='Internal: a "quoted" \\ banner; }', is_alarm=True))
    parsed = Page(page)
    assert [element["text"] for element in parsed.all("div") if "alarm" in element.get("class", "")] == [
        'Internal: a "quoted" \\ banner; }'
    ]
    assert '@top-center { content: "Internal\\3a  a \\22 quoted\\22  \\5c  banner\\3b  \\7d " }' in page.decode()
    assert not [
        element for element in Page(render_html(sample_report(banner=""))).all("div") if "banner" in str(element)
    ]


def test_every_kind_of_block_is_shown(page):
    """A kind that the template does not know would be left out without a word."""
    shown = {type(block) for section in SECTIONS for block in section.blocks}
    assert shown == set(get_args(Block)), "the sample report lacks a kind of block"
    text = page.one("body")["text"]
    for expected in (
        "The same run read at other values of δ",
        "An ε means nothing without its δ.",
        "Warning: One person in several rows",
        "Other releases of the same or overlapping data are not counted here.",
        "python -m engine recompute evidence.json",
        "systolic_blood_pressure",
        CURVE_FIGURE.caption,
        "Privacy officer",
    ):
        assert expected in text, expected


def test_equal_reports_are_equal_pages():
    assert render_html(sample_report()) == render_html(sample_report())


@pytest.mark.browser
def test_a_browser_shows_it_without_a_violation_and_without_scrolling_sideways(tmp_path):
    path = tmp_path / "report.html"
    path.write_bytes(render_html(hostile_report("x" * 200)))
    with chromium() as browser:
        for width in (390, 1000, 1440):
            for scheme in ("light", "dark"):
                tab = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
                complaints = []
                tab.on("console", lambda message, into=complaints: into.append(message.text))
                tab.on("request", lambda request, into=complaints: into.append(request.url))
                tab.goto(path.as_uri())
                assert tab.evaluate("document.documentElement.scrollWidth") == width
                assert tab.evaluate("getComputedStyle(document.querySelector('h1')).fontWeight") == "700"
                assert complaints == [path.as_uri()]
