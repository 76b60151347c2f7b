"""The whole line in a real browser: from first-run setup to both downloads."""

import csv
import io
import json
import zipfile

import numpy as np
import pytest

from engine.certificate import recompute
from engine.data.export import write_csv
from engine.data.schema import Field, FieldType, TableSchema
from tests.browser.studio import Visitor, chromium, running_studio
from tests.tables import typed

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SCHEMA = TableSchema(
    (
        Field("age", FieldType.INTEGER, minimum=17, maximum=90),
        Field("education", FieldType.STRING, enum=("HS-grad", "Some-college", "Bachelors", "Masters")),
        Field("education-num", FieldType.INTEGER, minimum=1, maximum=16),
        Field("sex", FieldType.STRING, enum=("Female", "Male")),
        Field("capital-gain", FieldType.INTEGER, minimum=0, maximum=99999),
        Field("hours-per-week", FieldType.INTEGER, minimum=1, maximum=99),
        Field("income", FieldType.STRING, enum=("<=50K", ">50K")),
    )
)


def census(n_rows=3000):
    """Simulated rows in the shape of a census extract."""
    import pandas as pd

    rng = np.random.default_rng(11)
    level = rng.choice(4, n_rows, p=[0.45, 0.25, 0.2, 0.1])
    age = rng.integers(17, 90, n_rows)
    rich = rng.random(n_rows) < 1 / (1 + np.exp(4 - 0.9 * level - 0.02 * age))
    return typed(
        pd.DataFrame(
            {
                "age": age,
                "education": np.array(["HS-grad", "Some-college", "Bachelors", "Masters"])[level],
                "education-num": np.array([9, 10, 13, 14])[level],
                "sex": rng.choice(["Female", "Male"], n_rows),
                "capital-gain": np.where(rng.random(n_rows) < 0.9, 0, rng.integers(1, 99999, n_rows)),
                "hours-per-week": np.clip(rng.normal(40, 12, n_rows), 1, 99).astype(int),
                "income": np.where(rich, ">50K", "<=50K"),
            }
        ),
        SCHEMA,
    )


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    with running_studio(tmp_path_factory.mktemp("studio")) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def owner(studio, browser):
    """An administrator, signed in on a fresh installation."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, accept_downloads=True)
    visitor = Visitor(context.new_page(), studio)
    visitor.set_up()
    return visitor


def check_downloads(visitor, names, charged):
    visitor.press("Go to the release")
    visitor.see("What is not covered")
    rows = list(csv.reader(io.StringIO(visitor.download("^CSV|CSV \\(").path().read_text(encoding="utf-8"))))
    assert rows[0] == list(names)
    assert len(rows) > 1000
    further = list(csv.reader(io.StringIO(visitor.download("Draw 1,000 rows").path().read_text(encoding="utf-8"))))
    assert further[0] == list(names)
    assert len(further) == 1001
    assert further[1:] != rows[1:1001]
    certificate = json.loads(visitor.download("Certificate").path().read_text(encoding="utf-8"))
    again = recompute(certificate)
    assert again["agrees"]
    assert again["epsilon"] <= charged


def check_evidence(visitor, folder):
    """Make the evidence package on the release page, download it and its PDF, and verify both."""
    visitor.press("Make the evidence package")
    visitor.see("Version 1 is made, a draft.")
    report, package = folder / "report.pdf", folder / "package.zip"
    visitor.download("PDF report").save_as(report)
    visitor.download("Package").save_as(package)
    assert report.read_bytes().startswith(b"%PDF-")
    with zipfile.ZipFile(package) as archive:
        assert archive.read("report.pdf") == report.read_bytes()
        assert {"README.txt", "manifest.json", "data/synthetic.csv", "recompute_epsilon.py"} <= set(archive.namelist())
    changed = folder / "changed.pdf"
    content = bytearray(report.read_bytes())
    content[len(content) // 2] ^= 1
    changed.write_bytes(content)
    visitor.page.get_by_role("link", name="Verify").click(delay=90)
    visitor.see("Keys of this installation")
    for path, said in ((report, "This PDF is as this"), (package, "This package is as this"), (changed, "Do not rely")):
        visitor.page.locator("input[type=file]").set_input_files(path)
        visitor.see(said)


def add_census(visitor, folder):
    """Upload the census extract and confirm its columns from a schema file."""
    table, schema = folder / "census.csv", folder / "census.schema.json"
    write_csv(census(), table)
    SCHEMA.save(schema)
    visitor.page.goto(f"{visitor.address}/upload")
    visitor.see("Add a dataset")
    visitor.page.locator("input[type=file]").set_input_files(table)
    visitor.see("census.csv")
    visitor.press("Add this table")
    visitor.see("What are the columns?")
    visitor.page.get_by_text("Import a schema file").click()
    visitor.page.locator("input[type=file]").set_input_files(schema)
    visitor.settle()
    visitor.press("Use this schema")
    visitor.see("7 of 7 columns confirmed")
    visitor.press_exactly("Continue")


def test_sample_table(owner, tmp_path):
    owner.press("Try the sample table")
    owner.see("What are the columns?")
    owner.press("Confirm 12 columns")
    owner.see("12 of 12 columns confirmed")
    owner.choose("This column", "length_of_stay")
    owner.choose("is never above this one", "age")
    owner.press("Add this rule")
    owner.see("length_of_stay is at most age.")
    owner.press_exactly("Continue")
    owner.protect_rows(5000)
    owner.set_budget()
    owner.choose_model("readmitted", "age")
    owner.reserve()
    owner.page.reload()
    owner.wait_for_result()
    owner.press("Read the report")
    owner.see("Internal")
    for tab in ("Utility", "Privacy", "Method"):
        owner.page.get_by_role("tab", name=tab).click()
        owner.settle()
    assert owner.page.get_by_text("· could not be computed").count() == 0
    check_downloads(
        owner,
        [
            "admitted_on",
            "age",
            "sex",
            "region",
            "insurance",
            "department",
            "severity",
            "length_of_stay",
            "systolic_pressure",
            "smoker",
            "total_cost",
            "readmitted",
        ],
        1.0,
    )
    check_evidence(owner, tmp_path)


def to_evidence(visitor):
    """The evidence page of the newest finished run on the sample table."""
    visitor.page.goto(f"{visitor.address}/runs")
    visitor.see("Every run")
    visitor.page.get_by_text("Patient encounters").first.click()
    visitor.press("Go to the release")
    visitor.see("What is not covered")
    visitor.press("Frameworks, declarations and final report")
    visitor.see("and leaves every conclusion to its reader")


def test_what_is_declared_is_kept_and_saved_in_versions(owner):
    to_evidence(owner)
    owner.page.get_by_text("Frameworks ·").click()
    owner.see("Can say")
    owner.page.get_by_text("CCPA and CPRA").first.click()
    owner.settle()
    owner.page.get_by_text("Answers ·").click()
    owner.see("For the data owner")
    owner.page.get_by_label("Purpose of the synthesis").fill("Teaching.")
    owner.page.get_by_role("link", name="Runs").click(delay=90)
    owner.see("Every run")
    owner.page.go_back()
    owner.page.get_by_text("Answers ·").click()
    owner.see("For the data owner")
    assert owner.page.get_by_label("Purpose of the synthesis").input_value() == "Teaching."
    owner.page.get_by_label("Intended use of the synthetic table").fill("A course.")
    owner.page.get_by_role("button", name="Save").click(delay=90)
    owner.see("Version 1, saved by ada")
    owner.page.get_by_text("CCPA and CPRA ·").click()
    owner.see("Public commitment")
    owner.page.get_by_text("Reports ·").click()
    owner.see("answers are missing")
    assert owner.page.get_by_role("button", name="Make the final report").is_disabled()
    owner.press("Make a draft")
    owner.see("Version 2 is made, a draft.")
    owner.see("Version 2 superseded it")


def test_own_table_with_its_schema_file(owner, tmp_path):
    add_census(owner, tmp_path)
    owner.protect_rows(3000)
    owner.set_budget()
    owner.choose_model("income")
    owner.reserve()
    owner.wait_for_result()
    check_downloads(owner, SCHEMA.names, 1.0)
    owner.page.goto(f"{owner.address}/runs")
    owner.see("Every run")
    assert owner.page.get_by_text("charged").count() >= 2


def test_the_line_with_a_gan(owner, tmp_path):
    """From a table to its release with dp-ctgan, whose training is seen while it runs."""
    add_census(owner, tmp_path)
    owner.protect_rows(3000)
    owner.set_budget()
    owner.choose_model("income", method="Conditional GAN (DP-CTGAN)")
    owner.reserve()
    owner.wait_for_result()
    owner.see("Losses come from synthetic rows")
    owner.press("Read the report")
    owner.see("Internal")
    owner.page.go_back()
    check_downloads(owner, SCHEMA.names, 1.0)


def test_a_refresh_keeps_place_and_sign_in(owner):
    owner.page.goto(f"{owner.address}/account")
    owner.see("API tokens")
    owner.page.reload()
    owner.see("API tokens")
    cookie = next(cookie for cookie in owner.page.context.cookies() if cookie["name"] == "studio_session")
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"


def test_a_visitor_sees_sign_in_only_and_comes_back_to_the_page(studio, browser, owner):
    visitor = Visitor(browser.new_context().new_page(), studio)
    visitor.page.goto(f"{studio}/account")
    visitor.see("Sign in")
    assert visitor.page.get_by_text("API tokens").count() == 0
    visitor.sign_in("wrong password here")
    visitor.see("The user name or the password is wrong.")
    visitor.sign_in()
    visitor.see("API tokens")


def test_signing_out_ends_the_session_for_a_copied_cookie_too(studio, browser, owner):
    context = browser.new_context()
    visitor = Visitor(context.new_page(), studio)
    visitor.page.goto(f"{studio}/account")
    visitor.see("Sign in")
    visitor.sign_in()
    visitor.see("API tokens")
    copied = context.cookies()
    visitor.press("Sign out")
    visitor.see("Sign in")
    visitor.page.reload()
    visitor.see("Sign in")
    thief = browser.new_context()
    thief.add_cookies(copied)
    other = Visitor(thief.new_page(), studio)
    other.page.goto(f"{studio}/account")
    other.see("Sign in")
    assert other.page.get_by_text("API tokens").count() == 0


def test_every_synthetic_row_keeps_the_rule(owner):
    owner.page.goto(f"{owner.address}/runs")
    owner.see("Every run")
    owner.page.get_by_text("Patient encounters").first.click()
    owner.press("Go to the release")
    owner.see("What is not covered")
    rows = csv.DictReader(io.StringIO(owner.download("^CSV|CSV \\(").path().read_text(encoding="utf-8")))
    pairs = [(int(row["length_of_stay"]), int(row["age"])) for row in rows if row["length_of_stay"] and row["age"]]
    assert len(pairs) > 1000
    assert all(stay <= age for stay, age in pairs)


def test_a_question_is_answered_with_an_interval(owner):
    owner.page.goto(f"{owner.address}/runs")
    owner.see("Every run")
    owner.page.get_by_text("Patient encounters").first.click()
    owner.press("Go to the release")
    owner.page.get_by_text("Ask for a count").first.click()
    owner.see("any number of questions adds nothing")
    owner.see("The interval holds the true value")
    owner.choose("By group", "region")
    owner.page.keyboard.press("Escape")  # the list stays open for a second column
    owner.see("with noise of known size")


def test_audits_of_the_installed_version(owner):
    owner.page.goto(f"{owner.address}/audits")
    owner.see("proves that the method loses")
    for method in ("aim", "mst", "independent", "dp-ctgan", "dp-tvae"):
        owner.see(method)


def test_nothing_overflows_a_phone(studio, browser, owner):
    context = browser.new_context(viewport={"width": 390, "height": 844})
    context.add_cookies(owner.page.context.cookies())
    phone = Visitor(context.new_page(), studio)
    owner.page.goto(f"{studio}/runs")
    owner.see("Every run")
    owner.page.get_by_text("Patient encounters").first.click()
    owner.page.wait_for_url("**run=**")
    run = owner.page.url.split("?")[1]
    of_run = [f"{name}?{run}" for name in ("report", "release", "ask", "compare", "evidence")]
    for path in ("", "datasets", "runs", "account", "upload", "audits", "verify", *of_run):
        phone.page.goto(f"{studio}/{path}")
        phone.settle()
        assert phone.page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_the_line_without_a_guarantee(owner):
    """A baseline is chosen apart from all others, costs no budget, and everything of it says what it lacks."""
    owner.page.goto(f"{owner.address}/runs")
    owner.see("Every run")
    owner.page.get_by_text("Patient encounters").first.click()
    owner.page.wait_for_url("**run=**")
    owner.settle()
    owner.page.get_by_text("5 Model").click()
    owner.see("Which method?")
    owner.page.get_by_text("Take a method that protects nobody").click()
    owner.settle()
    owner.page.get_by_role("radiogroup", name="Method without").get_by_text("Gaussian copula").click()
    owner.settle()
    owner.press("Save and continue without a privacy guarantee")
    owner.see("Review and start")
    owner.page.get_by_text("I understand that").click()
    owner.settle()
    owner.page.get_by_role("button", name="start the run").or_(owner.page.get_by_role("button", name="Start")).click()
    owner.page.wait_for_url("**/run?run=*")
    owner.wait_for_result()
    owner.see("Outside the budget: no privacy guarantee.")
    owner.press("Go to the files, for internal use")
    owner.see("No privacy guarantee.")
    assert owner.download("^CSV|CSV \\(").suggested_filename.startswith("NO-PRIVACY-GUARANTEE")
    owner.press("Make the internal record")
    owner.see("Version 1 is made")
    assert owner.download("Package").suggested_filename.startswith("NO-PRIVACY-GUARANTEE")
