"""Ready datasets and plans for tests that are not about reading files."""

from datetime import UTC, datetime

from app.artifacts import save_bytes
from app.store.models import Artifact, Dataset, new_id
from engine.data.schema import Field, FieldType, TableSchema
from engine.privacy.plan import UnitOfProtection

SCHEMA = TableSchema(
    (
        Field("age", FieldType.INTEGER, minimum=0, maximum=99, required=True),
        Field("colour", FieldType.STRING, enum=("blue", "green", "red"), required=True),
    )
)
TABLE = "age,colour\n" + "".join(f"{20 + row * 7 % 60},{('blue', 'green', 'red')[row % 3]}\n" for row in range(300))


def add_dataset(services, user, *, schema=SCHEMA, content=TABLE, delta=1e-6):
    """A dataset that is stored but not yet described; gives its id."""
    dataset_id = new_id()
    file_id = new_id()
    stored = save_bytes(services.files, file_id, content.encode())
    common = {"created_at": datetime.now(UTC)}
    with services.database.write() as session:
        session.add(
            Dataset(
                id=dataset_id,
                owner_id=user.id,
                name="Test table",
                filename="table.csv",
                n_rows=content.count("\n") - 1,
                n_columns=len(schema.names),
                columns=list(schema.names),
                size_bytes=stored.size_bytes,
                delta=delta,
                **common,
            )
        )
        session.flush()
        session.add(
            Artifact(
                id=file_id,
                dataset_id=dataset_id,
                kind="source",
                media_type="text/csv",
                size_bytes=stored.size_bytes,
                sha256="",
                classification="private",
                **common,
            )
        )
    return dataset_id


def ready_dataset(services, user, *, cap=1.0, delta=1e-6, schema=SCHEMA, content=TABLE):
    """A dataset on which runs can be submitted; gives its id."""
    dataset_id = add_dataset(services, user, schema=schema, content=content)
    services.datasets.save_schema(user, dataset_id, schema, set(schema.names))
    services.datasets.save_unit(user, dataset_id, UnitOfProtection(), 300)
    services.datasets.save_budget(user, dataset_id, cap, delta)
    services.datasets.save_draft(user, dataset_id, method="independent", epsilon=0.1)
    return dataset_id


def submit(services, user, dataset_id, epsilon=0.1, **choices):
    """Submit a run of the saved choices."""
    plan = services.plans.draft_plan(user, dataset_id, epsilon=epsilon, **choices)
    return services.runs.submit(user, dataset_id, plan)
