from app.reporting.sections.measurements import build
from tests.app.reporting.blocks import table
from tests.app.reporting.evidence_samples import evidence


def test_every_charged_measurement_is_a_row_in_order():
    found = evidence()
    events, rows = found.at("/certificate/events"), table(build(found).blocks, "Every charged").rows
    assert [row[0] for row in rows] == [str(event["sequence"]) for event in events]
    assert [row[1] for row in rows] == [event["purpose"] for event in events]
    assert all(float(row[6]) >= event["rho"] for row, event in zip(rows, events, strict=True))
    assert rows[0][3] == "age" and rows[6][3] == "4 columns"


def test_no_measurements_are_said_to_be_missing():
    found = evidence()
    del found.json["certificate"]["events"]
    assert table(build(found).blocks, "Every charged").rows == (("not provided",) * 7,)
