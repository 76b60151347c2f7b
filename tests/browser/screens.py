"""`make screens`: a picture of every screen, wide and narrow, light and dark, in ./screens."""

import tempfile
from pathlib import Path

from tests.browser.studio import Visitor, chromium, running_studio

FOLDER = Path("screens")
SIZES = {"wide": (1440, 900), "narrow": (390, 844)}
DATASET_SCREENS = ("columns", "protect", "budget", "model", "review", "ledger")
RUN_SCREENS = ("run", "report", "release", "evidence", "ask")
SCREENS = ("home", "datasets", "runs", "audits", "audit", "verify", "account", "upload")


def walk(visitor):
    """Use the product once, so that every screen has something to show; returns the ids."""
    visitor.set_up()
    visitor.press("Try the sample table")
    visitor.see("What are the columns?")
    dataset_id = visitor.page.url.split("dataset=")[1]
    visitor.press("Confirm 12 columns")
    visitor.see("12 of 12 columns confirmed")
    visitor.press_exactly("Continue")
    visitor.protect_rows(5000)
    visitor.set_budget()
    visitor.choose_model("readmitted")
    visitor.reserve()
    visitor.settle()
    run_id = visitor.page.url.split("run=")[1]
    visitor.wait_for_result()
    return dataset_id, run_id


def picture(visitor, name, url):
    visitor.page.goto(url)
    visitor.page.wait_for_timeout(1500)
    visitor.settle()
    height = visitor.page.evaluate("document.querySelector('[data-testid=stMain]')?.scrollHeight ?? 900")
    width = visitor.page.viewport_size["width"]
    visitor.page.set_viewport_size({"width": width, "height": min(max(height, 700), 4000)})
    visitor.page.wait_for_timeout(700)
    visitor.page.screenshot(path=FOLDER / f"{name}.png")


def main():
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running_studio(Path(folder)) as address, chromium() as browser:
        for size, (width, height) in SIZES.items():
            visitor = Visitor(browser.new_page(viewport={"width": width, "height": height}), address)
            picture(visitor, f"set_up-{size}", address)
        owner = Visitor(browser.new_page(viewport={"width": 1440, "height": 1000}), address)
        dataset_id, run_id = walk(owner)
        urls = {name: f"{address}/{name}" if name != "home" else address for name in SCREENS}
        urls |= {name: f"{address}/{name}?dataset={dataset_id}" for name in DATASET_SCREENS}
        urls |= {name: f"{address}/{name}?run={run_id}" for name in RUN_SCREENS}
        for scheme in ("light", "dark"):
            for size, (width, height) in SIZES.items():
                context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
                visitor = Visitor(context.new_page(), address)
                picture(visitor, f"sign_in-{size}-{scheme}", address)
                context.add_cookies(owner.page.context.cookies())
                for name, url in urls.items():
                    visitor.page.set_viewport_size({"width": width, "height": height})
                    picture(visitor, f"{name}-{size}-{scheme}", url)
                context.close()


main()
