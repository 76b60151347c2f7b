"""How close a synthetic table comes to the real one, the same way for every method.

make bench BENCH="score --train TRAIN.csv --holdout HOLDOUT.csv --synthetic SYNTHETIC.csv --schema SCHEMA.json
                  --target income --positive '>50K'"

tvd1, tvd2, tvd3 are mean total variation distances to the training rows, over all columns, all pairs of columns
and 64 fixed triples, with numbers cut into 20 equal bins of their public range. ks is the mean over number columns of
the largest gap between cumulative shares. auc is the area under the ROC curve on the holdout of gradient boosting
trained on the synthetic rows. The floors and auc_real are what the holdout and the training rows score in the
synthetic table's place.
"""

import argparse
import itertools
import json
import sys
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from engine.data.encode import to_number, to_numbers
from engine.data.ingest import read_table
from engine.data.schema import FieldType, TableSchema

BINS = 20
TRIPLES = 64
TRIPLES_SEED = 7
BOOSTING_ROUNDS = 150


def load_schema(path):
    """A schema that states every column's domain, without which there are no cells to compare."""
    schema = TableSchema.load(path)
    unknown = [field.name for field in schema.fields if not field.has_domain]
    if unknown:
        sys.exit(f"state the values or the bounds of {', '.join(unknown)} in {path.name}: scores need public cells")
    return schema


def is_categorical(field):
    """Whether a column is compared value by value instead of in bins."""
    return field.enum is not None or field.type is FieldType.BOOLEAN


def category_codes(column, field):
    """Position of each value in the schema's list, missing and unknown ones behind all others."""
    values = list(field.enum) if field.enum is not None else [False, True]
    codes = column.map({value: index for index, value in enumerate(values)}).astype("Int64")
    return codes.fillna(len(values)).to_numpy(np.int64), len(values) + 1


def bin_codes(column, field):
    """Bin of each number in the public range, missing ones behind all others."""
    edges = np.linspace(*(to_number(bound, field.type) for bound in (field.minimum, field.maximum)), BINS + 1)
    numbers = to_numbers(column, field.type)
    bins = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, BINS - 1)
    return np.where(np.isnan(numbers), BINS, bins), BINS + 1


def cells(table, schema):
    """Cells and number of cells, per column in schema order."""
    return [
        (category_codes if is_categorical(field) else bin_codes)(table[field.name], field) for field in schema.fields
    ]


def share(columns, chosen):
    """Relative frequency of every combination of cells of the chosen columns."""
    flat, size = np.zeros(len(columns[0][0]), dtype=np.int64), 1
    for column in chosen:
        codes, n_cells = columns[column]
        flat, size = flat * n_cells + codes, size * n_cells
    counts = np.bincount(flat, minlength=size)
    return counts / counts.sum()


def marginals(n_columns):
    """Columns, pairs and a fixed sample of triples, by the number of columns in them."""
    columns = range(n_columns)
    triples = list(itertools.combinations(columns, 3))
    drawn = np.random.default_rng(TRIPLES_SEED).permutation(len(triples))[:TRIPLES]
    return {
        1: [(column,) for column in columns],
        2: list(itertools.combinations(columns, 2)),
        3: [triples[index] for index in drawn],
    }


def distances(first, second, schema):
    """Mean total variation distance between two tables, by the number of columns looked at together."""
    first, second = cells(first, schema), cells(second, schema)
    return {
        order: float(np.mean([np.abs(share(first, chosen) - share(second, chosen)).sum() / 2 for chosen in sets]))
        for order, sets in marginals(len(schema.fields)).items()
        if sets
    }


def mean_kolmogorov(first, second, schema):
    """Mean over number columns of the largest gap between cumulative shares, which bins of equal width may hide."""
    gaps = []
    for field in schema.fields:
        if is_categorical(field):
            continue
        both = [np.sort(numbers[~np.isnan(numbers)]) for numbers in numbers_of(field, first, second)]
        points = np.concatenate(both)
        shares = [np.searchsorted(numbers, points, side="right") / max(1, len(numbers)) for numbers in both]
        gaps.append(float(np.abs(shares[0] - shares[1]).max(initial=0.0)))
    return float(np.mean(gaps)) if gaps else 0.0


def numbers_of(field, *tables):
    """A column of several tables in numeric units."""
    return [to_numbers(table[field.name], field.type) for table in tables]


def features(table, schema, target):
    """Numbers as they are and categories as positions, -1 for missing; shape (n_rows, n_columns - 1)."""
    columns = []
    for field in schema.fields:
        if field.name == target:
            continue
        if is_categorical(field):
            codes, n_cells = category_codes(table[field.name], field)
            columns.append(np.where(codes == n_cells - 1, -1, codes).astype(np.float64))
        else:
            columns.append(to_numbers(table[field.name], field.type))
    return np.stack(columns, axis=1)


def answers(table, target, positive):
    """Whether the target has the positive value, shape (n_rows,)."""
    return table[target].astype("string").str.lower().eq(str(positive).lower()).fillna(False).to_numpy(dtype=bool)


def auc(train, holdout, schema, target, positive):
    """Area under the ROC curve on the holdout; one half where training rows know a single answer."""
    known = answers(train, target, positive)
    if known.all() or not known.any():
        return 0.5
    model = HistGradientBoostingClassifier(random_state=0, max_iter=BOOSTING_ROUNDS)
    model.fit(features(train, schema, target), known)
    predicted = model.predict_proba(features(holdout, schema, target))[:, 1]
    return float(roc_auc_score(answers(holdout, target, positive), predicted))


def score(train, holdout, synthetic, schema, target=None, positive=None):
    """Distances of a synthetic table to the training rows, and the auc of a model trained on it."""
    found = {f"tvd{order}": value for order, value in distances(train, synthetic, schema).items()}
    found["ks"] = mean_kolmogorov(train, synthetic, schema)
    if target is not None:
        found["auc"] = auc(synthetic, holdout, schema, target, positive)
    return found


def floors(train, holdout, schema, target=None, positive=None):
    """What real rows score: the holdout as if it were synthetic, and a model trained on the training rows."""
    found = {f"floor{order}": value for order, value in distances(train, holdout, schema).items()}
    found["floor_ks"] = mean_kolmogorov(train, holdout, schema)
    if target is not None:
        found["auc_real"] = auc(train, holdout, schema, target, positive)
    return found


def rounded(found, digits=4):
    """Fractions rounded, to be printed."""
    return {name: round(value, digits) if isinstance(value, float) else value for name, value in found.items()}


def main(arguments):
    """Score three files."""
    parser = argparse.ArgumentParser(prog="score", description=__doc__)
    for name in ("train", "holdout", "synthetic", "schema"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--target")
    parser.add_argument("--positive", help="value of the target to predict")
    options = parser.parse_args(arguments)
    schema = load_schema(options.schema)
    files = (options.train, options.holdout, options.synthetic)
    train, holdout, synthetic = (read_table(path, schema=schema).table for path in files)
    found = {"rows": len(synthetic)}
    found |= score(train, holdout, synthetic, schema, options.target, options.positive)
    found |= floors(train, holdout, schema, options.target, options.positive)
    print(json.dumps(rounded(found)))
