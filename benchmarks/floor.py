"""A training step beside its floor: the bare loop of torch's own kernels that a step of a dense network cannot do without.

The bare loop is two products, an activation and its backward kernel a layer, every one with a place to write to; the weight gradients
in one product, the bias gradients in one sum, the update, and the norms of δ and G. gradlab trains on digits and records `gradients` at
every step. Both take turns in one process, a stretch each, so that a slow moment of the machine meets both; shown are the median
milliseconds a step and run, and the median of the ratios within a round.

    python benchmarks/floor.py [--threads 1] [--rounds 21] [--shapes 100x50x64 ...] [--activations tanh relu] [--runs 1 32]
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import torch

import gradlab.training  # noqa: F401  (fixes how products are rounded, before torch is loaded)
from gradlab.config.experiment import Data, Experiment
from gradlab.datasets import load
from gradlab.training.engine import Batch

SHAPES = ((100, 50, 64), (32, 50, 64), (16, 100, 64))
"""Width, depth, batch size."""

STRETCH = 0.1
"""Seconds that a variant takes in a round, about."""

FADING = ((16, 100, 64), "relu", "xavier", "he")
"""A network whose gradients fall below 1e-19 under the first start, which the same network under the second does not."""

Steps = Callable[[int], None]


def experiment(shape: tuple[int, int, int], activation: str, init: str | None, seed: int) -> Experiment:
    """One run of a benchmark's network, under the activation's own start where none is given."""
    width, depth, batch_size = shape
    model = {"depth": depth, "width": width, "activation": activation} | ({"init": init} if init else {})
    return Experiment.model_validate(
        {
            "seed": seed,
            "model": model,
            "data": {"batch_size": batch_size},
            "train": {"steps": 10**6, "lr": 1e-6},
            "record": {"quantities": "gradients"},
        }
    )


@torch.inference_mode()
def gradlab_steps(shape: tuple[int, int, int], activation: str, init: str | None, num_runs: int) -> Steps:
    """gradlab's own loop, hand-over to the host included, in the mode of `engine.train`.

    The learning rate is so small that the network stays what it is.
    """
    runs = [experiment(shape, activation, init, seed) for seed in range(num_runs)]
    batch = Batch(runs, load(Data(batch_size=shape[2])), torch.device("cpu"))
    batch.load_block(0, batch.block_steps)

    @torch.inference_mode()
    def steps(count: int) -> None:
        for first in range(0, count, batch.block_steps):
            size = min(batch.block_steps, count - first)
            batch.load_block(1, size)
            for step in range(1, size + 1):
                batch.train_step(step)
            batch.flush()
            batch._blocks.clear()

    return steps


@torch.inference_mode()
def bare_steps(shape: tuple[int, int, int], activation: str, num_runs: int) -> Steps:
    """The bare loop; its weights do not learn anything sensible, only the time counts."""
    width, depth, batch = shape
    R = num_runs
    aten = torch.ops.aten
    w = torch.randn(depth, R, width, width) / width**0.5
    b = torch.zeros(depth, R, 1, width)
    z, h, delta = (
        torch.empty(depth, R, batch, width),
        torch.randn(depth + 1, R, batch, width),
        torch.randn(depth + 1, R, batch, width),
    )
    t, g, gb = torch.empty(R, batch, width), torch.empty(depth * R, width, width), torch.empty(depth, R, 1, width)
    zs, hs, deltas, ws, bs = (list(x.unbind(0)) for x in (z, h, delta, w, b))
    wts = [x.transpose(1, 2) for x in ws]
    h_flat = h[:-1].reshape(-1, batch, width).transpose(1, 2)
    d_flat, w_flat = delta[:-1].reshape(-1, batch, width), w.view(-1, width, width)

    backward: Callable[..., object]
    if activation == "tanh":
        phi, backward = torch.tanh, aten.tanh_backward.grad_input

        def pull(t: torch.Tensor, h: torch.Tensor, out: torch.Tensor) -> None:
            backward(t, h, grad_input=out)
    else:
        backward = aten.threshold_backward.grad_input

        def phi(z: torch.Tensor, out: torch.Tensor) -> None:
            torch.clamp_min(z, 0, out=out)

        def pull(t: torch.Tensor, h: torch.Tensor, out: torch.Tensor) -> None:
            backward(t, h, 0, grad_input=out)

    @torch.inference_mode()
    def steps(count: int) -> None:
        for _ in range(count):
            for layer in range(depth):
                torch.baddbmm(bs[layer], hs[layer], ws[layer], out=zs[layer])
                phi(zs[layer], out=hs[layer + 1])
            for layer in reversed(range(depth)):
                torch.bmm(deltas[layer + 1], wts[layer], out=t)
                pull(t, hs[layer + 1], deltas[layer])
            torch.bmm(h_flat, d_flat, out=g)
            torch.sum(delta[:-1], 2, keepdim=True, out=gb)
            w_flat.add_(g, alpha=-1e-9)
            b.add_(gb, alpha=-1e-9)
            torch.linalg.vector_norm(g, dim=(1, 2))
            torch.linalg.vector_norm(delta[:-1], dim=(2, 3))

    return steps


def side_by_side(over: Steps, under: Steps, num_runs: int, rounds: int) -> tuple[float, float, float]:
    """Milliseconds a step and run of both, and the ratio, medians over the rounds."""
    counts = [max(1, round(STRETCH / (_seconds(steps, 2) / 2))) for steps in (over, under)]
    times = [
        [_seconds(steps, count) / count for steps, count in zip((over, under), counts, strict=True)]
        for _ in range(rounds)
    ]
    first, second = (1e3 * statistics.median(column) / num_runs for column in zip(*times, strict=True))
    return first, second, statistics.median(a / b for a, b in times)


def _seconds(steps: Steps, count: int) -> float:
    """Of one thread the processor time, which what else runs on the machine does not lengthen."""
    clock = time.thread_time if torch.get_num_threads() == 1 else time.perf_counter
    begun = clock()
    steps(count)
    return clock() - begun


def main() -> None:
    """Measures every shape, activation and number of runs and prints a line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--activations", nargs="+", choices=["tanh", "relu"], default=["tanh", "relu"])
    parser.add_argument("--runs", type=int, nargs="+", default=[1, 32])
    parser.add_argument(
        "--shapes", nargs="+", default=["x".join(map(str, shape)) for shape in SHAPES], help="WIDTHxDEPTHxBATCH"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(
        f"torch {torch.__version__}, python {sys.version.split()[0]}, float32, SGD, threads {options.threads}; ms a step and run"
    )
    for text in options.shapes:
        width, depth, batch_size = (int(part) for part in text.split("x"))
        shape = width, depth, batch_size
        for activation in options.activations:
            for num_runs in options.runs:
                mine = gradlab_steps(shape, activation, "he" if activation == "relu" else "xavier", num_runs)
                floor = bare_steps(shape, activation, num_runs)
                first, second, ratio = side_by_side(mine, floor, num_runs, options.rounds)
                print(
                    f"{text:<10} {activation:<5} {num_runs:>3} runs  gradlab {first:.3f}  floor {second:.3f}  ratio {ratio:.3f}",
                    flush=True,
                )
    shape, activation, fading, steady = FADING
    for num_runs in options.runs:
        pair = (gradlab_steps(shape, activation, init, num_runs) for init in (fading, steady))
        first, second, ratio = side_by_side(*pair, num_runs, options.rounds)
        print(f"below 1e-19 {num_runs:>3} runs  {first:.3f}  beside {second:.3f} above: ratio {ratio:.3f}", flush=True)


if __name__ == "__main__":
    main()
