"""Time of a training step under `gradlab.watch`, beside the same loop without it and beside other tools.

Each way of watching trains a network of its own, alike to the bit at the start; they take turns, a few steps each, round after round, so
that a slow moment of the machine meets all of them. Times are those of the processor. Ratios are to the plain loop of the same round; the
table gives their quartiles.

    python -m benchmarks.watching [--rounds 40] [--only PART OF A NAME] [--ways PART,PART] [--optimizer sgd|adam]
"""

import argparse
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from gradlab.training.watching.options import Options
from gradlab.training.watching.watcher import Watcher

FIVE = ("grad_norm", "log10_grad_norm_applied", "log10_backward_norm", "forward_rms", "log10_update_ratio")

AIMS = {"grad_norm": (1.10, 1.03), "the five": (1.35, 1.15), "default": (1.8, 1.2), "every 10th": (1.05, 1.05)}
"""Way of watching -> largest time beside the plain loop's: of the dense network, of the others."""


class _Block(nn.Module):
    def __init__(self, fan_in: int, fan_out: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(fan_in, fan_out, 3, stride, 1, bias=False), nn.BatchNorm2d(fan_out)
        self.conv2, self.bn2 = nn.Conv2d(fan_out, fan_out, 3, 1, 1, bias=False), nn.BatchNorm2d(fan_out)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or fan_in != fan_out:
            self.shortcut = nn.Sequential(nn.Conv2d(fan_in, fan_out, 1, stride, bias=False), nn.BatchNorm2d(fan_out))

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += self.shortcut(x)
        return self.relu(out)


def _resnet() -> tuple[nn.Module, Tensor]:
    """ResNet18 with 32 to 256 channels."""
    layers: list[nn.Module] = [nn.Conv2d(3, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(inplace=True)]
    width = 32
    for stage, out in enumerate((32, 64, 128, 256)):
        layers.append(nn.Sequential(_Block(width, out, 2 if stage else 1), _Block(out, out, 1)))
        width = out
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))
    return model, torch.randn(32, 3, 8, 8)


def _mlp() -> tuple[nn.Module, Tensor]:
    layers: list[nn.Module] = []
    for index in range(20):
        layers += [nn.Linear(64 if index == 0 else 100, 100), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(100, 10)), torch.randn(64, 64)


class _Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Linear(16, 64)
        layer = nn.TransformerEncoderLayer(64, 4, 256, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 6, nn.LayerNorm(64), enable_nested_tensor=False)
        self.head = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(self.embedding(x)).mean(1))


class _Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head = nn.LSTM(16, 64, num_layers=2, batch_first=True), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0][:, -1])


NETWORKS: dict[str, Callable[[], tuple[nn.Module, Tensor]]] = {
    "MLP 20 x 100": _mlp,
    "ResNet18-like": _resnet,
    "transformer 6 x 64": lambda: (_Transformer(), torch.randn(32, 32, 16)),
    "LSTM 2 x 64": lambda: (_Recurrent(), torch.randn(32, 32, 16)),
}

Loop = Callable[[int], None]


def _loop(name: str, optimizer_of: Callable[[Any], torch.optim.Optimizer], way: Callable[..., Any]) -> Loop:
    """Trains a network of its own; `way` may look at it at each step, after backward."""
    torch.manual_seed(0)
    model, inputs = NETWORKS[name]()
    targets = torch.arange(len(inputs)) % 10
    optimizer, loss_of = optimizer_of(model.parameters()), nn.CrossEntropyLoss()
    look = way(model, optimizer)

    def steps(count: int) -> None:
        for _ in range(count):
            optimizer.zero_grad()
            loss_of(model(inputs), targets).backward()
            if look is not None:
                look()
            optimizer.step()

    return steps


def _plain(model: nn.Module, optimizer: Any) -> None:
    return None


def _norms(model: nn.Module, optimizer: Any) -> Callable[[], Any]:
    parameters = list(model.parameters())
    return lambda: [p.grad.norm().item() for p in parameters]  # type: ignore[union-attr]


