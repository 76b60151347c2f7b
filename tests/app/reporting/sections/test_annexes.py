import pytest

from app.errors import InvalidInputError
from app.reporting.document import Note
from app.reporting.frameworks.catalogue import FRAMEWORKS
from app.reporting.sections.annexes import build
from tests.app.reporting.blocks import texts
from tests.app.reporting.evidence_samples import evidence


def test_each_chosen_framework_has_its_annex_and_the_registry_the_last():
    sections = build(evidence(frameworks=["ccpa", "gdpr"]))
    assert [section.number for section in sections] == ["10.1", "10.2", "10.3"]
    titles = [section.title for section in sections]
    assert titles[:2] == [FRAMEWORKS["ccpa"].title, FRAMEWORKS["gdpr"].title]
    assert titles[2].startswith("Registry")


def test_each_annex_starts_with_what_it_can_and_cannot_say():
    for section, framework in zip(build(evidence()), FRAMEWORKS.values(), strict=False):
        first = section.blocks[0]
        assert isinstance(first, Note)
        assert framework.can_say in first.text and framework.cannot_say in first.text
        assert first.text.index("can say") < first.text.index("cannot say")


def test_no_framework_is_there_that_nobody_chose():
    (only,) = build(evidence(frameworks=[]))
    assert only.number == "10.1" and only.title.startswith("Registry")
    assert len(build(evidence(frameworks=["gdpr", "gdpr"]))) == 2


def test_a_run_without_a_guarantee_has_no_annex():
    assert build(evidence("gaussian-copula")) == ()


def test_an_unknown_framework_is_refused():
    with pytest.raises(InvalidInputError, match="There is no framework 'iso-27001'"):
        build(evidence(frameworks=["iso-27001"]))


def test_every_text_of_every_annex_is_there():
    assert all(text.strip() for section in build(evidence()) for text in texts([section]))
