"""A step of DP-SGD here against the same step without privacy, and against Opacus on the same network, in one run.

make bench BENCH="dpsgd --batches 250 500 1000 --threads 2"

The networks are those of dp-ctgan (its discriminator) and dp-tvae on simulated columns. A step of ours draws a Poisson
sample from the private table, clips, adds noise and lets Adam take it; the plain step takes a random batch of as many
rows. `plain` multiplies one-hot rows, as PyTorch's layers do; `plain, positions` takes our shortcut for them as well.
Opacus gets one-hot rows of a batch that is drawn already. `learn` is a whole step of the method, with all that follows
the noisy one. Contenders take turns, so that whatever else the machine does slows all of them. Times are medians;
beside their ratios stand those of processor time and of the best times, for a machine that others use too. Where there
is a CUDA device, the steps run there as well.
"""

import argparse
import json
import statistics
import time
import warnings

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional

from engine.data.encode import table_domain
from engine.data.schema import Field, FieldType
from engine.privacy.budget import RunBudget
from engine.privacy.plan import UnitOfProtection
from engine.privacy.private_table import PrivateTable
from engine.privacy.sampled_gaussian import SampledGaussian, gaussian_envelope
from engine.synthesizers.registry import synthesizer_class
from engine.synthesizers.training import apply_gradients
from tests.networks import networks_of

N_ROWS = 26_048
COLUMN_SIZES = (2, 2, 5, 6, 7, 7, 9, 15, 16, 42, 60, 60, 60, 60, 49)
NOISE_MULTIPLIER, DELTA_EXTRA = 2.0, 1e-8
PAID_STEPS = 20_000
TIMED_PER_TURN = 3
METHODS = ("dp-ctgan", "dp-tvae")


class OneHotLinear(nn.Linear):
    """A first layer that multiplies one-hot rows."""

    def forward(self, positions):
        rows = torch.zeros(len(positions), self.in_features, device=positions.device)
        return super().forward(rows.scatter_(1, positions, 1.0))


def simulated():
    """A table of independent columns, and its fields."""
    rng = np.random.default_rng(0)
    fields, columns = [], {}
    for number, size in enumerate(COLUMN_SIZES):
        values = [f"v{value}" for value in range(size)]
        fields.append(Field(f"column {number}", FieldType.STRING, enum=tuple(values)))
        columns[f"column {number}"] = pd.Series(np.array(values)[rng.integers(0, size, N_ROWS)], dtype="string")
    return pd.DataFrame(columns), tuple(fields)


def private_sums(batch):
    """A training through the door on the simulated table, and the table's cells."""
    table, fields = simulated()
    domain = table_domain(fields, {})
    training = SampledGaussian(batch / N_ROWS, NOISE_MULTIPLIER, PAID_STEPS)
    budget = RunBudget(gaussian_envelope(training, DELTA_EXTRA) ** 2 * 1.001, DELTA_EXTRA)
    private = PrivateTable(table, fields, UnitOfProtection(), budget)
    private.encode(domain, keep_units=True)
    codes = torch.from_numpy(np.stack(domain.encode(table), axis=1).astype(np.int64))
    return private.train(training, 1.0, DELTA_EXTRA, "measure a step"), domain.sizes, codes


def product_networks(method, sizes, batch, device):
    """The method's networks in the size in which a fit trains them."""
    return networks_of(method, sizes, synthesizer_class(method).settings, batch, device=device)


def ours(method, sums, sizes, batch, device):
    """A noisy step; and one with all that the method does beside it."""
    networks = product_networks(method, sizes, batch, device)

    def step():
        noisy = sums.next(networks.private_loss, networks.private_layers)
        apply_gradients(networks.private_layers, [total / batch for total in noisy], networks.optimizer)

    def learn():
        networks.learn(sums.next(networks.private_loss, networks.private_layers), sums.step)

    return {"ours": step, "ours, learn": learn}


def first_network(networks):
    """The network whose first layer takes the rows."""
    return networks.discriminator if hasattr(networks, "discriminator") else networks.encoder


def plain(method, sizes, codes, batch, device, one_hot):
    """The step without privacy: the same loss of as many rows, on average."""
    networks = product_networks(method, sizes, batch, device)
    network = first_network(networks)
    if one_hot:
        network.first = OneHotLinear(network.first.in_features, network.first.out_features, device=device)
    layers = networks.private_layers
    optimizer = torch.optim.Adam([parameter for layer in layers for parameter in layer.parameters()], fused=True)

    def step():
        chosen = codes[torch.randint(len(codes), (batch,))].to(device)
        optimizer.zero_grad(set_to_none=True)
        networks.private_loss(chosen).mean().backward()
        optimizer.step()

    return {"plain" if one_hot else "plain, positions": step}


