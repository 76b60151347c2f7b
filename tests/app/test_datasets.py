"""Datasets: what is taken in, what is decided about it, and who sees it."""

import io
import json
from dataclasses import replace

import pytest

from app.errors import (
    ConflictError,
    InvalidDataError,
    InvalidInputError,
    NotFoundError,
    TooLargeError,
    UnavailableError,
)
from app.wiring import build
from engine.data.schema import TableSchema
from engine.privacy.plan import UnitOfProtection
from tests.app.builders import SCHEMA, TABLE, add_dataset, ready_dataset, submit
from tests.conftest import FAST_BCRYPT_ROUNDS


def register(services, user, content=TABLE, filename="people.csv", name=""):
    return services.datasets.register(user, name=name, filename=filename, source=io.BytesIO(content.encode()))


def test_a_stream_becomes_a_dataset(services, owner):
    view = register(services, owner)
    assert (view.name, view.n_rows, view.n_columns) == ("people", 300, 2)
    assert view.columns == ("age", "colour")
    assert view.size_bytes == len(TABLE)
    assert (view.schema, view.next_step, view.is_sample) == (None, "columns", False)
    assert services.datasets.list(owner) == [view]


def test_a_local_file_becomes_a_dataset(services, owner, tmp_path):
    path = tmp_path / "0123"
    path.write_text(TABLE)
    view = services.datasets.register(owner, name="People", filename="people.csv", source=path)
    assert (view.name, view.n_rows) == ("People", 300)
    assert path.exists()


@pytest.mark.parametrize("filename", ["../../etc/passwd.csv", "C:\\temp\\passwd.csv", "/passwd.csv"])
def test_a_typed_path_never_becomes_a_path(services, owner, settings, filename):
    view = register(services, owner, filename=filename)
    assert view.filename == "passwd.csv"
    stored = [path for path in (settings.data_dir / "files").rglob("*") if path.is_file()]
    assert len(stored) == 3
    assert all(len(path.name) == 32 and path.stat().st_mode & 0o077 == 0 for path in stored)


def test_a_stream_over_the_limit_is_refused_while_it_arrives(settings):
    class Endless(io.RawIOBase):
        served = 0

        def read(self, size=-1):
            self.served += size
            return b"a" * size

    services = build(replace(settings, max_upload_mb=2), password_rounds=FAST_BCRYPT_ROUNDS)
    services.database.migrate()
    owner = services.accounts.create_administrator("owner", "owner@example.org", "correct horse battery")
    source = Endless()
    with pytest.raises(TooLargeError, match="2 MiB"):
        services.datasets.register(owner, name="", filename="a.csv", source=source)
    assert source.served <= 4 * 1024**2
    assert services.datasets.list(owner) == []
    services.close()


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n1,2,3\n", "a,a\n1,2\n"])
def test_what_is_no_table_is_refused(services, owner, content):
    with pytest.raises(InvalidDataError) as refused:
        register(services, owner, content)
    assert refused.value.user_message.endswith(".")
    assert services.datasets.list(owner) == []


def test_limits_of_rows_come_from_the_settings(settings):
    services = build(replace(settings, max_rows=10), password_rounds=FAST_BCRYPT_ROUNDS)
    services.database.migrate()
    owner = services.accounts.create_administrator("owner", "owner@example.org", "correct horse battery")
    with pytest.raises(InvalidDataError, match="10"):
        register(services, owner)
    services.close()


def test_the_profile_is_for_the_owner(services, owner, stranger):
    view = register(services, owner)
    profile = services.datasets.profile(owner, view.id)
    assert profile["classification"] == "owner only"
    with pytest.raises(NotFoundError):
        services.datasets.profile(stranger, view.id)


def test_the_proposal_covers_every_column(services, owner):
    view = register(services, owner)
    proposal = services.datasets.propose_schema(owner, view.id)
    assert proposal.names == view.columns
    assert services.datasets.get(owner, view.id).schema is None


def test_the_sample_brings_its_codebook(services, owner):
    view = services.datasets.register_sample(owner)
    assert view.is_sample
    assert view.schema is not None
    assert not view.schema_confirmed
    confirmed = services.datasets.save_schema(owner, view.id, view.schema, set(view.schema.names))
    assert confirmed.schema_confirmed


def test_columns_are_confirmed_one_by_one(services, owner):
    dataset_id = add_dataset(services, owner)
    half = services.datasets.save_schema(owner, dataset_id, SCHEMA, {"age"})
    assert (half.confirmed, half.schema_confirmed, half.next_step) == ({"age"}, False, "columns")
    whole = services.datasets.save_schema(owner, dataset_id, SCHEMA, {"age", "colour"})
    assert (whole.schema_confirmed, whole.next_step, whole.schema) == (True, "protect", SCHEMA)
    assert whole.schema_confirmed_at is not None
    again = services.datasets.save_schema(owner, dataset_id, SCHEMA, {"age"})
    assert not again.schema_confirmed


