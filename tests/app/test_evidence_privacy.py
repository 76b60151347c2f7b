"""Nothing that no budget paid for leaves in a report: planted numbers and secrets are searched in every file of it."""

import hashlib
import io
import json
import re
import zipfile

import pikepdf
import pytest
from pypdf import PdfReader

from app.store.models import Dataset, Run
from tests.app.answers import answers_to
from tests.app.builders import TABLE, ready_dataset, submit
from workers.jobs import do_run

pytestmark = pytest.mark.usefixtures("few_metrics")

ROWS = 314_159_265
"""In place of the exact number of private rows."""
UNPAID = 271_828_182
"""In place of a number of the internal report."""
NOTE = "The evaluation could not be made: Zebulon-Quux-493."
ENDING = "Failed after noise could have been drawn: Ygritte-Flax-817."
"""In place of what the ledger's owner reads beside a charge; how a run ended can depend on private rows."""
EVERY_FRAMEWORK = ["nist-800-226", "gdpr", "hipaa", "ccpa", "soc2", "eu-ai-act"]


@pytest.fixture
def dataset_id(services, owner):
    return ready_dataset(services, owner, cap=3.0)


@pytest.fixture
def run_id(services, settings, owner, dataset_id):
    """A finished run in whose private parts numbers are planted."""
    run = submit(services, owner, dataset_id, epsilon=0.5, n_rows=60)
    do_run(services, run.id)
    with services.database.write() as session:
        session.get_one(Dataset, dataset_id).n_rows = ROWS
        session.get_one(Run, run.id).note = NOTE
        session.get_one(Run, run.id).ledger_entry.note = ENDING
    stored = [path for path in (settings.data_dir / "files").rglob("*") if path.is_file()]
    (path,) = [path for path in stored if b'"classification": "internal"' in path.read_bytes()]
    report = json.loads(path.read_bytes())
    path.write_text(json.dumps(report | {"planted": UNPAID}))
    return run.id


def secrets(services, dataset_id, run_id):
    """What may be in no file, by name."""
    with services.database.read() as session:
        keys = {
            "commitment key": session.get_one(Dataset, dataset_id).commitment_key,
            "holdout key": session.get_one(Run, run_id).holdout_key,
        }
    return keys | {
        "digest of the upload": hashlib.sha256(TABLE.encode()).hexdigest(),
        "row count": str(ROWS),
        "unpaid number": str(UNPAID),
        "note": "Zebulon-Quux-493",
        "how a run ended": "Ygritte-Flax-817",
    }


def found(services, owner, report, dataset_id):
    """Names of the secrets that some file of a report holds, written in whatever way."""
    package = services.evidence.open_package(owner, report.id).read()
    texts = [plain(text) for text in every_text("package.zip", package)]
    assert len(texts) > 20
    assert sum(plain("Test table") in text for text in texts) > 5  # pages and attachments are read, too
    wanted = secrets(services, dataset_id, report.run_id)
    assert all(wanted.values())
    return {name for name, secret in wanted.items() if any(plain(secret) in text for text in texts)}


def plain(text):
    """A text without what separates groups of digits, breaks words or quotes them."""
    return re.sub(r"[\s,.'’\u00a0\u2009\u202f\u200b_-]", "", text).lower()


def every_text(name, content):
    """The texts of a file and of all files in it."""
    yield content.decode("utf-8", "replace")
    if name.endswith((".zip", ".docx")):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.namelist():
                yield member
                yield from every_text(member, archive.read(member))
    if name.endswith(".pdf"):
        yield from texts_of_pdf(content)


def texts_of_pdf(content):
    reader = PdfReader(io.BytesIO(content))
    yield "\n".join(page.extract_text() for page in reader.pages)
    yield str(reader.metadata)
    for attachment, versions in reader.attachments.items():
        yield attachment
        yield from (version.decode("utf-8", "replace") for version in versions)
    with pikepdf.open(io.BytesIO(content)) as pdf:
        for part in pdf.objects:
            if isinstance(part, pikepdf.Stream):
                yield part.read_bytes().decode("latin-1") if readable(part) else ""
            else:
                yield repr(part)


def readable(stream):
    try:
        stream.read_bytes()
    except pikepdf.PdfError:  # an image is kept in a form of its own
        return False
    return True


def test_a_releasable_report_holds_no_private_number_and_no_secret(services, owner, dataset_id, run_id):
    answers = answers_to(EVERY_FRAMEWORK, columns=("age", "colour"))
    services.declarations.save(owner, dataset_id, EVERY_FRAMEWORK, answers, 0)
    report = services.evidence.make(owner, run_id, final=True)
    assert found(services, owner, report, dataset_id) == set()


def test_the_search_finds_what_an_internal_report_holds(services, owner, dataset_id, run_id):
    report = services.evidence.make(owner, run_id, final=False, edition="internal")
    assert found(services, owner, report, dataset_id) == {"unpaid number", "note", "how a run ended"}


@pytest.mark.parametrize("written", ["314159265", "314,159,265", "314 159 265", "314\u202f159\u202f265"])
def test_the_search_finds_a_number_however_it_is_written(written):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a.txt", f"There are {written} rows.")
    assert any(plain(str(ROWS)) in plain(text) for text in every_text("x.zip", content.getvalue()))
