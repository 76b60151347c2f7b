import dataclasses
import re
import time
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from itertools import pairwise

import pikepdf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader, mult

from app.reporting.document import (
    Bars,
    Bullets,
    Code,
    Figure,
    Heading,
    Note,
    Paragraph,
    Section,
    SignatureLine,
    Statement,
    Statements,
    Status,
    Table,
)
from app.reporting.rendering.figures import FAINT, INK
from app.reporting.rendering.pdf import TEMPLATE, Attachment, render_pdf
from tests.app.reporting.hostile_texts import HOSTILE_TEXTS
from tests.app.reporting.rendering.inspection import (
    STANDARD_TYPES,
    attached,
    attributes,
    dictionaries,
    elements,
    headings,
    text_of,
    unmarked,
)
from tests.app.reporting.sample_report import DOCUMENT_ID, FINGERPRINT, SECTIONS, column_table, sample_report

MOMENT = datetime(2026, 11, 28, 10, 0, 0, tzinfo=UTC)
ATTACHMENTS = (
    Attachment("evidence.json", '{"dataset":"Visits ε"}'.encode(), "application/json", "The evidence"),
    Attachment("raw.bin", bytes(range(256)), "application/octet-stream", "Bytes that are no text"),
)


@cache
def rendered(**changes):
    return render_pdf(sample_report(**changes), ATTACHMENTS, MOMENT)


def opened(document=None):
    return pikepdf.open(BytesIO(rendered() if document is None else document))


def with_blocks(*blocks):
    return render_pdf(sample_report(sections=(Section("1", "Only", blocks),)), (), MOMENT)


def test_it_names_its_language_its_title_and_both_standards():
    pdf = opened()
    assert pdf.Root.Lang == "en"
    assert pdf.Root.MarkInfo.Marked and not pdf.Root.MarkInfo.get("/Suspects", False)
    assert pdf.Root.ViewerPreferences.DisplayDocTitle
    assert pdf.docinfo["/Title"] == "Technical evidence for a privacy review"
    assert DOCUMENT_ID in str(pdf.docinfo["/Keywords"])
    metadata = pdf.Root.Metadata.read_bytes().decode()
    for part in ("pdfaid:part>3<", "pdfaid:conformance>A<", "pdfuaid:part>1<", DOCUMENT_ID):
        assert part in metadata, part


def test_colours_have_a_profile_of_their_own():
    pdf = opened()
    (intent,) = pdf.Root.OutputIntents
    assert intent.S == "/GTS_PDFA1"
    assert intent.DestOutputProfile.read_bytes()[36:40] == b"acsp"  # the signature of an ICC profile


def test_every_tag_is_a_standard_one_or_is_mapped_to_one():
    pdf = opened()
    mapped = pdf.Root.StructTreeRoot.get("/RoleMap", pikepdf.Dictionary())
    found = {name for name, _, _ in elements(pdf)}
    for name in found - STANDARD_TYPES:
        assert str(mapped[f"/{name}"])[1:] in STANDARD_TYPES, name
    assert {"H1", "H2", "H3", "P", "L", "Table", "TH", "TD", "Figure", "Caption", "TOC", "Link", "Code"} <= found


def test_headings_do_not_skip_levels_and_are_the_sections():
    found = headings(opened())
    assert found[0][0] == 1
    for (before, _), (after, title) in pairwise(found):
        assert after <= before + 1, title
    assert (1, "Annexes by framework") in found
    assert (2, "NIST SP 800-226 checklist") in found
    assert (3, "Query model") in found


def test_a_section_whose_parent_is_missing_does_not_become_a_part_of_another():
    document = render_pdf(sample_report(sections=(SECTIONS[0], SECTIONS[7], SECTIONS[8])), (), MOMENT)
    assert [level for level, title in headings(opened(document)) if title in ("NIST SP 800-226 checklist", "GDPR")] == [
        1,
        1,
    ]


def test_bookmarks_carry_the_printed_numbers():
    with opened().open_outline() as outline:
        titles = [item.title for item in outline.root]
        annexes = next(item for item in outline.root if item.title.startswith("10 "))
        assert [item.title for item in annexes.children] == ["10.1 NIST SP 800-226 checklist", "10.2 GDPR"]
    assert titles[0] == "1 Summary in plain words" and "A Appendix: every measurement" in titles


def test_every_figure_has_words_for_those_who_do_not_see_it():
    pdf = opened()
    figures = [element for name, element, _ in elements(pdf) if name == "Figure"]
    spoken = [str(element.Alt) for element in figures]
    assert len(figures) == 4
    assert all(text.strip() for text in spoken)
    assert any(text.startswith("QR code that holds the text") for text in spoken)
    assert any(text.startswith("Bars of the privacy loss of three runs") for text in spoken)