def test_the_steps_follow_one_another(services, owner):
    dataset_id = add_dataset(services, owner)
    datasets = services.datasets
    assert datasets.save_schema(owner, dataset_id, SCHEMA, set(SCHEMA.names)).next_step == "protect"
    assert datasets.save_unit(owner, dataset_id, UnitOfProtection(), 300).next_step == "budget"
    assert datasets.save_budget(owner, dataset_id, 2.0, 1e-6).next_step == "model"
    assert datasets.save_draft(owner, dataset_id, method="mst", epsilon=1.0).next_step == "review"
    assert datasets.get(owner, dataset_id).epsilon_cap == 2.0


@pytest.mark.parametrize(
    ("names", "confirmed", "message"),
    [(["age"], set(), "lacks the column 'colour'"), (["age", "colour"], {"size"}, "'size' cannot be confirmed")],
)
def test_a_schema_that_does_not_fit_the_table_is_refused(services, owner, names, confirmed, message):
    dataset_id = add_dataset(services, owner)
    schema = TableSchema(tuple(SCHEMA.field(name) for name in names))
    with pytest.raises(InvalidDataError, match=message):
        services.datasets.save_schema(owner, dataset_id, schema, confirmed)


def test_a_schema_with_an_unknown_column_is_refused(services, owner):
    dataset_id = add_dataset(services, owner)
    schema = TableSchema((*SCHEMA.fields, replace(SCHEMA.fields[0], name="size")))
    with pytest.raises(InvalidDataError, match="no column 'size'"):
        services.datasets.save_schema(owner, dataset_id, schema, set())


def test_a_table_that_cannot_be_read_with_its_schema_is_refused_before_it_costs(services, owner):
    content = TABLE + "Zebulon-Quux-493,blue\n"
    dataset_id = add_dataset(services, owner, content=content)
    services.datasets.save_schema(owner, dataset_id, SCHEMA, {"age"})
    with pytest.raises(InvalidDataError, match=r"[Rr]ow 301, column 'age'") as refused:
        services.datasets.save_schema(owner, dataset_id, SCHEMA, {"age", "colour"})
    assert "Zebulon" not in refused.value.user_message
    assert services.datasets.get(owner, dataset_id).next_step == "columns"


def test_a_frictionless_file_is_imported_in_the_order_of_the_table(services, owner):
    dataset_id = add_dataset(services, owner)
    turned = TableSchema(tuple(reversed(SCHEMA.fields)))
    content = json.dumps(turned.to_json()).encode()
    view = services.datasets.import_schema(owner, dataset_id, content, "codebook.json")
    assert view.schema_confirmed
    assert view.schema == SCHEMA


def test_sdv_metadata_is_imported(services, owner):
    dataset_id = add_dataset(services, owner)
    metadata = {"columns": {"age": {"sdtype": "numerical"}, "colour": {"sdtype": "categorical"}}}
    view = services.datasets.import_schema(owner, dataset_id, json.dumps(metadata).encode(), "metadata.json")
    assert view.schema is not None
    assert view.schema.names == ("age", "colour")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"fields": 3}', b"\xff\xfe\x00", b"[" * 100_000])
def test_what_is_no_schema_is_refused(services, owner, content):
    dataset_id = add_dataset(services, owner)
    with pytest.raises(InvalidDataError, match=r"codebook\.json: "):
        services.datasets.import_schema(owner, dataset_id, content, "codebook.json")


def test_the_id_column_must_be_in_the_table(services, owner):
    dataset_id = add_dataset(services, owner)
    with pytest.raises(InvalidInputError, match="no column 'person'"):
        services.datasets.save_unit(owner, dataset_id, UnitOfProtection("person", "person", 3), 300)


@pytest.mark.parametrize("rows", [0, -1, True, 1.5, None])
def test_declared_rows_are_a_whole_number(services, owner, rows):
    dataset_id = add_dataset(services, owner)
    with pytest.raises(InvalidInputError, match="whole number"):
        services.datasets.save_unit(owner, dataset_id, UnitOfProtection(), rows)


def test_delta_is_checked_against_the_declared_rows(services, owner):
    dataset_id = add_dataset(services, owner)
    with pytest.raises(InvalidInputError, match="too large"):
        services.datasets.save_unit(owner, dataset_id, UnitOfProtection(), 2_000_000)
    services.datasets.save_unit(owner, dataset_id, UnitOfProtection(), 300)
    with pytest.raises(InvalidInputError, match="too large"):
        services.datasets.save_budget(owner, dataset_id, 1.0, 0.01)