def opacus_step(kind, sizes, codes, batch, device):
    """A step of Opacus on the discriminator: `hooks` (per-example gradients) or `ghost` (norms alone, two passes)."""
    from opacus.grad_sample import GradSampleModule, GradSampleModuleFastGradientClipping
    from opacus.optimizers import DPOptimizer, DPOptimizerFastGradientClipping
    from opacus.utils.fast_gradient_clipping_utils import DPLossFastGradientClipping

    networks = product_networks("dp-ctgan", sizes, batch, device)
    network = networks.discriminator
    network.first = nn.Linear(network.first.in_features, network.first.out_features, device=device)
    adam = torch.optim.Adam(network.parameters())
    rows = networks.layout.one_hot(codes[:batch].to(device))
    rows = torch.cat([rows, rows], 1)
    noise = {"noise_multiplier": NOISE_MULTIPLIER, "max_grad_norm": 1.0, "expected_batch_size": batch}
    ones = torch.ones(batch, device=device)
    if kind == "hooks":
        module = GradSampleModule(network, loss_reduction="sum")
        optimizer = DPOptimizer(adam, loss_reduction="sum", **noise)

        def loss_of(logits, _):
            return functional.softplus(-logits).sum()

    else:
        module = GradSampleModuleFastGradientClipping(
            network, loss_reduction="sum", max_grad_norm=1.0, use_ghost_clipping=True
        )
        optimizer = DPOptimizerFastGradientClipping(adam, loss_reduction="sum", **noise)
        criterion = nn.BCEWithLogitsLoss(reduction="sum")
        loss_of = DPLossFastGradientClipping(module, optimizer, criterion, loss_reduction="sum")

    def step():
        optimizer.zero_grad()
        loss_of(module(rows), ones).backward()
        optimizer.step()

    return {f"opacus {kind}": step}


def timed_step(step, device):
    """Wall and processor seconds of a step."""
    wall, processor = time.perf_counter(), time.process_time()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - wall, time.process_time() - processor


def take_turns(steps, rounds, slow_rounds, device):
    """Milliseconds per step: median of wall and processor time, and the best; hooks take part in fewer rounds."""
    times = {name: [] for name in steps}
    for turn in range(rounds + 1):
        for name, step in steps.items():
            slow = name == "opacus hooks"
            if slow and turn > slow_rounds:
                continue
            for repetition in range(1 if slow else 1 + TIMED_PER_TURN):
                took = timed_step(step, device)
                if turn and (slow or repetition):  # the first step of a turn finds the caches of another contender
                    times[name].append(took)
    return {
        name: {
            "ms": 1e3 * statistics.median(wall for wall, _ in found),
            "cpu_ms": 1e3 * statistics.median(processor for _, processor in found),
            "best_ms": 1e3 * min(wall for wall, _ in found),
        }
        for name, found in times.items()
    }


def measure(method, batch, device, options):
    """All contenders at one size of batch."""
    sums, sizes, codes = private_sums(batch)
    steps = ours(method, sums, sizes, batch, device)
    for one_hot in (True, False):
        steps |= plain(method, sizes, codes, batch, device, one_hot)
    if method == "dp-ctgan" and not options.without_peers:
        for kind in ("ghost", "hooks"):
            if kind == "ghost" or batch <= options.largest_hooks:
                steps |= opacus_step(kind, sizes, codes, batch, device)
    return take_turns(steps, options.rounds, options.slow_rounds, device)


def report(method, batch, device, found):
    """One JSON line: steps per second and ratios."""
    entry = {"method": method, "device": device.type, "batch": batch}
    entry |= {f"{name} ms": round(took["ms"], 2) for name, took in found.items()}
    entry["steps_per_second"] = round(1e3 / found["ours, learn"]["ms"], 1)
    for unit, suffix in (("ms", ""), ("cpu_ms", "_of_processor"), ("best_ms", "_at_best")):
        for name in ("plain", "plain, positions"):
            entry[f"times_of_{name}{suffix}"] = round(found["ours"][unit] / found[name][unit], 2)
        for kind in ("hooks", "ghost"):
            if f"opacus {kind}" in found:
                entry[f"times_faster_than_{kind}{suffix}"] = round(
                    found[f"opacus {kind}"][unit] / found["ours"][unit], 1
                )
    print(json.dumps(entry), flush=True)
    return entry


def print_table(entries):
    """All sizes as Markdown."""
    names = ["plain ms", "plain, positions ms", "ours ms", "opacus ghost ms", "opacus hooks ms", "ours, learn ms"]
    ratios = [
        "times_of_plain",
        "times_of_plain_at_best",
        "times_faster_than_hooks",
        "times_faster_than_ghost",
        "steps_per_second",
    ]
    heading = ["method", "device", "batch", *names, *(name.replace("_", " ") for name in ratios)]
    print(f"\n| {' | '.join(heading)} |\n|{'---|' * len(heading)}")
    for entry in entries:
        figures = [str(entry.get(name, "–")) for name in ("method", "device", "batch", *names, *ratios)]
        print(f"| {' | '.join(figures)} |")


def options_of(arguments):
    """The command line."""
    parser = argparse.ArgumentParser(prog="dpsgd", description=__doc__)
    parser.add_argument("--batches", type=int, nargs="+", default=[250, 500, 1000])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--slow-rounds", type=int, default=6, help="rounds that Opacus' hooks take part in")
    parser.add_argument("--largest-hooks", type=int, default=1000, help="larger batches would not fit in memory")
    parser.add_argument("--without-peers", action="store_true")
    return parser.parse_args(arguments)


def main(arguments):
    """Every method on every device at every size of batch."""
    options = options_of(arguments)
    warnings.filterwarnings("ignore", module="opacus|torch")
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    devices = ["cpu", *["cuda"] * torch.cuda.is_available()]
    print(json.dumps({"threads": options.threads, "devices": devices, "torch": torch.__version__}))
    print_table(
        [
            report(method, batch, torch.device(device), measure(method, batch, torch.device(device), options))
            for method in options.methods
            for device in devices
            for batch in options.batches
        ]
    )
