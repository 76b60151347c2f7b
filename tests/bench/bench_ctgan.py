"""Our training of CTGAN beside the ctgan library's: seconds per epoch and quality in one run, on the same columns.

make bench BENCH="ctgan --train TRAIN.csv --holdout HOLDOUT.csv --schema SCHEMA.json --target income --positive '>50K'
                  --epochs 10 --rounds 3"

Both get the same networks, batches and epochs; --method tvae compares TVAE instead. They take turns, each in a process
of its own. The seconds are those of the fastest epoch: mixtures that are fitted and rows that are drawn do not count.
"""

import argparse
import json
import statistics
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd

from engine.data.ingest import read_table
from engine.pipeline import synthesize
from engine.privacy.plan import SynthesisPlan
from engine.synthesizers.marginals import modelled_fields
from engine.synthesizers.plain_columns import PlainTable, decode_columns, learn_columns
from tests.bench.isolation import in_own_process
from tests.bench.score import load_schema, rounded, score

LIBRARY = {"ctgan": "CTGAN", "tvae": "TVAE"}


def now():
    """The clock, and the processor's time of all threads."""
    return time.perf_counter(), time.process_time()


def ours(method, train, schema, epochs, seed):
    """Seconds of each epoch, by the clock and of the processor, and as many rows as there are private ones."""
    baseline = import_module(f"engine.synthesizers.{method}_baseline")
    training = import_module(f"engine.synthesizers.{method}_training")
    baseline.SETTINGS = replace(baseline.SETTINGS, epochs=epochs)
    marks = []

    class Stopwatch(training.TrainingReport):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            marks.append(now())

        def step(self, *losses):
            super().step(*losses)
            if self._taken % self._steps_per_epoch == 0:
                marks.append(now())

    training.TrainingReport = Stopwatch
    made = synthesize(train, SynthesisPlan(schema=schema, method=method), sample_seed=seed, device="cpu").synthetic
    return marks, made


def library(method, train, schema, epochs, seed):
    """The same by the library, which gets our columns: numbers without gaps, and categories as whole numbers."""
    import ctgan
    import joblib
    import torch

    module = import_module(f"ctgan.synthesizers.{method}")
    fields = modelled_fields(SynthesisPlan(schema=schema, method=method))
    columns, table = learn_columns(fields, train, np.random.default_rng(seed))
    names = [f"code{at}" for at in range(len(table.sizes))]
    frame = pd.DataFrame(table.codes, columns=names).join(
        pd.DataFrame(table.numbers, columns=[f"number{at}" for at in range(table.numbers.shape[1])])
    )
    marks = []

    def stopwatch(epochs, **options):
        for epoch in epochs:
            marks.append(now())
            yield epoch
        marks.append(now())

    module.tqdm = stopwatch
    np.random.seed(seed)  # noqa: NPY002  # the library draws from NumPy's global generator
    torch.manual_seed(seed)
    model = getattr(ctgan, LIBRARY[method])(epochs=epochs, enable_gpu=False)
    with joblib.parallel_config(backend="threading"):  # processes of a process would start this benchmark again
        model.fit(frame, names)
    drawn = model.sample(len(train))
    numbers = drawn.drop(columns=names).to_numpy(dtype=np.float64)
    made = PlainTable(drawn[names].to_numpy(dtype=np.int64), table.sizes, numbers)
    return marks, decode_columns(columns, made)


CONTENDERS = {"ours": ours, "library": library}


def contend(name, options, seed):
    """What one contender took in one round, and how close it came."""
    import torch

    torch.set_num_threads(options.threads)
    schema = load_schema(options.schema)
    train, holdout = (read_table(path, schema=schema).table for path in (options.train, options.holdout))
    marks, made = CONTENDERS[name](options.method, train, schema, options.epochs, seed)
    found = score(train, holdout, made, schema, options.target, options.positive)
    seconds, cpu_seconds = np.diff(marks, axis=0).min(axis=0).tolist()  # others may be at work here
    return {"seconds_per_epoch": seconds, "cpu_seconds_per_epoch": cpu_seconds} | found


def main(arguments):
    parser = argparse.ArgumentParser(prog="ctgan", description=__doc__)
    for name in ("train", "holdout", "schema"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--target")
    parser.add_argument("--positive", help="value of the target to predict")
    parser.add_argument("--method", choices=LIBRARY, default="ctgan")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    found = {name: [] for name in CONTENDERS}
    for seed in range(options.rounds):
        for name, rounds in found.items():
            rounds.append(in_own_process(contend, name, options, seed))
            print(json.dumps({"contender": name, "round": seed} | rounded(rounds[-1])), flush=True)
    medians = {
        name: {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}
        for name, rounds in found.items()
    }
    ratios = {
        key: medians["library"][key] / medians["ours"][key] for key in ("seconds_per_epoch", "cpu_seconds_per_epoch")
    }
    print(
        json.dumps(
            {
                "benchmark": options.method,
                "epochs": options.epochs,
                "times_faster": round(ratios["seconds_per_epoch"], 2),
                "times_faster_by_processor": round(ratios["cpu_seconds_per_epoch"], 2),
                **{name: rounded(each) for name, each in medians.items()},
            }
        )
    )
