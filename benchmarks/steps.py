"""Time of a training step, side by side: plain PyTorch, gradlab, and the matrix products alone.

All variants of a network take turns in one process, a few steps each, round after round, so that a slow moment of the machine meets
all of them. Shown are the median milliseconds a step and run, and medians of ratios taken within a round.

    python benchmarks/steps.py [--threads 1 2] [--rounds 15] [--shapes 100x50x64 ...]
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence

import torch
from torch import nn

import gradlab.training  # noqa: F401  (fixes how products are rounded, before torch is loaded)
from gradlab.config.experiment import Data, Experiment
from gradlab.datasets import load
from gradlab.training.engine import Batch

SHAPES = ((100, 50, 64), (32, 50, 64), (64, 20, 32), (256, 10, 128), (16, 100, 32))
"""Width, depth, batch size."""

MANY = 32
STEPS = 6
ACTIVATIONS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}


def experiment(shape: tuple[int, int, int], activation: str, quantities: str, seed: int) -> Experiment:
    """One run of a benchmark's network."""
    width, depth, batch_size = shape
    return Experiment.model_validate(
        {
            "seed": seed,
            "model": {"depth": depth, "width": width, "activation": activation},
            "data": {"batch_size": batch_size},
            "train": {"steps": 10**6},
            "record": {"quantities": quantities},
        }
    )


@torch.inference_mode()
def gradlab_steps(
    shape: tuple[int, int, int], activation: str, quantities: str, num_runs: int
) -> Callable[[int], None]:
    """gradlab's own loop, hand-over to the host included, in the mode of `engine.train`."""
    return steps_of([experiment(shape, activation, quantities, seed) for seed in range(num_runs)])


@torch.inference_mode()
def steps_of(runs: Sequence[Experiment]) -> Callable[[int], None]:
    """The loop of runs of one batch."""
    batch = Batch(runs, load(runs[0].data), torch.device("cpu"))
    batch.load_block(0, batch.block_steps)

    @torch.inference_mode()
    def steps(count: int) -> None:
        batch.load_block(1, count)
        for step in range(1, count + 1):
            batch.train_step(step)
        batch.flush()
        batch._blocks.clear()

    return steps


def plain_steps(shape: tuple[int, int, int], activation: str, norms: bool) -> Callable[[int], None]:
    """The loop that everybody writes, with and without a norm of every parameter's gradient."""
    width, depth, batch_size = shape
    data = load(Data(batch_size=batch_size))
    inputs, targets = torch.from_numpy(data.train_inputs).float(), torch.from_numpy(data.train_targets)
    layers: list[nn.Module] = []
    for layer in range(depth):
        layers += [nn.Linear(inputs.shape[1] if layer == 0 else width, width), ACTIVATIONS[activation]()]
    network = nn.Sequential(*layers, nn.Linear(width, 10))
    for module in network:
        if isinstance(module, nn.Linear):
            nn.init.xavier_normal_(module.weight)
            nn.init.zeros_(module.bias)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    loss_of = nn.CrossEntropyLoss()
    generator = torch.Generator().manual_seed(0)

    def steps(count: int) -> None:
        for _ in range(count):
            index = torch.randint(len(inputs), (batch_size,), generator=generator)
            optimizer.zero_grad()
            loss_of(network(inputs[index]), targets[index]).backward()
            if norms:
                [parameter.grad.norm().item() for parameter in network.parameters()]  # type: ignore[union-attr]
            optimizer.step()

    return steps