def test_header_cells_say_what_they_head_and_other_cells_name_them():
    pdf = opened()
    found = elements(pdf)
    headers = [element for name, element, _ in found if name == "TH"]
    names = {str(element.ID) for element in headers}
    assert len(headers) == 12
    assert {str(attributes(element)["/Scope"]) for element in headers} == {"/Column"}
    cells = [element for name, element, _ in found if name == "TD"]
    assert cells
    for cell in cells:
        assert {str(name) for name in attributes(cell)["/Headers"]} <= names
    tables = [element for name, element, _ in found if name == "Table"]
    assert all(any(child.get("/S") == "/Caption" for child in table.K) for table in tables)


def test_all_that_is_painted_is_tagged_or_marked_as_decoration():
    pdf = opened()
    assert [unmarked(page) for page in pdf.pages] == [[]] * len(pdf.pages)
    page = pdf.pages[2]  # the same page without its marks is found
    page.contents_coalesce()
    kept = [part for part in pikepdf.parse_content_stream(page) if str(part[1]) not in ("BMC", "BDC", "EMC")]
    page.Contents = pdf.make_stream(pikepdf.unparse_content_stream(kept))
    assert unmarked(page)


def test_links_lead_inside_the_document_and_say_where():
    pdf = opened()
    links = [annotation for page in pdf.pages for annotation in page.get("/Annots", [])]
    assert all(page.Tabs == "/S" for page in pdf.pages if "/Annots" in page)  # read in the order of the tags
    assert len(links) >= len(SECTIONS)
    for link in links:
        assert link.Subtype == "/Link" and str(link.Contents).strip()
        assert "/Dest" in link or link.A.S == "/GoTo"


def test_nothing_runs():
    pdf = opened()
    for value in dictionaries(pdf):
        assert not {"/JS", "/OpenAction", "/AA", "/Launch", "/RichMedia", "/XFA"} & set(value.keys())
        assert value.get("/S") not in ("/JavaScript", "/URI", "/Launch", "/SubmitForm", "/GoToR")


def test_fonts_are_in_the_file_and_their_text_can_be_copied():
    pdf, found = opened(), 0
    for value in dictionaries(pdf):
        if value.get("/Type") == "/FontDescriptor":
            found += 1
            assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(value.keys())
        if value.get("/Type") == "/Font" and value.get("/Subtype") == "/Type0":
            assert "/ToUnicode" in value
    assert found >= 3


def test_drawings_are_vectors():
    pdf = opened()
    assert not [value for value in dictionaries(pdf) if value.get("/Subtype") == "/Image"]


def test_attachments_are_carried_byte_by_byte_with_their_relation():
    pdf = opened()
    assert attached(rendered()) == {attachment.name: attachment.content for attachment in ATTACHMENTS}
    files = {str(file.UF): file for file in pdf.Root.AF}
    for attachment in ATTACHMENTS:
        assert files[attachment.name].AFRelationship == "/Data"
        assert str(files[attachment.name].Desc) == attachment.description
        assert str(files[attachment.name].EF.F.Subtype) == f"/{attachment.media_type}"
    assert attached(render_pdf(sample_report(), (), MOMENT)) == {}


def test_the_same_report_at_the_same_moment_gives_the_same_bytes():
    again = render_pdf(sample_report(), ATTACHMENTS, datetime.fromisoformat("2026-11-28T12:00:00.9+02:00"))
    assert again == rendered()
    assert render_pdf(sample_report(), ATTACHMENTS, MOMENT.replace(second=1)) != rendered()


def test_every_block_is_printed_and_can_be_copied_as_it_is():
    text = text_of(rendered())
    squeezed = text.replace(" ", "")
    assert "\u200b" not in text
    for section in SECTIONS:
        assert f"{section.number} {section.title}" in text
    for part in (
        "Facts that are true of the population are learned",
        "Warning. One person in several rows",
        "Figure 1. The same measurements, read at other values of δ. /certificate/privacy/epsilon_at",
        "Table 1. What was learned of each column",
        "readmitted_within_30_days",
        "python -m engine verify report.pdf",
        "declared by an operator with a long name",
        "to be completed by the data owner",
        "Ada Lovelace",
    ):
        assert part.replace(" ", "") in squeezed, part
    assert FINGERPRINT in squeezed and "ab" * 32 in squeezed


