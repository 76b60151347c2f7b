"""Rows of a population that attacks are tried on, and tables that leak some of them."""

import numpy as np
import pandas as pd

from engine.data.schema import Field, FieldType, TableSchema
from tests.tables import typed

N_ROWS = 1_500

PEOPLE = TableSchema(
    (
        *(Field(f"score{i}", FieldType.NUMBER) for i in range(4)),
        Field("town", FieldType.STRING, enum=tuple("abcdefgh")),
        Field("member", FieldType.BOOLEAN),
    )
)


def people(n_rows, seed):
    """Correlated scores of five decimals, some missing, and a town and a membership that follow them."""
    rng = np.random.default_rng(seed)
    common = rng.standard_normal(n_rows)
    table = pd.DataFrame({f"score{i}": np.round(common + rng.standard_normal(n_rows), 5) for i in range(4)})
    table["score3"] = table["score3"].mask(rng.random(n_rows) < 0.05)
    table["town"] = np.array(list("abcdefgh"))[np.clip(np.round(common + 3.5), 0, 7).astype(int)]
    table["member"] = common + rng.standard_normal(n_rows) > 0
    return typed(table, PEOPLE)


def leaking(table, share, seed):
    """Fresh rows of the population, a share of them replaced by rows of a table."""
    n_copies = round(share * N_ROWS)
    fresh = people(N_ROWS - n_copies, seed)
    return pd.concat([table.sample(n_copies, random_state=seed), fresh], ignore_index=True)


def tables(seed=0):
    """Training rows and rows set aside, both of the population."""
    return people(N_ROWS, 3 * seed), people(N_ROWS, 3 * seed + 1)
