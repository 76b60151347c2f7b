"""From the launcher to a first page, and what importing the application costs.

make bench BENCH=startup
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.browser.studio import Visitor, chromium, free_port, running_studio

BARE = "import streamlit as st\nst.title('Welcome')\n"


def seconds_to_import(module):
    start = time.perf_counter()
    code = f"import {module}, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0, "torch was loaded"
    return time.perf_counter() - start


def first_page(browser, address):
    visitor = Visitor(browser.new_page(), address)
    start = time.perf_counter()
    visitor.page.goto(address)
    visitor.page.get_by_text("Welcome").first.wait_for()
    return time.perf_counter() - start


def main(arguments):
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        with running_studio(Path(folder)) as address:
            cold, warm = first_page(browser, address), first_page(browser, address)
        script, port = Path(folder) / "bare.py", free_port()
        script.write_text(BARE)
        command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
        process = subprocess.Popen([*command, "--server.headless", "true"], stdout=subprocess.DEVNULL)
        time.sleep(5)
        try:
            address = f"http://127.0.0.1:{port}"
            first_page(browser, address)
            bare = first_page(browser, address)
        finally:
            process.terminate()
            process.wait()
    print(
        json.dumps(
            {
                "benchmark": "startup",
                "import_app_seconds": round(seconds_to_import("app.wiring"), 2),
                "import_streamlit_seconds": round(seconds_to_import("streamlit"), 2),
                "first_page_seconds": round(cold, 2),
                "second_visitor_seconds": round(warm, 2),
                "ratio_to_bare_streamlit": round(warm / bare, 2),
            }
        )
    )
