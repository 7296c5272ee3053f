"""Every row of a watched module against `torch.autograd.grad` in float64, on a copy that clones outputs, because of in-place operations."""

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gradlab.results.record import Record
from gradlab.training.watching.options import Options
from gradlab.training.watching.signals import tensors_of
from gradlab.training.watching.watcher import Watcher
from tests.made.own_modules import Case, cases

DECADES = 1e-4
"""Float32 holds a gradient's norm to about 1e-6 of it, and what cancels in it to a little less."""


def watched(case: Case, steps: int = 1, **options: Any) -> Record:
    optimizer = torch.optim.SGD(case.model.parameters(), lr=0.05)
    watcher = Watcher(case.model, optimizer, options=Options(quantities="all", **options))
    for _ in range(steps):
        optimizer.zero_grad()
        case.loss(case.model, case.inputs).backward()
        optimizer.step()
    watcher.close()
    record = watcher.record()
    assert record is not None
    return record


def expected(case: Case) -> dict[str, dict[str, float]]:
    """Row -> its figures, of an independent way to them."""
    model = copy.deepcopy(case.model).double()
    outputs: dict[str, list[Tensor]] = {}

    def keep(name: str) -> Any:
        def hook(module: nn.Module, args: Any, output: Any) -> Any:
            kept = [tensor for tensor in tensors_of(output) if tensor.requires_grad]
            outputs.setdefault(name, []).extend(kept)
            if isinstance(output, Tensor):
                return output.clone()
            return None

        return hook

    for name, module in model.named_modules():
        module.register_forward_hook(keep(name))
    inputs = case.inputs.double() if case.inputs.is_floating_point() else case.inputs
    loss = case.loss(model, inputs)
    names = list(outputs)
    flat = [tensor for name in names for tensor in outputs[name]]
    parameters = dict(model.named_parameters())
    gradients = torch.autograd.grad(loss, [*flat, *parameters.values()], allow_unused=True)
    of_outputs = iter(gradients[: len(flat)])
    found: dict[str, dict[str, float]] = {}
    for name in names:
        pairs = [(z, next(of_outputs)) for z in outputs[name]]
        pairs = [(z, g) for z, g in pairs if g is not None]
        if pairs:
            size = sum(z.numel() for z, _ in pairs)
            backward = math.sqrt(sum(float(g.square().sum()) for _, g in pairs))
            forward = math.sqrt(sum(float(z.detach().square().sum()) for z, _ in pairs))
            found[name] = {
                "log10_backward_norm": math.log10(backward),
                "log10_backward_rms": math.log10(backward / math.sqrt(size)),
                "forward_rms": forward / math.sqrt(size),
            }
    found["parameters"] = {
        name: 0.0 if g is None else float(g.norm()) for name, g in zip(parameters, gradients[len(flat) :], strict=True)
    }
    return found


def row_of(parameter: str) -> str:
    """Row that a parameter belongs to, by its name alone."""
    module, _, name = parameter.rpartition(".")
    if name[-3:-1] == "_l":
        return f"{module}.layer{name[-1]}"
    return module or "model"


@pytest.mark.parametrize("name", list(cases()))
def test_every_row_is_autograds(name: str) -> None:
    case = cases()[name]()
    right = expected(case)
    record = watched(case)
    rows = record.rows
    assert rows is not None
    compared = 0
    for place, row in enumerate(rows.names):
        said = {
            quantity: float(column.values[0, place])
            for quantity, column in record.layers.items()
            if column.present[0, place]
        }
        module = "" if row == "model" else row
        if row.startswith("rnn.layer"):  # the output is the topmost layer's
            module = "rnn" if row == [each for each in rows.names if each.startswith("rnn.")][-1] else "none"
        for quantity, value in right.get(module, {}).items():
            if row == "model":
                continue
            decades = said[quantity] - value if quantity.startswith("log10") else math.log10(said[quantity] / value)
            assert abs(decades) < DECADES, (row, quantity, said[quantity], value)
            compared += 1
        own = {key: value for key, value in right["parameters"].items() if row_of(key) == row}
        if rows.kinds[place] == "block":
            own = {key: value for key, value in right["parameters"].items() if key.startswith(f"{row}.")}
        matrices = {key: value for key, value in own.items() if dict(case.model.named_parameters())[key].ndim > 1}
        if matrices:
            norm = math.hypot(*matrices.values())
            assert abs(said["log10_grad_norm"] - math.log10(norm)) < DECADES, row
            assert said["log10_grad_norm_applied"] == said["log10_grad_norm"]
            compared += 1
        elif own:
            assert "grad_norm" not in said
            assert said["norm_grad_norm"] == pytest.approx(math.hypot(*own.values()), rel=2e-4), row
            compared += 1
    assert compared >= len(rows.names)
    total = math.log10(math.hypot(*right["parameters"].values()))
    assert record.figures["log10_grad_norm_total"].values[0] == pytest.approx(total, abs=DECADES)


def test_updates_are_the_differences_of_the_weights() -> None:
    case = cases()["resnet"]()
    before = {name: p.detach().clone() for name, p in case.model.named_parameters()}
    record = watched(case)
    assert record.rows is not None
    for place, row in enumerate(record.rows.names):
        if record.rows.kinds[place] == "Conv2d":
            now = dict(case.model.named_parameters())[f"{row}.weight"].detach()
            was = before[f"{row}.weight"]
            right = torch.log10((now - was).double().norm() / was.double().norm())
            assert record.layers["log10_update_ratio"].values[0, place] == pytest.approx(float(right), abs=DECADES)
            assert record.layers["weight_norm"].values[0, place] == pytest.approx(float(was.norm()), rel=1e-5)


def test_a_hundred_sigmoid_layers_are_zero_exactly_where_float32_is() -> None:
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for _ in range(100):
        layers += [nn.Linear(100, 100), nn.Sigmoid()]
        nn.init.xavier_normal_(layers[-2].weight)  # type: ignore[arg-type]
        nn.init.zeros_(layers[-2].bias)  # type: ignore[arg-type]
    model = nn.Sequential(*layers, nn.Linear(100, 10))
    case = Case(model, torch.randn(32, 100), lambda m, x: nn.functional.cross_entropy(m(x), torch.arange(32) % 10))
    record = watched(case)
    grads = [p.grad for p in model.parameters() if p.ndim > 1]
    is_zero = np.array([not bool(g.any()) for g in grads])
    reads_zero = np.array([float(g.norm()) == 0.0 for g in grads])
    said = record.layers["log10_grad_norm"].values[0]
    assert (np.isneginf(said) == is_zero).all()
    assert 20 < is_zero.sum() < reads_zero.sum() - 20
