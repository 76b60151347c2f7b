"""Simulated tables of many shapes, whose structure is known and whose schema is public.

They show whether a method's defaults hold beyond the tables on which they were chosen. Bounds are stated as a
codebook would, in round numbers and generously, so that they cut off the far tails and leave empty cells.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.data.encode import pandas_dtype
from engine.data.schema import DomainSource, Field, FieldType, TableSchema

HOLDOUT_SHARE = 0.25
PUBLIC = DomainSource.PUBLIC


@dataclass(frozen=True)
class SimulatedTable:
    """A table, its public schema, and a target to predict."""

    train: pd.DataFrame
    holdout: pd.DataFrame
    schema: TableSchema
    target: str
    positive: str


def simulate(name, seed=0):
    """One of TABLES; the holdout is a fresh draw from the same population."""
    shape = TABLES[name]
    rng = np.random.default_rng([seed, *name.encode()])
    n_holdout = round(shape.n_rows * HOLDOUT_SHARE)
    made = shape.make(shape.n_rows + n_holdout, rng)
    schema, table = assemble(made)
    train, holdout = table.iloc[: shape.n_rows], table.iloc[shape.n_rows :].reset_index(drop=True)
    return SimulatedTable(train, holdout, schema, shape.target, shape.positive)


def assemble(columns):
    """The schema and the typed table of made columns."""
    made = {field.name: pd.Series(values).astype(pandas_dtype(field.type)) for field, values in columns}
    return TableSchema(tuple(field for field, _ in columns)), pd.DataFrame(made)


def integer(name, low, high, values):
    """A column of whole numbers, clipped to its public range."""
    clipped = np.clip(np.round(values), low, high).astype(np.int64)
    return Field(name, FieldType.INTEGER, minimum=low, maximum=high, required=True, source=PUBLIC), clipped


def number(name, low, high, values, decimals=2):
    """A column of decimal numbers, clipped to its public range."""
    field = Field(name, FieldType.NUMBER, minimum=low, maximum=high, required=True, decimals=decimals, source=PUBLIC)
    return field, np.clip(np.round(values, decimals), low, high)


def category(name, categories, codes):
    """A column of texts, given by positions in a public list."""
    field = Field(name, FieldType.STRING, enum=tuple(categories), required=True, source=PUBLIC)
    return field, np.array(categories, dtype=object)[codes]


def boolean(name, values):
    """A column of yes and no."""
    return Field(name, FieldType.BOOLEAN, required=True, source=PUBLIC), np.asarray(values, dtype=bool)


def with_missing(column, share, rng):
    """The column with some values missing at random."""
    field, values = column
    lost = pd.Series(values).astype(pandas_dtype(field.type)).mask(rng.random(len(values)) < share)
    return Field(field.name, field.type, field.minimum, field.maximum, field.enum, source=PUBLIC), lost


def logistic(score, rng):
    """Yes with a chance that rises with a score."""
    return rng.random(len(score)) < 1 / (1 + np.exp(-score))


def labels(prefix, count):
    """Category names that sort like their numbers."""
    return [f"{prefix}-{number:02d}" for number in range(count)]


def skewed_codes(score, count, rng):
    """Categories of unequal frequency that follow a standard normal score with some noise."""
    borders = np.cumsum(0.6 ** np.arange(count) / np.sum(0.6 ** np.arange(count)))[:-1]
    mixed = 0.8 * score + 0.6 * rng.standard_normal(len(score))
    return np.searchsorted(np.quantile(mixed, borders), mixed)


def numeric(n, rng):
    """Twelve numbers from three common factors: normal, heavy-tailed, zero-inflated, two-humped and counts."""
    factor = rng.standard_normal((3, n))
    noise = rng.standard_normal((12, n))
    spends = rng.random(n) < 1 / (1 + np.exp(-factor[1]))
    hump = np.where(factor[2] > 0.5, 78.0, 31.0)
    score = 1.2 * factor[0] - 1.0 * factor[2] + 0.8 * spends - 1.0
    return [
        integer("age", 0, 110, 45 + 15 * factor[0] + 6 * noise[0]),
        number("height", 100, 230, 170 + 7 * factor[2] + 5 * noise[1], 1),
        number("weight", 20, 250, 72 + 9 * factor[2] + 5 * factor[0] + 5 * noise[2], 1),
        number("income", 0, 1_000_000, np.exp(10.2 + 0.6 * factor[0] + 0.5 * noise[3])),
        number("wealth", -200_000, 10_000_000, np.exp(10.0 + 1.2 * factor[0] + 1.1 * noise[4]) - 20_000),
        number("claims", 0, 500_000, np.where(spends, np.exp(6.5 + 0.8 * factor[1] + 0.9 * noise[5]), 0)),
        number("premium", 0, 20_000, 300 + 120 * np.exp(0.5 * factor[1] + 0.2 * noise[6])),
        integer("visits", 0, 400, rng.poisson(np.exp(0.7 + 0.7 * factor[1]))),
        number("temperature", -50, 150, hump + 1.5 * noise[8], 1),
        number("return", -100, 100, 1.5 * rng.standard_t(2.5, n) + 0.8 * factor[1], 3),
        integer("overtime", 0, 1_000, np.where(rng.random(n) < 0.7, 0, rng.gamma(1.5, 12, n) * (1 + spends))),
        number("score", 0, 1, 1 / (1 + np.exp(-(factor[0] + factor[1] + 0.5 * noise[11]))), 4),
        boolean("approved", logistic(score, rng)),
    ]


def binary(n, rng):
    """Twenty answers: independent ones, copies, and exclusive-ors that no pair shows; one of them moves the target."""
    base = rng.random((8, n)) < np.array([0.5, 0.5, 0.5, 0.3, 0.5, 0.15, 0.5, 0.05])[:, None]

    def flipped(values, chance):
        return values ^ (rng.random(n) < chance)

    parity = [flipped(base[i] ^ base[j], 0.08) for i, j in ((0, 1), (1, 2), (3, 4), (4, 6))]
    copies = [flipped(base[i], 0.1 + 0.05 * i) for i in (0, 2, 3)]
    gates = [flipped(base[3] & base[4], 0.05), flipped(base[5] | base[6], 0.05), base[7] & base[5]]
    majority = (base[0].astype(int) + base[2] + base[6]) >= 2
    target = logistic(2.5 * (base[2] ^ base[6]) + 1.5 * copies[2] + 1.0 * gates[0] - 2.0, rng)
    columns = [*base, *parity, *copies, *gates, flipped(majority, 0.1), target]
    return [boolean(f"q{position:02d}", values) for position, values in enumerate(columns, start=1)]


def mixed(n, rng, n_columns=60):
    """Columns of all types, in blocks of six that share a factor; a block's factor follows the last one's."""
    columns, factor = [], rng.standard_normal(n)
    for block in range(math.ceil(n_columns / 6)):
        factor = 0.6 * factor + 0.8 * rng.standard_normal(n)
        noise = rng.standard_normal((4, n))
        mark, n_groups = f"b{block}", 4 + block % 10
        columns += [
            with_missing(integer(f"{mark}_age", 0, 120, 50 + 14 * factor + 8 * noise[0]), 0.05, rng),
            number(f"{mark}_amount", 0, 5_000, np.exp(4.5 + 0.7 * factor + 0.5 * noise[1])),
            integer(f"{mark}_count", 0, 30, rng.poisson(np.exp(0.4 + 0.5 * factor))),
            category(f"{mark}_group", labels("group", n_groups), skewed_codes(factor, n_groups, rng)),
            with_missing(category(f"{mark}_grade", list("ABCDE"), skewed_codes(noise[2], 5, rng)), 0.1, rng),
            boolean(f"{mark}_flag", logistic(1.5 * factor + noise[2], rng)),
        ]
    return columns[:n_columns]


def small(n, rng):
    """Ten columns of a pilot study with few people."""
    frailty = rng.standard_normal(n)
    treated = rng.random(n) < 0.5
    age = 62 + 11 * frailty + 5 * rng.standard_normal(n)
    return [
        integer("age", 18, 100, age),
        category("sex", ["female", "male"], (rng.random(n) < 0.45).astype(int)),
        category("arm", ["control", "treatment"], treated.astype(int)),
        category("site", labels("site", 6), skewed_codes(rng.standard_normal(n), 6, rng)),
        integer("systolic", 70, 250, 128 + 9 * frailty + 11 * rng.standard_normal(n)),
        number("creatinine", 0, 15, np.exp(0.1 + 0.25 * frailty + 0.2 * rng.standard_normal(n))),
        integer("days", 0, 90, rng.gamma(2.0, 3.0 + 1.5 * (frailty > 0.5), n)),
        category("stage", ["I", "II", "III", "IV"], skewed_codes(frailty, 4, rng)),
        boolean("diabetes", logistic(0.9 * frailty - 1.0, rng)),
        boolean("event", logistic(1.3 * frailty - 0.9 * treated - 0.6, rng)),
    ]


def skewed(n, rng):
    """Transactions of which three in a hundred are fraud; the hour, the channel and the country tell."""
    fraud = rng.random(n) < 0.03
    night = rng.random(n) < np.where(fraud, 0.55, 0.08)
    hour = np.where(night, rng.integers(0, 6, n), np.clip(rng.normal(14, 4, n), 0, 23))
    online = rng.random(n) < np.where(fraud, 0.85, 0.4)
    abroad = rng.random(n) < np.where(fraud, 0.5, 0.06)
    country = np.where(abroad, rng.integers(1, 12, n), 0)
    age = rng.gamma(3.0, 400.0, n) * np.where(fraud, 0.4, 1.0)
    return [
        number("amount", 0, 20_000, np.exp(3.2 + 0.9 * rng.standard_normal(n) + 1.6 * fraud)),
        integer("hour", 0, 23, hour),
        category("channel", ["terminal", "online", "phone", "transfer"], np.where(online, 1, rng.integers(0, 4, n))),
        category("country", labels("country", 12), country),
        category("merchant", labels("merchant", 20), skewed_codes(rng.standard_normal(n) + 0.5 * online, 20, rng)),
        integer("account_days", 0, 10_000, age),
        integer("tries", 0, 20, rng.poisson(0.2 + 1.5 * fraud)),
        boolean("new_device", rng.random(n) < np.where(fraud, 0.6, 0.1)),
        boolean("chip", (rng.random(n) < 0.9) & ~online),
        integer("customer_age", 18, 100, 45 + 15 * rng.standard_normal(n)),
        number("balance", -5_000, 200_000, np.exp(7.5 + 1.2 * rng.standard_normal(n)) - 800),
        boolean("fraud", fraud),
    ]


def hierarchy(n, rng):
    """Codes that decide their groups without exception: products in lines in divisions, towns in regions."""
    product = skewed_product(rng, n)
    line = (np.arange(48) * 9 // 48)[product]
    division = np.array([0, 0, 0, 1, 1, 1, 1, 2, 2])[line]
    town = skewed_codes(0.7 * rng.standard_normal(n) + 0.3 * (division - 1), 24, rng)
    region = (np.arange(24) * 5 // 24)[town]
    price = np.array([15, 40, 90])[division] * (1 + line % 3) + 4 * rng.standard_normal(n)
    quantity = 1 + rng.poisson(np.array([6.0, 2.5, 0.7])[division])
    returned = logistic(-2.2 + 0.9 * (line % 4 == 1) + 0.6 * (region == 2) + 0.02 * price, rng)
    return [
        category("product", labels("product", 48), product),
        category("line", labels("line", 9), line),
        category("division", ["food", "home", "garden"], division),
        category("town", labels("town", 24), town),
        category("region", ["north", "east", "south", "west", "centre"], region),
        integer("region_code", 1, 5, region + 1),
        number("price", 0, 500, price),
        integer("quantity", 1, 40, quantity),
        boolean("returned", returned),
    ]


def skewed_product(rng, n):
    """Products whose sales fall off like a power law, in an order that has nothing to do with their line."""
    chance = 1 / np.arange(1, 49) ** 0.8
    return np.random.default_rng(48).permutation(48)[rng.choice(48, size=n, p=chance / chance.sum())]


@dataclass(frozen=True)
class Shape:
    """How a table is made: rows to train on, a function of rows and generator, and the target."""

    n_rows: int
    make: Callable
    target: str
    positive: str = "true"


TABLES = {
    "numeric": Shape(10_000, numeric, "approved"),
    "binary": Shape(10_000, binary, "q20"),
    "wide": Shape(20_000, mixed, "b9_flag"),
    "small": Shape(500, small, "event"),
    "skewed": Shape(15_000, skewed, "fraud"),
    "hierarchy": Shape(12_000, hierarchy, "returned"),
}