def _watch(**options: Any) -> Callable[..., Any]:
    kept = []

    def way(model: nn.Module, optimizer: Any) -> None:
        kept.append(Watcher(model, optimizer, options=Options(**options)))

    return way


@cache
def _wandb_run() -> Any:
    """One run for all that watch; wandb knows one at a time."""
    import wandb

    os.environ["WANDB_SILENT"] = "true"
    return wandb.init(mode="offline", dir=tempfile.mkdtemp(), project="bench")


def _wandb(log: str) -> Callable[..., Any]:
    def way(model: nn.Module, optimizer: Any) -> Callable[[], None]:
        run = _wandb_run()
        run.watch(model, log=log, log_freq=1, idx=next(_indices))
        return lambda: run.log({"x": 0})

    return way


_indices = itertools.count()


def _torchmortem(model: nn.Module, optimizer: Any) -> Callable[[], None]:
    from torchmortem import Autopsy

    autopsy = Autopsy(model, optimizer)
    autopsy.__enter__()
    return lambda: autopsy.step(loss=0.0)


WAYS: dict[str, Callable[..., Any]] = {
    "plain": _plain,
    "`.item()` norms": _norms,
    "grad_norm": _watch(quantities=("grad_norm",)),
    "the five": _watch(quantities=FIVE),
    "default": _watch(),
    "every 10th": _watch(every=10),
    "wandb gradients": _wandb("gradients"),
    "wandb all": _wandb("all"),
    "torchmortem": _torchmortem,
}
"""Name -> what is done with a model and its optimizer at the start; it gives what is done after each backward pass, or None."""


def measure(name: str, ways: list[str], optimizer_of: Callable[[Any], Any], rounds: int) -> dict[str, list[float]]:
    """Seconds a step of each way, one figure a round."""
    loops: dict[str, Loop] = {}
    for way in ways:
        try:
            loop = _loop(name, optimizer_of, WAYS[way])
            loop(10)
            loops[way] = loop
        except (ImportError, RuntimeError) as error:  # not installed, or not made for such a network
            print(f"{name}, {way}: {str(error)[:100]}", file=sys.stderr)
    times: dict[str, list[float]] = {way: [] for way in loops}
    for _ in range(rounds):
        for way, loop in loops.items():
            begun = time.process_time()
            loop(10)  # every 10th step is in it once
            times[way].append((time.process_time() - begun) / 10)
    return times


def main() -> None:
    """Times every network and prints a table, a line as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="", help="networks with this in their name")
    parser.add_argument("--ways", default="", help="ways with one of these in their name, besides the plain loop")
    parser.add_argument("--optimizer", choices=("sgd", "adam"), default="sgd")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    wanted = [part for part in options.ways.split(",") if part]
    ways = [way for way in WAYS if way == "plain" or not wanted or any(part in way for part in wanted)]
    optimizer_of = {"sgd": lambda p: torch.optim.SGD(p, lr=0.01), "adam": lambda p: torch.optim.Adam(p, lr=1e-3)}
    print(
        f"torch {torch.__version__}, float32, {options.optimizer}, {options.threads} thread(s); times the plain loop\n"
    )
    print(
        "| network | way | lower quartile | median | upper quartile | aim | ms a step |\n|---|---|---|---|---|---|---|"
    )
    for name in NETWORKS:
        if options.only not in name:
            continue
        times = measure(name, ways, optimizer_of[options.optimizer], options.rounds)
        for way, seconds in times.items():
            ratios = [one / plain for one, plain in zip(seconds, times["plain"], strict=True)]
            low, middle, high = statistics.quantiles(ratios, n=4)
            aim = AIMS[way][not name.startswith("MLP")] if way in AIMS and "LSTM" not in name else ""
            print(
                f"| {name} | {way} | {low:.3f} | {middle:.3f} | {high:.3f} | {aim} | {1e3 * statistics.median(seconds):.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