def test_each_page_names_the_document_its_number_and_the_banner():
    pages = PdfReader(BytesIO(rendered())).pages
    for number, page in enumerate(pages, 1):
        text = page.extract_text()
        assert f"Document {DOCUMENT_ID}" in text
        assert f"Page {number} of {len(pages)}" in text
        assert "DRAFT: NOT FOR FILING" in text
    plain = render_pdf(sample_report(banner=""), (), MOMENT)
    assert "FOR FILING" not in text_of(plain).upper()


def test_the_cover_says_the_banner_also_to_those_who_do_not_see_the_margin():
    for is_alarm in (False, True):
        document = rendered(banner="Internal: not to be passed on", is_alarm=is_alarm)
        first = PdfReader(BytesIO(document)).pages[0].extract_text()
        assert first.count("Internal: not to be passed on") == 1  # in the margin it is in capitals
        assert ("Warning. Internal" in first) == is_alarm


def test_headers_of_a_long_table_are_repeated_and_read_once():
    document = with_blocks(column_table([f"column number {number}" for number in range(120)]))
    pages = [page.extract_text() for page in PdfReader(BytesIO(document)).pages]
    with_rows = [text for text in pages if "column number" in text]
    assert len(with_rows) >= 4
    assert all("Values outside" in text for text in with_rows)
    assert len([name for name, _, _ in elements(opened(document)) if name == "TH"]) == 6


def test_a_table_with_more_columns_than_a_page_holds_is_split():
    header = tuple(f"attribute_{number}" for number in range(200))
    rows = tuple(tuple(f"{row}.{column}" for column in range(200)) for row in range(3))
    document = with_blocks(Table("Wide.", header, rows, (1.0,) * 200, "/certificate"))
    squeezed = text_of(document).replace(" ", "")
    for column in (0, 1, 99, 199):
        assert f"attribute_{column}" in squeezed and f"2.{column}" in squeezed
    assert "Columns194to200of200." in squeezed or re.search(r"Columns\d+to200of200", squeezed)
    captions = re.findall(r"Columns(\d+)to(\d+)of200", squeezed)
    shown = [number for first, last in captions for number in range(int(first), int(last) + 1)]
    assert shown == list(range(2, 201))


def test_a_row_taller_than_a_page_is_printed_to_its_end():
    document = with_blocks(Table("Tall.", ("a", "b"), (("one", "word " * 3000 + "end-of-cell"),), (1.0, 1.0), "/x"))
    assert "end-of-cell" in text_of(document)


def test_numbers_end_at_one_place_and_words_begin_at_one():
    rows = (("one", "1.5"), ("three", "−12.25"), ("none", "not provided"))
    begins = places(with_blocks(Table("Numbers.", ("Name", "Value"), rows, (1.0, 1.0), "/x")))
    assert begins["one"] == begins["three"] == begins["none"]
    assert begins["not provided"] < begins["−12.25"] < begins["1.5"]
    rows = (("one", "1.5"), ("three", "some words"))
    begins = places(with_blocks(Table("Words.", ("Name", "Value"), rows, (1.0, 1.0), "/x")))
    assert begins["1.5"] == begins["some words"]


def test_a_column_is_as_wide_as_its_longest_word_where_there_is_room():
    rows = (("a long sentence of many words that takes the rest of the line " * 2, "1"),)
    document = with_blocks(Table("Narrow.", ("Text", "Sensitivity"), rows, (30.0, 1.0), "/x"))
    assert "Sensitivity" in places(document)


def test_a_small_table_is_not_spread_over_the_line():
    begins = places(with_blocks(Table("Small.", ("Key", "Value"), (("one", "two"),), (1.0, 1.0), "/x")))
    assert begins["two"] - begins["one"] < 60


def test_statements_that_follow_each_other_are_one_list():
    statement = Statement("name", "value", Status.COMPUTED)
    document = with_blocks(Statements((statement,)), Statements((statement,)), Paragraph("x"), Statements((statement,)))
    lists = [element for name, element, _ in elements(opened(document)) if name == "L"]
    assert len(lists) == 4  # the cover, the key to the marks, and two of the section


def places(document):
    """Where each text begins, from the left."""
    found = {}

    def visit(text, matrix, text_matrix, *_):
        if text.strip():
            found[text.strip()] = round(mult(text_matrix, matrix)[4], 1)

    for page in PdfReader(BytesIO(document)).pages:
        page.extract_text(visitor_text=visit)
    return found


