"""The whole product in a process of its own, and a Chromium to use it with."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
NAME, PASSWORD = "ada", "correct horse battery"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SECONDS_TO_START = 90
WAIT = 60_000


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running_studio(folder):
    """Start `python -m app.launcher` on embedded defaults; yields the address."""
    port = free_port()
    environment = os.environ | {
        "DATA_DIR": str(folder / "data"),
        "PORT": str(port),
        "DATABASE_URL": "",
        "REDIS_URL": "",
        "S3_BUCKET": "",
        "OMP_NUM_THREADS": "1",
        "WORKER_THREADS": "1",
    }
    with (folder / "studio.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.launcher"], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_healthy(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_until_healthy(address, process):
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        assert process.poll() is None, "the launcher stopped"
        try:
            with urllib.request.urlopen(f"{address}/api/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.3)
    raise AssertionError("the studio did not become healthy")


@contextmanager
def chromium():
    """The system's Chromium, or Playwright's own."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


class Visitor:
    """A person at the pages: finds things by their labels, waits as people do."""

    def __init__(self, page, address):
        self.page = page
        self.address = address
        page.set_default_timeout(WAIT)

    def settle(self):
        """Wait until the script has run and the page has stopped changing."""
        self.page.wait_for_timeout(300)
        self.page.wait_for_function("() => !document.querySelector('[data-testid=stStatusWidget]')")
        self.page.wait_for_timeout(300)

    def see(self, text):
        self.page.get_by_text(text).first.wait_for()
        self.settle()

    def press(self, name):
        self.page.get_by_role("button", name=re.compile(name)).first.click()

    def press_exactly(self, name):
        self.page.get_by_role("button", name=name, exact=True).click()

    def type(self, label, text):
        self.page.get_by_label(label, exact=True).fill(text)

    def set_up(self):
        self.page.goto(self.address)
        self.see("Welcome")
        self.type("User name", NAME)
        self.type("E-mail", "ada@example.org")
        self.type("Password", PASSWORD)
        self.type("Password again", PASSWORD)
        self.press("Make the account")
        self.see(f"Hello, {NAME}")

    def sign_in(self, password=PASSWORD):
        self.type("User name", NAME)
        self.type("Password", password)
        self.press("Sign in")

    def protect_rows(self, rows):
        self.see("Unit of protection")
        self.page.get_by_text("One row (each row").click()
        self.settle()
        self.page.get_by_role("spinbutton", name=re.compile("About how many")).fill(str(rows))
        self.page.keyboard.press("Tab")
        self.settle()
        self.press("Save and continue")

    def set_budget(self):
        self.see("How much privacy loss?")
        self.press("Save the budget")
        self.see("What the run pays for")
        self.press_exactly("Continue")

    def choose(self, label, option):
        """Take an option of a list; a list that the page closes again while it settles is opened once more."""
        self.settle()
        box = self.page.get_by_role("combobox", name=re.compile(label))
        found = self.page.get_by_role("option", name=option, exact=True)
        box.scroll_into_view_if_needed()
        self.settle()
        box.click()
        self.page.wait_for_timeout(500)
        if not found.is_visible():
            box.click()
        found.click()
        self.settle()

    def choose_model(self, target, *important, method=None):
        self.see("Which method?")
        if method is not None:
            self.page.get_by_role("radiogroup", name="Method").get_by_text(method).click()
            self.settle()
        self.choose("Column that models", target)
        for name in important:
            self.choose("Columns whose relations", name)
            self.page.keyboard.press("Escape")  # this list stays open for further choices
            self.settle()
        self.press("Save and continue")

    def reserve(self):
        self.see("Review and reserve")
        self.page.get_by_text("I understand that").click()
        self.settle()
        self.press("Reserve and start the run")
        self.page.wait_for_url("**/run?run=*")

    def wait_for_result(self):
        self.page.get_by_role("button", name="Read the report").wait_for(timeout=180_000)

    def download(self, name):
        with self.page.expect_download() as waiting:
            self.press(name)
        return waiting.value
