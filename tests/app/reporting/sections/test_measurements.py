from app.reporting.sections.measurements import build
from tests.app.reporting.blocks import table
from tests.app.reporting.evidence_samples import evidence


def test_every_charged_measurement_is_a_row_in_order():
    found = evidence()
    events, rows = found.at("/certificate/events"), table(build(found).blocks, "Every charged").rows
    assert [row[0] for row in rows] == [str(event["sequence"]) for event in events]
    assert [row[1] for row in rows] == [event["purpose"] for event in events]
    assert all(float(row[6]) >= event["rho"] for row, event in zip(rows, events, strict=True))
    many = [len(event["reads"]) > 3 for event in events]
    assert any(many) and not all(many)
    for row, event, is_many in zip(rows, events, many, strict=True):
        assert row[3] == (f"{len(event['reads'])} columns" if is_many else ", ".join(event["reads"]))


def test_no_measurements_are_said_to_be_missing():
    found = evidence()
    del found.json["certificate"]["events"]
    assert table(build(found).blocks, "Every charged").rows == (("not provided",) * 7,)
