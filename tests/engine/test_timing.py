"""Seconds of a stage are its own, without those of the stages inside it."""

import engine.timing
from engine.timing import StageClock


def test_stages_inside_stages(monkeypatch):
    now = iter([0.0, 1.0, 4.0, 4.5, 10.0, 13.0])
    monkeypatch.setattr(engine.timing.time, "perf_counter", lambda: next(now))
    clock = StageClock()
    with clock.stage("outer"), clock.stage("inner"):
        pass
    with clock.stage("inner"):
        pass
    assert clock.seconds == {"outer": 1.0 + 0.5, "inner": 3.0 + 3.0}
