"""Small tables that tests share. All of them are simulated."""

import numpy as np
import pandas as pd

from engine.data.encode import pandas_dtype
from engine.data.schema import DomainSource, Field, FieldType, TableSchema
from engine.privacy.plan import SynthesisPlan
from engine.synthesizers.registry import list_methods

MARKER = "SECRET-MARKER-42"

UNPROTECTED = [info.name for info in list_methods() if not info.private]

PUBLIC = DomainSource.PUBLIC

SMALL_SCHEMA = TableSchema(
    (
        Field("age", FieldType.INTEGER, minimum=0, maximum=99, source=PUBLIC),
        Field("region", FieldType.STRING, enum=("north", "south", "east"), source=PUBLIC),
        Field("smoker", FieldType.BOOLEAN, source=PUBLIC),
        Field("cost", FieldType.NUMBER, minimum=0.0, maximum=1000.0, decimals=2, source=PUBLIC),
    )
)


def typed(table, schema):
    """Give columns the dtypes of a typed table."""
    return pd.DataFrame({field.name: table[field.name].astype(pandas_dtype(field.type)) for field in schema.fields})


def small_table(n_rows=400, seed=0):
    """Rows of SMALL_SCHEMA in which region follows age, cost follows smoking, and some values are missing."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 90, n_rows)
    region = np.where(age < 40, "north", np.where(rng.random(n_rows) < 0.7, "south", "east"))
    smoker = rng.random(n_rows) < 0.3
    cost = np.round(rng.gamma(2.0, 60.0, n_rows) + 300 * smoker, 2).clip(0, 1000)
    table = pd.DataFrame({"age": age, "region": region, "smoker": smoker, "cost": cost})
    table["cost"] = table["cost"].where(rng.random(n_rows) > 0.1)
    return typed(table, SMALL_SCHEMA)


def small_plan(method="mst", epsilon=1.0, **changes):
    """A plan for SMALL_SCHEMA; a method without a privacy guarantee gets no ε, whatever is asked."""
    epsilon = None if method in UNPROTECTED else epsilon
    return SynthesisPlan(schema=changes.pop("schema", SMALL_SCHEMA), method=method, epsilon=epsilon, **changes)
