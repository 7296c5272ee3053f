"""A stack that gradlab builds, and the same stack as somebody's own module: two implementations of one experiment, row by row.

The module starts from the very weights of the network, meets the same batches and takes the same steps; how it is measured, by hooks of
autograd instead of passes of gradlab's own, shares no line with the other.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gradlab import datasets
from gradlab.config.allowed_code import AllowedCode
from gradlab.config.experiment import Experiment
from gradlab.config.modules import ModuleExperiment
from gradlab.config.reading.document import from_mapping
from gradlab.execution.rejudge import judged
from gradlab.results.record import Record, Trained
from gradlab.training import engine
from gradlab.training.modules import learner

STACK = """\
import torch
from torch import nn

class Stack(nn.Module):
    def __init__(self, path, activation):
        super().__init__()
        weights, biases = torch.load(path)
        self.layers, self.activations = nn.ModuleList(), nn.ModuleList()
        for weight, bias in zip(weights, biases):
            layer = nn.Linear(*weight.shape)
            layer.weight.data, layer.bias.data = weight.T.contiguous(), bias.clone()
            self.layers.append(layer)
            self.activations.append(getattr(nn, activation)())

    def forward(self, x):
        for layer, activation in zip(self.layers[:-1], self.activations):
            x = activation(layer(x))
        return self.layers[-1](x)
"""
BATCH = 32


def both(activation: str, folder: Path, steps: int, **parts: Any) -> tuple[Trained, Trained]:
    """The network that gradlab builds and the module, trained."""
    model = {"depth": 10, "width": 24, "activation": activation.lower()} | parts.pop("model", {})
    data = {"source": "digits", "batch_size": BATCH}
    train = {"steps": steps, "lr": 0.05} | parts
    dense = from_mapping({"model": model, "data": data, "train": train}).experiment
    assert isinstance(dense, Experiment)
    dataset = datasets.load(dense.data)
    leaves = engine.Batch([dense], dataset, torch.device("cpu")).network.leaves
    biases = [value[0].flatten() for leaf in leaves if leaf.kind == "bias" for value in leaf.value]
    flat = [value[0] for leaf in leaves if leaf.kind == "weight" for value in leaf.value]
    sizes = [64, *map(len, biases)]
    weights = [each.reshape(sizes[at], sizes[at + 1]) for at, each in enumerate(flat)]
    torch.save((weights, biases), folder / "start.pt")
    (folder / "stack.py").write_text(STACK)
    args = {"path": str(folder / "start.pt"), "activation": activation}
    own = from_mapping(
        {"model": {"kind": "module", "build": "stack:Stack", "args": args}, "data": data, "train": train}
    )
    assert isinstance(own.experiment, ModuleExperiment)
    code = AllowedCode(("stack",), (str(folder),))
    return engine.train([dense], dataset)[0], learner.train(own.experiment, dataset, "cpu", None, code)


def records(trained: tuple[Trained, Trained]) -> tuple[Record, Record]:
    first, second = (each.record for each in trained)
    assert first is not None
    assert second is not None
    return first, second


CASES = [
    ("Sigmoid", {}),
    ("Tanh", {"optimizer": "adam", "lr": 1e-3, "weight_decay": 0.01}),
    ("ReLU", {"model": {"init": "he"}, "optimizer": "momentum", "clip_norm": 0.5}),
    ("ReLU", {"model": {"init": "he"}, "dtype": "float64"}),
]


@pytest.mark.parametrize(("activation", "parts"), CASES)
def test_every_row_is_the_layers_of_the_network(activation: str, parts: dict[str, Any], tmp_path: Path) -> None:
    theirs, mine = records(both(activation, tmp_path, 12, **parts))
    assert mine.rows is not None
    assert mine.rows.kinds == ("Linear",) * 11
    assert mine.steps.tolist() == theirs.steps.tolist()
    # The rounding of float32 grows from step to step, and with it the difference of the two.
    for name, shift, tolerance in (
        ("log10_grad_norm", 0.0, 2e-3),
        ("weight_norm", 0.0, 1e-4),
        ("forward_rms", 0.0, 2e-3),
        # Of one example's loss there, of the loss as it is given here: the mean over the batch.
        ("log10_backward_rms", -math.log10(BATCH), 2e-3),
        ("activation_mean", 0.0, 2e-3),
        ("mean_slope", 0.0, 2e-3),
    ):
        here, there = mine.layers[name], theirs.layers[name]
        assert here.present[:, :10].all(), name
        both_there = here.present & there.present
        assert np.abs(here.values - there.values - shift)[both_there].max() < tolerance * (
            1 + np.abs(there.values).max()
        ), name
    updates, seen = theirs.layers["log10_update_ratio"].values, mine.layers["log10_update_ratio"].values
    visible = updates > (-12 if parts.get("dtype") == "float64" else -5)  # float32 rounds what is smaller
    assert visible.any()
    assert np.abs(updates - seen)[visible].max() < 0.03
    for name in ("log10_grad_norm_total", "loss", "learning_rate"):
        assert mine.figures[name].values == pytest.approx(theirs.figures[name].values, rel=2e-3, abs=2e-3), name
    if "clip_norm" in parts:
        bites = theirs.figures["clip_factor"].values < 0.999
        assert bites.any()
        there, here = theirs.figures["clip_factor"].values[bites], mine.figures["clip_factor"].values[bites]
        assert here == pytest.approx(there, rel=2e-3)
        applied = mine.layers["log10_grad_norm_applied"].values[bites]
        assert applied == pytest.approx(
            mine.layers["log10_grad_norm"].values[bites] + np.log10(here)[:, None], abs=1e-3
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("activation", "model", "lr", "verdict"),
    [
        ("Sigmoid", {"depth": 20}, 0.01, "vanishing"),
        ("ReLU", {"init": "he"}, 0.05, "healthy"),
        ("ReLU", {"init": {"scheme": "he", "gain": 2.5}, "depth": 20}, 0.01, None),
        ("Tanh", {"depth": 6}, 0.1, "healthy"),
    ],
)
def test_the_verdict_is_the_same(
    activation: str, model: dict[str, Any], lr: float, verdict: str | None, tmp_path: Path
) -> None:
    found = [
        judged(one.experiment, one.record, one.outcome) for one in both(activation, tmp_path, 200, model=model, lr=lr)
    ]
    assert found[0].verdict == found[1].verdict
    assert verdict in (None, found[0].verdict)
    decades = [one.init["backward_decades"] for one in found]
    assert decades[0] == pytest.approx(decades[1], abs=0.02 * (1 + abs(decades[0] or 0)))
