from app.reporting.document import Section
from app.reporting.rendering.outline import outline
from tests.app.reporting.sample_report import sample_report


def levels_and_anchors(*numbers):
    sections = tuple(Section(number, "Title", ()) for number in numbers)
    return [(entry.level, entry.anchor) for entry in outline(sample_report(sections=sections))]


def test_a_section_lies_below_the_one_whose_number_it_continues():
    assert levels_and_anchors("1", "10", "10.1", "10.1.2", "11.1", "A") == [
        (2, "section-1"),
        (2, "section-10"),
        (3, "section-10-1"),
        (4, "section-10-1-2"),
        (2, "section-11-1"),
        (2, "section-a"),
    ]


def test_anchors_are_unique_and_plain():
    assert levels_and_anchors("1", "1", "", '"><b>') == [
        (2, "section-1"),
        (2, "section-at-2"),
        (2, "section-at-3"),
        (2, "section-b"),
    ]


def test_a_section_without_a_number_has_its_title_as_heading():
    report = sample_report(sections=(Section("", "Intended use", ()), Section("2", "Data", ())))
    assert [entry.heading for entry in outline(report)] == ["Intended use", "2 Data"]
