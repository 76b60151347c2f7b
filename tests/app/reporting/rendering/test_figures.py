import dataclasses
import math
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from PIL import Image

from app.reporting.document import Bars, Intervals, Lines
from app.reporting.rendering.figures import DOTS_PER_INCH, TALLEST, WIDTH, draw
from tests.app.reporting.hostile_texts import HOSTILE_TEXTS
from tests.app.reporting.sample_report import CURVE_FIGURE, INTERVAL_FIGURE, LIMIT_FIGURE

CHARTS = {
    "bars": LIMIT_FIGURE.chart,
    "intervals": INTERVAL_FIGURE.chart,
    "lines": CURVE_FIGURE.chart,
}
EMPTY = {
    "bars": Bars((), (), (), "x"),
    "intervals": Intervals((), (), (), (), "x"),
    "lines": Lines((), (), "x", "y"),
    "lines without points": Lines((), (("a", ()),), "x", "y"),
}


def texts(chart):
    """What the drawing writes; outlines carry their text as a comment."""
    return re.findall(r"<!-- (.*?) -->", draw(chart).decode(), re.DOTALL)


def size_of(chart):
    return Image.open(BytesIO(draw(chart, "png"))).size


@pytest.mark.parametrize("chart", CHARTS.values(), ids=CHARTS)
def test_a_drawing_is_vectors_without_fonts_dates_or_raster_images(chart):
    drawing = draw(chart)
    tags = {element.tag.split("}")[-1] for element in ElementTree.fromstring(drawing).iter()}
    assert "path" in tags
    assert not tags & {"text", "image", "script", "foreignObject"}
    assert b"<dc:date>" not in drawing and b'href="http' not in drawing


@pytest.mark.parametrize("format", ["svg", "png"])
@pytest.mark.parametrize("chart", CHARTS.values(), ids=CHARTS)
def test_the_same_chart_gives_the_same_bytes_also_from_several_threads(chart, format):
    with ThreadPoolExecutor(4) as threads:
        drawings = list(threads.map(lambda _: draw.__wrapped__(chart, format), range(4)))
    assert set(drawings) == {draw(chart, format)}


@pytest.mark.parametrize("chart", CHARTS.values(), ids=CHARTS)
def test_an_image_is_as_wide_as_the_text_and_at_most_a_page_tall(chart):
    width, height = size_of(chart)
    assert width == WIDTH * DOTS_PER_INCH
    assert height <= TALLEST * DOTS_PER_INCH


def test_bars_name_their_lengths_and_the_limit():
    shown = texts(LIMIT_FIGURE.chart)
    for text in ("First run", "ε = 1.25", "cap: ε = 3 ▾", "Privacy loss ε, composed at δ = 1e−6"):
        assert text in shown, text
    assert "hatch" in draw(LIMIT_FIGURE.chart).decode() or "<pattern" in draw(LIMIT_FIGURE.chart).decode()
    without = Bars(("a",), (1.0,), ("1",), "x")
    assert not [text for text in texts(without) if "▾" in text]


def test_references_have_a_mark_and_a_name_of_their_own():
    assert "Real rows of the charged share" in texts(INTERVAL_FIGURE.chart)
    chart = INTERVAL_FIGURE.chart
    bare = Intervals(chart.labels, chart.values, chart.lows, chart.highs, chart.axis)
    assert draw(bare).count(b"<use") < draw(chart).count(b"<use")
    unknown = dataclasses.replace(chart, references=(None,) * len(chart.labels))
    assert "Real rows of the charged share" not in texts(unknown)


def test_curves_are_named_at_their_ends_and_differ_without_colour():
    drawing = draw(CURVE_FIGURE.chart).decode()
    assert {"This run", "Sum of the ε of all runs"} <= set(texts(CURVE_FIGURE.chart))
    assert len(set(re.findall(r"stroke-dasharray: ([\d., ]+)", drawing))) >= 2
    assert {"1e−9", "1e−4", "0.001"} <= set(texts(CURVE_FIGURE.chart))


