"""Time of a whole sweep, side by side with the loops that people write: 64 runs of one shape on this machine.

    python benchmarks/sweeps.py [--steps 400] [--rounds 2] [--shapes 16x100x32 ...] [--runs 64]

sweep     `gradlab sweep`, the whole command: start, plan, training with the default seven quantities of every layer at
          every step in worker processes, judging, storing, results, report
plain     a PyTorch loop over the runs in one process that is started already, with `.item()` of every gradient's norm at
          every step, once with all threads and once with one; it stores nothing
process   the same loop as one process a run, as many at a time as there are cores, each with one thread

All take turns, round after round. A round trains a part of the plain runs and of the processes and is scaled to all of
them. Shown are ratios of each to the sweep, and where the sweep's own time goes: `train` is the seconds that its workers
train, the rest is start, plan, store and report.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SHAPES = ((16, 100, 32), (32, 50, 64), (64, 20, 32), (100, 50, 64), (256, 10, 128))
"""Width, depth, batch size."""

AIMS = {(16, 100, 32): 16.0, (32, 50, 64): 7.0, (64, 20, 32): 4.0, (100, 50, 64): 2.0, (256, 10, 128): 1.2}

PART = 8
"""The share of the plain runs, and of the processes, that a round trains is one in so many."""


def plain_run(shape: tuple[int, int, int], steps: int, seed: int) -> float:
    """One run of the loop that everybody writes, with a norm of every parameter's gradient at every step; seconds of its loop."""
    import torch
    from steps import plain_steps

    torch.manual_seed(seed)
    train = plain_steps(shape, "sigmoid", norms=True)
    begun = time.perf_counter()
    train(steps)
    return time.perf_counter() - begun


def plain_seconds(shape: tuple[int, int, int], steps: int, num_runs: int, threads: int) -> float:
    """Seconds of so many plain runs, one after the other."""
    import torch

    torch.set_num_threads(threads)
    return sum(plain_run(shape, steps, seed) for seed in range(num_runs))


def process_seconds(shape: tuple[int, int, int], steps: int, num_runs: int) -> float:
    """Seconds of so many processes of one run each, one a core at a time."""
    cores = len(os.sched_getaffinity(0))
    word = "x".join(map(str, shape))
    waiting = [[sys.executable, __file__, "--one-run", word, "--steps", str(steps)] for _ in range(num_runs)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    running: list[subprocess.Popen[bytes]] = []
    begun = time.perf_counter()
    while waiting or running:
        while waiting and len(running) < cores:
            running.append(subprocess.Popen(waiting.pop(), env=environment))
        running[0].wait()
        running = [process for process in running if process.poll() is None]
    return time.perf_counter() - begun


def sweep_seconds(shape: tuple[int, int, int], steps: int, num_runs: int, more: list[str]) -> dict[str, float]:
    """Seconds of the whole command, and of the training of its workers.

    Returns:
        `wall` of the command; `train`, the seconds that batches trained, shared among the workers; `driver`, processor seconds of
        everything that is not a worker.
    """
    width, depth, batch_size = shape
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "bench.yaml"
        config.write_text(
            f"experiment:\n  model: {{depth: {depth}, width: {width}, activation: sigmoid}}\n"
            f"  data: {{batch_size: {batch_size}}}\n  train: {{steps: {steps}}}\nseeds: 0-{num_runs - 1}\n"
        )
        command = [sys.executable, "-m", "gradlab", "sweep", str(config), "--out", f"{folder}/runs", "--quiet", *more]
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, _, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        summaries = [json.loads(path.read_text()) for path in Path(folder).glob("runs/*/summary.json")]
        assert len(summaries) == num_runs, f"{len(summaries)} of {num_runs} runs are there"
        train = sum(one["timing"]["train_seconds"] / one["timing"]["batch_runs"] for one in summaries)
        workers = 1 if "inline" in more else len(os.sched_getaffinity(0))
        return {"wall": wall, "train": train / workers, "cpu": usage.ru_utime + usage.ru_stime}


def measure(shape: tuple[int, int, int], steps: int, num_runs: int, rounds: int, more: list[str]) -> None:
    """Prints the ratios of one shape."""
    part = max(1, num_runs // PART)
    scale = num_runs / part
    figures: dict[str, list[float]] = {"plain": [], "plain, 1 thread": [], "process a run": []}
    walls, trains = [], []
    for _ in range(rounds):
        plain = scale * plain_seconds(shape, steps, part, len(os.sched_getaffinity(0)))
        swept = sweep_seconds(shape, steps, num_runs, more)
        single = scale * plain_seconds(shape, steps, part, 1)
        processes = scale * process_seconds(shape, steps, part)
        for name, seconds in zip(figures, (plain, single, processes), strict=True):
            figures[name].append(seconds / swept["wall"])
        walls.append(swept["wall"])
        trains.append(swept["train"] / swept["wall"])
    width, depth, batch_size = shape
    wall = statistics.median(walls)
    print(
        f"\nwidth {width}, depth {depth}, batch {batch_size}, {num_runs} runs of {steps} steps: {wall:.2f} s,", end=" "
    )
    print(
        f"{1e3 * wall / steps / num_runs:.3f} ms a step and run, {1 - statistics.median(trains):.0%} of it not training"
    )
    for name, ratios in figures.items():
        aim = f"   aim >= {AIMS[shape]:g}" if name == "plain" and shape in AIMS else ""
        print(f"  {name + ' / sweep':<24} {statistics.median(ratios):6.2f}{aim}", flush=True)


def main() -> None:
    """Measures every shape and prints what it found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="+", default=["x".join(map(str, shape)) for shape in SHAPES])
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--runs", type=int, default=64)
    parser.add_argument("--one-run", help=argparse.SUPPRESS)
    options, more = parser.parse_known_args()
    if options.one_run:
        plain_run(tuple(int(part) for part in options.one_run.split("x")), options.steps, 0)  # type: ignore[arg-type]
        return
    for text in options.shapes:
        width, depth, batch_size = (int(part) for part in text.split("x"))
        measure((width, depth, batch_size), options.steps, options.runs, options.rounds, more)


if __name__ == "__main__":
    main()
