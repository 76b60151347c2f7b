"""Mean total variation distance of all pairs of columns, numbers cut into 20 equal bins of their public range."""

import itertools

import numpy as np

from engine.data.encode import to_number, to_numbers
from engine.data.schema import FieldType

BINS = 20


def cells(table, schema):
    """Cells per column, the last one for missing or unknown values."""
    found = {}
    for field in schema.fields:
        column = table[field.name]
        if field.enum is not None or field.type is FieldType.BOOLEAN:
            values = list(field.enum) if field.enum is not None else [False, True]
            codes = column.map({value: index for index, value in enumerate(values)}).astype("Int64")
            found[field.name] = (codes.fillna(len(values)).to_numpy(np.int64), len(values) + 1)
            continue
        edges = np.linspace(*(to_number(bound, field.type) for bound in (field.minimum, field.maximum)), BINS + 1)
        numbers = to_numbers(column, field.type)
        codes = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, BINS - 1)
        found[field.name] = (np.where(np.isnan(numbers), BINS, codes), BINS + 1)
    return found


def mean_distance(first, second, schema):
    """Mean over all pairs of the total variation distance between two tables."""
    first, second = cells(first, schema), cells(second, schema)
    pairs = list(itertools.combinations(schema.names, 2))
    return float(np.mean([np.abs(share(first, pair) - share(second, pair)).sum() / 2 for pair in pairs]))


def share(columns, pair):
    (first, first_size), (second, second_size) = columns[pair[0]], columns[pair[1]]
    counts = np.bincount(first * second_size + second, minlength=first_size * second_size)
    return counts / counts.sum()
