"""What is advised for the start of somebody's own deep network keeps its signal, in plain PyTorch; and what would not is not advised."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

import gradlab
from gradlab.results.finding import Finding

DEEP, WIDTH = 60, 64
X = torch.randn(64, 32, generator=torch.Generator().manual_seed(1))
Y = torch.arange(64) % 10

Start = Callable[[nn.Linear], None]


def torchs_own(layer: nn.Linear) -> None:
    layer.reset_parameters()


def of_scale(sigma_w: float) -> Start:
    """Weights of variance sigma_w² / fan_in, biases of 0."""

    def start(layer: nn.Linear) -> None:
        nn.init.normal_(layer.weight, std=sigma_w / math.sqrt(layer.in_features))
        nn.init.zeros_(layer.bias)

    return start


def deep(activation: Callable[[], nn.Module], start: Start = torchs_own, norm: bool = False) -> nn.Sequential:
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for index in range(DEEP):
        layer = nn.Linear(WIDTH if index else X.shape[1], WIDTH)
        start(layer)
        layers += [layer, *([nn.BatchNorm1d(WIDTH)] if norm else []), activation()]
    return nn.Sequential(*layers, nn.Linear(WIDTH, 10))


def judged(model: nn.Module, out: Path) -> tuple[float, list[Finding]]:
    """Decades by which the signal changes at the start, and what is found."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
    with gradlab.watch(model, optimizer, out=out, chance_loss=math.log(10)) as run:
        for _ in range(2):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(X), Y)
            loss.backward()
            run.log(loss=loss)
            optimizer.step()
    assert run.stored is not None
    return run.stored.summary.init["backward_decades"], list(run.stored.summary.findings)


def remedy(found: list[Finding], rule: str) -> str:
    return next(finding.remedy for finding in found if finding.rule == rule)


@pytest.mark.parametrize(
    ("activation", "begins", "rule", "said", "mended"),
    [
        (nn.ReLU, torchs_own, "vanishing", "such as He's start (a gain of √2); or", of_scale(math.sqrt(2))),
        (nn.Tanh, torchs_own, "vanishing", "weights of Xavier's start (a gain of 1) and biases of 0 in", of_scale(1.0)),
        (
            nn.Tanh,
            of_scale(2.0),
            "exploding",
            "weights of Xavier's start (a gain of 1) and biases of 0 in",
            of_scale(1.0),
        ),
        (nn.ELU, torchs_own, "vanishing", "weights of Xavier's start (a gain of 1) and biases of 0 in", of_scale(1.0)),
        (nn.SELU, torchs_own, "vanishing", "a standard deviation of 0.69/√fan_in and biases of 0 in", of_scale(0.69)),
    ],
)
def test_the_start_that_is_advised_keeps_the_signal(
    activation: Callable[[], nn.Module], begins: Start, rule: str, said: str, mended: Start, tmp_path: Path
) -> None:
    before, found = judged(deep(activation, begins), tmp_path / "before")
    assert abs(before) > 2
    assert said in remedy(found, rule)
    after, _ = judged(deep(activation, mended), tmp_path / "after")
    assert abs(after) < 2


def test_a_factor_on_weights_is_not_advised_where_the_slope_depends_on_their_size(tmp_path: Path) -> None:
    lost, found = judged(deep(nn.GELU), tmp_path / "before")
    assert lost < -20
    assert "times larger" not in remedy(found, "vanishing")
    per_row = 10 ** (-lost / (DEEP - 1)) / math.sqrt(
        3
    )  # torch's own weights have a standard deviation of 1/√(3 fan_in)
    grown, _ = judged(deep(nn.GELU, of_scale(per_row)), tmp_path / "after")
    assert grown > 5


@pytest.mark.parametrize(("activation", "holds"), [(nn.ReLU, False), (nn.Sigmoid, True)])
def test_batch_normalisation_alone_is_advised_where_it_keeps_the_signal(
    activation: Callable[[], nn.Module], holds: bool, tmp_path: Path
) -> None:
    _, found = judged(deep(activation), tmp_path / "before")
    told = remedy(found, "vanishing")
    assert ("batch normalisation in" in told) is holds
    assert "a skip connection around each of " in told
    assert "with a factor of 1/√60 on its branch" in told
    after, _ = judged(deep(activation, norm=True), tmp_path / "after")
    assert (abs(after) < 2) is holds
