"""Threads chosen as training goes, beside one and two, on free cores and on busy ones; and the whole command beside a plain script.

Each variant is a process of its own and trains the same runs; they take turns, round after round. Shown are medians of the seconds that
the training takes, and of its ratios within a round. With `--busy`, each core has a process beside that computes without end.

    python benchmarks/threads.py [--busy] [--rounds 5] [--shapes 100x50x64 ...] [--runs 1 32] [--command]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

CASES = {"16x100x32": ("wine", 600), "32x50x64": ("digits", 600), "100x50x64": ("digits", 600)}
"""Width, depth and batch size; data and steps of one run, of which 32 runs train a quarter."""

VARIANTS = ("chosen", "1", "2")
"""On busy cores the last takes minutes, and is left out."""

CONFIG = Path(__file__).parents[1] / "configs" / "deep_sigmoid.yaml"


def train(shape: str, num_runs: int, variant: str) -> float:
    """Seconds of the training alone, in this process."""
    import gradlab.training  # noqa: F401  # fixes how products are rounded, before torch is loaded
    from gradlab.config.experiment import Experiment
    from gradlab.datasets import load
    from gradlab.training import engine

    width, depth, batch_size = map(int, shape.split("x"))
    source, steps = CASES.get(shape, ("digits", 300))
    runs = [
        Experiment.model_validate(
            {
                "seed": seed,
                "model": {"depth": depth, "width": width, "activation": "sigmoid"},
                "data": {"source": source, "batch_size": batch_size},
                "train": {"steps": steps if num_runs == 1 else steps // 4},
            }
        )
        for seed in range(num_runs)
    ]
    data = load(runs[0].data)
    begun = time.perf_counter()
    engine.train(runs, data, num_threads=None if variant == "chosen" else int(variant))
    return time.perf_counter() - begun


def plain() -> None:
    """What a person would write for `CONFIG`: the same network, data and steps, with `.item()` of each gradient's norm."""
    import numpy as np
    import torch
    from torch import nn

    from gradlab.config.experiment import Experiment
    from gradlab.config.reading import document
    from gradlab.datasets import load

    experiment = document.load(CONFIG).experiment
    assert isinstance(experiment, Experiment)
    assert isinstance(experiment.train.steps, int)
    data = load(experiment.data)
    inputs, targets = torch.from_numpy(data.train_inputs).float(), torch.from_numpy(np.asarray(data.train_targets))
    layers: list[nn.Module] = []
    for layer in range(experiment.model.depth):
        fan_in = inputs.shape[1] if layer == 0 else experiment.model.width
        layers += [nn.Linear(fan_in, experiment.model.width), nn.Sigmoid()]
    network = nn.Sequential(*layers, nn.Linear(experiment.model.width, data.num_outputs))
    optimizer = torch.optim.SGD(network.parameters(), lr=experiment.train.lr)
    norms = []
    for _ in range(experiment.train.steps):
        rows = torch.randint(len(inputs), (experiment.data.batch_size,))
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs[rows]), targets[rows]).backward()
        norms.append([module.weight.grad.norm().item() for module in network if isinstance(module, nn.Linear)])  # type: ignore[union-attr]
        optimizer.step()


@contextmanager
def busy_cores(wanted: bool) -> Iterator[None]:
    """A process without end on each core."""
    count = (os.cpu_count() or 1) if wanted else 0
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def seconds(command: Sequence[str], **environment: str) -> tuple[float, str]:
    """Of a process, with what it printed."""
    kept = {key: value for key, value in os.environ.items() if key not in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    begun = time.perf_counter()
    done = subprocess.run(command, env=kept | environment, check=True, capture_output=True, text=True)
    return time.perf_counter() - begun, done.stdout


def compare_trainings(shape: str, num_runs: int, rounds: int, variants: Sequence[str]) -> None:
    """Print a line: seconds of each variant, and ratios."""
    found: dict[str, list[float]] = {variant: [] for variant in variants}
    for _ in range(rounds):
        for variant in variants:
            words = [sys.executable, __file__, "--one", shape, "--runs", str(num_runs), "--variant", variant]
            found[variant].append(float(seconds(words)[1]))
    chosen, *others = found.values()
    ratios = [ours / min(theirs) for ours, *theirs in zip(chosen, *others, strict=True)]
    shown = "  ".join(f"{name}: {statistics.median(values):.2f} s" for name, values in found.items())
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    print(
        f"{shape:>10}, {num_runs:>2} runs  {shown}  chosen ÷ the better: {statistics.median(ratios):.2f} ({spread})",
        flush=True,
    )


def compare_commands(rounds: int) -> None:
    """Print the time from shell to prompt, as a ratio."""
    script = [sys.executable, __file__, "--plain"]
    ratios = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as out:
            command = [sys.executable, "-m", "gradlab", "run", str(CONFIG), "--out", out]
            ratios.append(seconds(command)[0] / seconds(script)[0])
    print(
        f"gradlab run {CONFIG.name} ÷ plain script: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    )


def main() -> None:
    """Measure, or be one of the processes that are measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--shapes", nargs="*", default=list(CASES))
    parser.add_argument("--runs", type=int, nargs="*", default=[1, 32])
    parser.add_argument("--command", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--variant", help=argparse.SUPPRESS)
    parser.add_argument("--plain", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.plain:
        plain()
    elif asked.one:
        print(train(asked.one, asked.runs[0], asked.variant))
    else:
        with busy_cores(asked.busy):
            variants = VARIANTS[:2] if asked.busy else VARIANTS
            print(
                f"{'busy' if asked.busy else 'free'} cores; seconds of the training with threads chosen, with one, with two"
            )
            for shape in asked.shapes:
                for num_runs in asked.runs:
                    compare_trainings(shape, num_runs, asked.rounds, variants)
            if asked.command:
                compare_commands(asked.rounds)


if __name__ == "__main__":
    main()