def floor_steps(shape: tuple[int, int, int], num_runs: int) -> Callable[[int], None]:
    """The same matrix products and nothing else: three a layer, all runs in one call, weight gradients of all layers in one."""
    width, depth, B = shape
    h = torch.randn(depth, num_runs, B, width)
    delta = torch.randn(depth, num_runs, B, width)
    weight = torch.randn(depth - 1, num_runs, width, width) / width**0.5
    gradient = torch.empty((depth - 1) * num_runs, width, width)
    first, first_gradient = torch.randn(num_runs, 64, width) / 8, torch.empty(num_runs, 64, width)
    inputs = torch.randn(num_runs, B, 64)
    readout, logits = torch.randn(num_runs, width, 10), torch.empty(num_runs, B, 10)
    readout_gradient = torch.empty(num_runs, width, 10)
    hs, deltas, weights = list(h), list(delta), list(weight)
    transposed = [each.transpose(1, 2) for each in weights]
    below = h[:-1].flatten(0, 1).transpose(1, 2)
    above = delta[1:].flatten(0, 1)

    def steps(count: int) -> None:
        for _ in range(count):
            torch.bmm(inputs, first, out=hs[0])
            for layer in range(1, depth):
                torch.bmm(hs[layer - 1], weights[layer - 1], out=hs[layer])
            torch.bmm(hs[-1], readout, out=logits)
            torch.bmm(hs[-1].transpose(1, 2), logits, out=readout_gradient)
            torch.bmm(logits, readout.transpose(1, 2), out=deltas[-1])
            for layer in range(depth - 1, 0, -1):
                torch.bmm(deltas[layer], transposed[layer - 1], out=deltas[layer - 1])
            torch.bmm(below, above, out=gradient)
            torch.bmm(inputs.transpose(1, 2), deltas[0], out=first_gradient)

    return steps


def measure(shape: tuple[int, int, int], activation: str, rounds: int) -> dict[str, list[float]]:
    """Seconds a step and run of each variant, one figure a round."""
    variants: dict[str, tuple[Callable[[int], None], int]] = {
        "plain": (plain_steps(shape, activation, norms=False), 1),
        "plain + norms": (plain_steps(shape, activation, norms=True), 1),
        "none": (gradlab_steps(shape, activation, "none", 1), 1),
        "gradients": (gradlab_steps(shape, activation, "gradients", 1), 1),
        "default": (gradlab_steps(shape, activation, "default", 1), 1),
        "floor": (floor_steps(shape, 1), 1),
        f"none R={MANY}": (gradlab_steps(shape, activation, "none", MANY), MANY),
        f"default R={MANY}": (gradlab_steps(shape, activation, "default", MANY), MANY),
        f"floor R={MANY}": (floor_steps(shape, MANY), MANY),
    }
    times: dict[str, list[float]] = {name: [] for name in variants}
    for round_ in range(rounds + 1):
        for name, (steps, num_runs) in variants.items():
            count = 1 if num_runs > 1 else STEPS
            begun = time.perf_counter()
            steps(count)
            if round_ > 0:  # the first round warms up
                times[name].append((time.perf_counter() - begun) / count / num_runs)
    return times


def ratio(times: dict[str, list[float]], over: str, under: str) -> float:
    """Median of a ratio within rounds."""
    return statistics.median(a / b for a, b in zip(times[over], times[under], strict=True))


def main() -> None:
    """Measures every shape at every number of threads and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--activation", choices=list(ACTIVATIONS), default="sigmoid")
    parser.add_argument(
        "--shapes", nargs="+", default=["x".join(map(str, shape)) for shape in SHAPES], help="WIDTHxDEPTHxBATCH"
    )
    options = parser.parse_args()
    print(
        f"torch {torch.__version__}, python {sys.version.split()[0]}, {options.activation}, float32, SGD; ms a step and run"
    )
    aims = (
        ("gradients / none", "gradients", "none", "<= 1.03 at 100x50"),
        ("default / none", "default", "none", "<= 1.10 at 100x50"),
        ("default / plain", "default", "plain", "<= 0.85 up to width 100, <= 1.0 at 256"),
        ("plain + norms / plain", "plain + norms", "plain", ""),
        (f"floor / default, R={MANY}", f"floor R={MANY}", f"default R={MANY}", ">= 0.75 at 100x50"),
        ("floor / default, R=1", "floor", "default", ""),
    )
    for threads in options.threads:
        torch.set_num_threads(threads)
        for text in options.shapes:
            width, depth, batch_size = (int(part) for part in text.split("x"))
            times = measure((width, depth, batch_size), options.activation, options.rounds)
            print(f"\nwidth {width}, depth {depth}, batch {batch_size}, {threads} thread{'s' if threads > 1 else ''}")
            print("  " + "  ".join(f"{name} {1e3 * statistics.median(figures):.3f}" for name, figures in times.items()))
            for title, over, under, aim in aims:
                print(f"  {title:<26} {ratio(times, over, under):.3f}   {aim}")


if __name__ == "__main__":
    main()
