"""Stored files: by id, in a folder or in a real S3 server, never by a name that somebody typed."""

import hashlib
import io
from dataclasses import replace
from uuid import uuid4

import boto3
import pytest

from app.artifacts import BucketStore, FolderStore, received_file, save_bytes, save_json
from app.errors import TooLargeError, UnavailableError
from app.wiring import build, file_store
from tests.app.builders import ready_dataset, submit
from tests.conftest import FAST_BCRYPT_ROUNDS
from workers.jobs import do_run


@pytest.fixture
def bucket(s3_address):
    name = f"studio-{uuid4().hex[:12]}"
    client = boto3.client("s3", endpoint_url=s3_address)
    client.create_bucket(Bucket=name)
    yield name
    client.close()


@pytest.fixture(params=["folder", "bucket"])
def store(request, tmp_path):
    if request.param == "folder":
        made = FolderStore(tmp_path / "files")
    else:
        made = BucketStore(request.getfixturevalue("bucket"), request.getfixturevalue("s3_address"))
    yield made
    made.close()


@pytest.fixture
def file_id():
    return uuid4().hex


@pytest.mark.integration
def test_what_is_stored_comes_back(store, file_id):
    stored = save_bytes(store, file_id, b"a,b\n1,2\n")
    assert (stored.size_bytes, stored.sha256) == (8, hashlib.sha256(b"a,b\n1,2\n").hexdigest())
    with store.open(file_id) as stream:
        assert stream.read() == b"a,b\n1,2\n"
    with store.local_path(file_id) as path:
        assert path.read_bytes() == b"a,b\n1,2\n"


@pytest.mark.integration
def test_what_is_deleted_is_gone(store, file_id):
    save_bytes(store, file_id, b"a")
    store.delete(file_id)
    store.delete(file_id)
    with pytest.raises(UnavailableError):
        store.open(file_id)
    with pytest.raises(UnavailableError), store.local_path(file_id):
        pass


@pytest.mark.integration
@pytest.mark.parametrize("wrong", ["../../etc/passwd", "", "A" * 32, "a" * 31, "a" * 32 + "\n", "a/b"])
def test_only_ids_are_taken(store, wrong):
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        save_bytes(store, wrong, b"a")
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        store.open(wrong)
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        store.delete(wrong)


def test_files_of_a_folder_are_for_their_owner_only(tmp_path, file_id):
    store = FolderStore(tmp_path / "files")
    save_bytes(store, file_id, b"a")
    with store.local_path(file_id) as path:
        assert path.stat().st_mode & 0o077 == 0
        assert path.parent.stat().st_mode & 0o077 == 0


def test_json_has_neither_nan_nor_infinity(tmp_path, file_id):
    store = FolderStore(tmp_path / "files")
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_json(store, file_id, {"share": float("nan")})


def test_an_upload_is_measured_while_it_arrives():
    with received_file(io.BytesIO(b"a" * 10), 10) as path:
        assert path.stat().st_size == 10
    assert not path.exists()
    with pytest.raises(TooLargeError), received_file(io.BytesIO(b"a" * 11), 10):
        pass


def test_a_local_file_is_measured_and_used_where_it_lies(tmp_path):
    mine = tmp_path / "table.csv"
    mine.write_bytes(b"a" * 10)
    with received_file(mine, 10) as path:
        assert path == mine
    with pytest.raises(TooLargeError), received_file(mine, 9):
        pass
    assert mine.exists()


def test_a_bucket_that_is_away_is_reported_without_its_answer(s3_address, file_id):
    store = BucketStore("nobody-made-this", s3_address)
    with pytest.raises(UnavailableError, match="bucket") as away:
        save_bytes(store, file_id, b"a")
    store.close()
    assert "nobody-made-this" not in away.value.user_message


@pytest.mark.integration
def test_the_whole_line_over_a_bucket(settings, bucket, s3_address):
    in_bucket = replace(settings, s3_bucket=bucket, s3_endpoint_url=s3_address)
    assert isinstance(file_store(in_bucket), BucketStore)
    services = build(in_bucket, password_rounds=FAST_BCRYPT_ROUNDS)
    services.database.migrate()
    owner = services.accounts.create_administrator("owner", "owner@example.org", "correct horse battery")
    dataset_id = ready_dataset(services, owner)
    run = submit(services, owner, dataset_id, n_rows=10)
    do_run(services, run.id)
    assert len(services.reports.preview(owner, run.id)) == 10
    content = services.reports.open_artifact(owner, run.id, "synthetic.csv").read()
    assert content.count(b"\n") == 11
    assert not (settings.data_dir / "files").exists()
    services.datasets.delete(owner, dataset_id)
    client = boto3.client("s3", endpoint_url=s3_address)
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    client.close()
    services.close()
