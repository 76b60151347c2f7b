"""Logs: structured, and without what an exception says."""

import json
import subprocess
import sys
from pathlib import Path

from app.logs import describe_exception

ROOT = Path(__file__).resolve().parents[2]
MARKER = "Zebulon-Quux-493"

PROGRAM = f"""
import logging, sys
from app.logs import configure_logs, get_logger
configure_logs(sys.argv[1], "INFO")
get_logger("ours").info("run_started", run_id="abc")
try:
    int("{MARKER}")
except ValueError:
    logging.getLogger("theirs").exception("It failed")
    logging.getLogger("theirs").error("Twice", exc_info=True)
    get_logger("ours").exception("also_failed")
logging.getLogger("theirs").debug("not written")
"""


def lines(log_format):
    command = [sys.executable, "-c", PROGRAM, log_format]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stderr.splitlines()


def test_json_lines_hold_event_level_and_time():
    found = [json.loads(line) for line in lines("json")]
    assert [(line["event"].split(" [")[0], line["level"]) for line in found] == [
        ("run_started", "info"),
        ("It failed", "error"),
        ("Twice", "error"),
        ("also_failed", "error"),
    ]
    assert found[0]["run_id"] == "abc"
    assert all(line["timestamp"].endswith("Z") for line in found)


def test_no_library_writes_what_an_exception_says():
    for log_format in ("json", "console"):
        text = "\n".join(lines(log_format))
        assert "ValueError at " in text
        assert MARKER not in text


def test_an_exception_is_described_by_class_and_place():
    try:
        int(MARKER)
    except ValueError as error:
        found = describe_exception(error)
    assert found.startswith("ValueError at test_logs.py:")
    assert found.endswith(" in test_an_exception_is_described_by_class_and_place")
    assert describe_exception(KeyError("never raised")) == "KeyError"
