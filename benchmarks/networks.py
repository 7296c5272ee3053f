"""Time of a training step of normalised, residual and convolutional networks, beside the same network as an nn.Module.

The variants of a network take turns in one process, a few steps each, round after round, so that a slow moment of the machine meets all
of them: (plain) the loop that records nothing, (norms) the same with `.item()` of the norm of each layer's weight gradient, and gradlab's
own loop with its default recording, for one run and for many. Ratios are medians of those within a round.

    python -m benchmarks.networks [--rounds 15] [--only PART OF A NAME] [--threads 1]
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from benchmarks.plain_networks import PlainNetwork, start
from benchmarks.steps import ratio, steps_of
from gradlab.config.experiment import Experiment
from gradlab.datasets import load

DENSE = {
    "residual": ({"residual": "1/sqrt(depth)"}, 0.85),
    "residual + layer": ({"residual": "1/sqrt(depth)", "norm": "layer"}, 1.0),
    "residual + batch": ({"residual": "1/sqrt(depth)", "norm": "batch"}, 1.05),
}
"""Kind -> its fields, and the aim for a single run over the plain loop."""

SHAPES = {(100, 50): 1.4, (32, 50): 4.0, (16, 100): 10.0}
"""Width and depth of the dense kinds -> how many times faster than plain with norms each of many runs is to be, with batch norm."""

CONV = {
    "residual": {"residual": "1/sqrt(depth)"},
    "residual + batch": {"residual": "1/sqrt(depth)", "norm": "batch"},
    "residual, zero padding": {"residual": "1/sqrt(depth)", "padding": "zeros"},
}
CONV_AIMS = (1.1, 1.5)


@dataclass(frozen=True)
class Timed:
    """A network that is timed.

    Attributes:
        name: Kind, and width by depth.
        model: Its part of the config.
        batch: Examples of a step.
        many: Runs that train side by side.
        aims: Largest share of the plain loop's time for a single run; how many times faster than plain with norms each of many is to be.
    """

    name: str
    model: dict[str, Any]
    batch: int
    many: int
    aims: tuple[float, float | None]

    def experiments(self, num_runs: int) -> list[Experiment]:
        """Runs that differ by their seed."""
        values = {"model": self.model, "data": {"batch_size": self.batch}, "train": {"steps": 10**6, "lr": 0.001}}
        return [Experiment.model_validate(values | {"seed": seed}) for seed in range(num_runs)]


def everything() -> list[Timed]:
    """All of them."""
    own: dict[str, Any] = {"activation": "relu", "init": "he"}
    found = []
    for (width, depth), faster in SHAPES.items():
        for name, (fields, single) in DENSE.items():
            model = own | {"width": width, "depth": depth} | fields
            many = faster if fields.get("norm") == "batch" else None
            found.append(Timed(f"{name}, {width} x {depth}", model, 64, 32, (single, many)))
    for name, fields in CONV.items():
        model = own | {"kind": "conv", "width": 16, "depth": 20} | fields
        found.append(Timed(f"conv {name}, 16 x 20", model, 32, 8, CONV_AIMS))
    return found


def plain_steps(one: Experiment, norms: bool) -> Callable[[int], None]:
    """The loop that everybody writes, with and without a norm of every weight's gradient."""
    data = load(one.data)
    inputs, targets = torch.from_numpy(data.train_inputs).float(), torch.from_numpy(data.train_targets)
    image = (1, 8, 8) if one.model.kind == "conv" else None
    network = PlainNetwork(one.model, inputs.shape[1], 10, image)
    generator = torch.Generator().manual_seed(0)
    start(network, generator)
    optimizer = torch.optim.SGD(network.parameters(), lr=one.train.lr)
    weights = [each.weight for each in network.modules() if isinstance(each, nn.Linear | nn.Conv2d)]
    loss_of = nn.CrossEntropyLoss()

    def steps(count: int) -> None:
        for _ in range(count):
            index = torch.randint(len(inputs), (one.data.batch_size,), generator=generator)
            optimizer.zero_grad()
            loss_of(network(inputs[index]), targets[index]).backward()
            if norms:
                [weight.grad.norm().item() for weight in weights]  # type: ignore[union-attr]
            optimizer.step()

    return steps


def measure(timed: Timed, rounds: int, steps: int) -> dict[str, list[float]]:
    """Seconds a step and run of each variant, one figure a round."""
    one = timed.experiments(1)[0]
    variants: dict[str, tuple[Callable[[int], None], int]] = {
        "plain": (plain_steps(one, norms=False), 1),
        "single": (steps_of(timed.experiments(1)), 1),
        "norms": (plain_steps(one, norms=True), 1),
        "many": (steps_of(timed.experiments(timed.many)), timed.many),
    }
    times: dict[str, list[float]] = {name: [] for name in variants}
    for round_ in range(rounds + 1):
        for name, (run, num_runs) in variants.items():
            count = 1 if num_runs > 1 else steps
            begun = time.perf_counter()
            run(count)
            if round_ > 0:  # the first round warms up
                times[name].append((time.perf_counter() - begun) / count / num_runs)
    return times


def main() -> None:
    """Times every network and prints a table, a line as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=4, help="of a single run in a round")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="", help="networks with this in their name")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(
        f"torch {torch.__version__}, python {sys.version.split()[0]}, float32, SGD, {options.threads} thread(s); ms a step and run\n"
    )
    print(
        "| network | plain | plain + norms | single | of many | single / plain | aim | plain + norms / of many | aim |"
    )
    print(
        "|---------|-------|---------------|--------|---------|----------------|-----|-------------------------|-----|"
    )
    for timed in everything():
        if options.only not in timed.name:
            continue
        times = measure(timed, options.rounds, options.steps)
        ms = [f"{1e3 * statistics.median(times[name]):.2f}" for name in ("plain", "norms", "single", "many")]
        single, many = ratio(times, "single", "plain"), ratio(times, "norms", "many")
        cells = [
            timed.name, *ms[:3], f"{ms[3]} (R = {timed.many})", f"{single:.2f}", f"<= {timed.aims[0]:.2f}",
            f"{many:.1f}", "" if timed.aims[1] is None else f">= {timed.aims[1]:.1f}",
        ]  # fmt: skip
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