@pytest.mark.parametrize("chart", EMPTY.values(), ids=EMPTY)
def test_a_chart_without_values_says_so(chart):
    assert "No values to draw" in texts(chart)


def test_forty_rows_fit_on_a_page_and_keep_their_size():
    labels = tuple(f"column_{number}_with_a_name_that_is_long" for number in range(40))
    chart = Intervals(labels, (0.5,) * 40, (0.4,) * 40, (0.6,) * 40, "x")
    width, height = size_of(chart)
    assert (width, height) == (WIDTH * DOTS_PER_INCH, TALLEST * DOTS_PER_INCH)
    assert len([text for text in texts(chart) if text.startswith("column_")]) == 40


def test_long_names_are_wrapped_and_shortened():
    shown = texts(Bars(("many words " * 20, "x" * 200), (1.0, 2.0), ("1", "2"), "x"))
    assert [text for text in shown if text.endswith("…")]
    assert max(map(len, shown)) <= 61
    width, _ = size_of(Bars(("many words " * 20, "x" * 200), (1.0, 2.0), ("1", "2"), "x"))
    assert width == WIDTH * DOTS_PER_INCH


def test_names_are_text_in_every_chart():
    names, ones = HOSTILE_TEXTS, (1.0,) * len(HOSTILE_TEXTS)
    for chart in (
        Bars(names, ones, names, "x"),
        Intervals(names, ones, (0.5,) * len(names), (2.0,) * len(names), "x"),
        Lines((1.0, 2.0), tuple((text, (1.0, 2.0)) for text in names), "x", "y"),
    ):
        ElementTree.fromstring(draw(chart))
        shown = texts(chart)
        assert {'#panic("x")', "*a* $x$ @b", "עברית"} <= set(shown)
        assert any(text.startswith("‹U+7528 U+6237") for text in shown)


@pytest.mark.parametrize("text", ["W" * 200, "$x^2$ \x00\n", "الاسم الكامل"])
def test_titles_of_axes_limits_and_references_are_text(text):
    for chart in (
        Bars((text,), (1.0,), (text,), text, 1.5, text),
        Intervals((text,), (0.5,), (0.4,), (0.6,), text, (0.5,), text),
        Lines((1.0, 2.0), ((text, (1.0, 2.0)), (text, (2.0, 1.0))), text, text),
    ):
        ElementTree.fromstring(draw(chart))


def test_dollar_signs_are_not_formulas():
    assert "$x^2$" in texts(Bars(("$x^2$",), (1.0,), ("1",), "x"))


def test_values_that_are_no_numbers_are_passed_over():
    assert "not provided" in texts(Bars(("a", "b"), (math.nan, 1.0), ("not provided", "1"), "x", math.inf, "cap"))
    gap = Lines((1.0, 2.0, 3.0), (("a", (1.0, math.nan, math.nan)), ("b", (math.nan,) * 3)), "x", "y")
    assert "a" in texts(gap) and "b" not in texts(gap)
    assert draw(Intervals(("a",), (None,), (0.1,), (0.2,), "x", (None,), "r"))


def test_curves_that_end_together_are_named_apart():
    chart = Lines((1.0, 2.0), tuple((f"curve {number}", (1.0, 2.0)) for number in range(8)), "x", "y")
    heights = re.findall(r"<!-- curve \d -->\s*<g [^>]*translate\(([\d.]+) ([\d.]+)\)", draw(chart).decode())
    places = sorted(float(height) for _, height in heights)
    assert len(places) == 8
    assert min(later - earlier for earlier, later in pairwise(places)) > 7.5


def test_the_library_is_loaded_by_the_first_drawing_only_and_without_its_global_interface():
    code = (
        "import sys, app.reporting.rendering.pdf, app.reporting.rendering.figures as figures\n"
        "assert not {'matplotlib', 'typst', 'segno'} & set(sys.modules)\n"
        "from app.reporting.document import Bars\n"
        "figures.draw(Bars(('a',), (1.0,), ('1',), 'x'))\n"
        "assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