EMPTY = {
    "no sections": {"sections": ()},
    "no cover": {"cover": ()},
    "no code": {"code": ""},
    "no texts": {"title": "", "subject": "", "preface": "", "document_id": ""},
    "empty blocks": {
        "sections": (
            Section(
                "",
                "",
                (
                    Heading(""),
                    Paragraph(""),
                    Note(""),
                    Statements(()),
                    Bullets(()),
                    Code(""),
                    Table("", ("a", "b"), (), (1.0, 1.0), ""),
                    Figure("empty", "", "", Bars((), (), (), ""), ""),
                    SignatureLine("", ()),
                ),
            ),
        )
    },
}


@pytest.mark.parametrize("changes", EMPTY.values(), ids=EMPTY)
def test_empty_parts_render(changes):
    pdf = opened(render_pdf(sample_report(**changes), (), MOMENT))
    assert len(pdf.pages) >= 2
    assert pdf.docinfo["/Title"] == (changes.get("title", "Technical evidence for a privacy review") or "(empty)")


def blocks_of(text):
    """Every block, with the text wherever one can stand."""
    statement = Statement(text, text, Status.DECLARED, text, (text,))
    return (
        Heading(text),
        Paragraph(text),
        Note(text, is_warning=True),
        Statements((statement, dataclasses.replace(statement, status=Status.OPEN))),
        Bullets((text, text)),
        Code(text),
        Table(text, (text,) * 8, ((text,) * 8,), (1.0,) * 8, text),
        SignatureLine(text, (statement,)),
    )


def test_names_are_data_and_never_markup():
    sections = [Section(str(number), text, blocks_of(text)) for number, text in enumerate(HOSTILE_TEXTS)]
    document = render_pdf(sample_report(sections=(*sections, Section("X", "The end", ()))), (), MOMENT)
    squeezed = text_of(document).replace(" ", "")
    assert "XTheend" in squeezed
    for text in HOSTILE_TEXTS:
        if text.isascii() and text.isprintable() and text.strip() and len(text) < 100:
            assert squeezed.count(text.replace(" ", "")) >= 20, text
    for number in ("‹U+7528U+6237U+59D3U+540D›", "‹U+202E›", "‹U+0000›", "‹U+E0041›", "‹U+D800›"):
        assert number in squeezed, number


@pytest.mark.parametrize("text", ['#panic("x")', "W" * 60, "الاسم الكامل", "new\nline\x00", "😀", "lone \ud800", " "])
def test_names_are_data_on_the_cover_in_the_margins_and_in_figures(text):
    statement = Statement(text, text, Status.DECLARED, text, (text,))
    figure = Figure("hostile", text, text, Bars((text,), (1.0,), (text,), text), text)
    report = sample_report(
        title=text,
        subject=text,
        banner=text,
        preface=text,
        cover=(statement,),
        sections=(Section(text, text, (figure,)),),
        document_id=text,
        code="" if "\ud800" in text else text.strip(),
    )
    attachment = Attachment("evidence.json", text.encode("utf-8", "surrogatepass"), "application/json", text)
    document = render_pdf(report, (attachment,), MOMENT)
    assert attached(document) == {"evidence.json": attachment.content}
    if text == '#panic("x")':
        assert text_of(document).count(text) >= 10


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(st.characters(exclude_categories=[]), max_size=80), min_size=10, max_size=10))
def test_any_text_renders(texts):
    sections = tuple(Section(text, text, blocks_of(text)) for text in texts)
    assert render_pdf(sample_report(title=texts[0], sections=sections), (), MOMENT).startswith(b"%PDF-")


def luminance(colour):
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """Source: WCAG 2.2, relative luminance and contrast ratio."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_type_stands_out_from_its_ground():
    colours = dict(re.findall(r'#let (\w+) = rgb\("(#[0-9a-f]{6})"\)', TEMPLATE.read_text()))
    for name in ("ink", "faint", "accent", "alarm"):
        for ground in ("#ffffff", colours["wash"]):
            assert contrast(colours[name], ground) >= 4.5, name
    assert contrast(INK, "#ffffff") >= 4.5 and contrast(FAINT, "#ffffff") >= 4.5
    assert contrast(colours["rule"], "#ffffff") < 4.5


def test_a_report_of_two_hundred_columns_renders(capsys):
    names = [f"column number {number}" for number in range(200)]
    started = time.perf_counter()
    document = render_pdf(sample_report(sections=(*SECTIONS, Section("B", "All", (column_table(names),)))), (), MOMENT)
    with capsys.disabled():
        print(f"\n200 columns: {time.perf_counter() - started:.2f} s")  # noqa: T201
    assert "column number 199" in text_of(document)