def test_a_charged_unit_cannot_change_to_somebody_else(services, owner):
    dataset_id = ready_dataset(services, owner)
    services.datasets.save_unit(owner, dataset_id, UnitOfProtection("person", "age", 2), 300)
    submit(services, owner, dataset_id)
    services.datasets.save_unit(owner, dataset_id, UnitOfProtection("person", "age", 5), 300)
    with pytest.raises(ConflictError, match="another unit"):
        services.datasets.save_unit(owner, dataset_id, UnitOfProtection(), 300)


@pytest.mark.parametrize(
    ("epsilon", "delta"), [(0.0, 1e-6), (101.0, 1e-6), (float("nan"), 1e-6), (1.0, 0.0), (1.0, 1.0), ("1", 1e-6)]
)
def test_a_budget_out_of_range_is_refused(services, owner, epsilon, delta):
    dataset_id = add_dataset(services, owner)
    with pytest.raises(InvalidInputError):
        services.datasets.save_budget(owner, dataset_id, epsilon, delta)


def test_a_draft_merges_and_forgets(services, owner):
    dataset_id = add_dataset(services, owner)
    services.datasets.save_draft(owner, dataset_id, method="mst", epsilon=1.0, target="age")
    view = services.datasets.save_draft(owner, dataset_id, epsilon=2.0, target=None)
    assert view.draft == {"method": "mst", "epsilon": 2.0}


@pytest.mark.parametrize("value", [float("nan"), object(), "x" * 100_000])
def test_a_draft_is_small_json(services, owner, value):
    dataset_id = add_dataset(services, owner)
    with pytest.raises(InvalidInputError):
        services.datasets.save_draft(owner, dataset_id, note=value)


def test_a_name_that_reads_like_a_claim_is_refused(services, owner):
    dataset_id = add_dataset(services, owner)
    with pytest.raises(InvalidInputError, match="Fully anonymous"):
        services.datasets.rename(owner, dataset_id, "Fully anonymous visits")
    assert services.datasets.get(owner, dataset_id).name == "Test table"


def test_a_name_can_change_but_not_vanish(services, owner):
    dataset_id = add_dataset(services, owner)
    assert services.datasets.rename(owner, dataset_id, "  Visits \n 2025 ").name == "Visits 2025"
    with pytest.raises(InvalidInputError):
        services.datasets.rename(owner, dataset_id, "  ")


def test_deletion_takes_the_files_and_leaves_the_ledger(services, owner, settings):
    view = register(services, owner)
    services.datasets.delete(owner, view.id)
    assert services.datasets.list(owner) == []
    assert [path for path in (settings.data_dir / "files").rglob("*") if path.is_file()] == []
    with pytest.raises(NotFoundError):
        services.datasets.get(owner, view.id)
    assert "dataset.delete" in {entry.action for entry in services.audit.list(owner)}


def test_a_dataset_with_a_waiting_run_is_not_deleted(services, owner):
    dataset_id = ready_dataset(services, owner)
    run = submit(services, owner, dataset_id)
    with pytest.raises(ConflictError, match="Cancel it first"):
        services.datasets.delete(owner, dataset_id)
    services.runs.cancel(owner, run.id)
    services.datasets.delete(owner, dataset_id)
    assert services.runs.list(owner) == []


def test_everything_of_a_dataset_is_invisible_to_others(services, owner, stranger):
    mine = ready_dataset(services, owner)
    datasets = services.datasets
    calls = [
        lambda user, key: datasets.get(user, key),
        lambda user, key: datasets.rename(user, key, "Mine"),
        lambda user, key: datasets.delete(user, key),
        lambda user, key: datasets.profile(user, key),
        lambda user, key: datasets.propose_schema(user, key),
        lambda user, key: datasets.save_schema(user, key, SCHEMA, set()),
        lambda user, key: datasets.import_schema(user, key, json.dumps(SCHEMA.to_json()).encode(), "a.json"),
        lambda user, key: datasets.save_unit(user, key, UnitOfProtection(), 300),
        lambda user, key: datasets.save_budget(user, key, 1.0, 1e-6),
        lambda user, key: datasets.save_draft(user, key, method="mst"),
        lambda user, key: services.plans.draft_plan(user, key, epsilon=1.0),
        lambda user, key: services.plans.holdout_share(user, key),
    ]
    for call in calls:
        with pytest.raises(NotFoundError) as foreign:
            call(stranger, mine)
        with pytest.raises(NotFoundError) as missing:
            call(stranger, "0" * 32)
        assert foreign.value.user_message == missing.value.user_message
    assert datasets.list(stranger) == []
    assert datasets.get(owner, mine).name == "Test table"


def test_a_file_that_is_gone_says_so(services, owner, settings):
    view = register(services, owner)
    for path in (settings.data_dir / "files").rglob("*"):
        if path.is_file():
            path.unlink()
    with pytest.raises(UnavailableError, match="gone"):
        services.datasets.profile(owner, view.id)
