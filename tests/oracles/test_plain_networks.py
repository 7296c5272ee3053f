"""The modules that gradlab is timed against and labels are proven with, against the networks written from the formulas."""

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmarks.plain_networks import ImageRMSNorm, PlainNetwork, Residual, start
from gradlab.config.experiment import Experiment
from tests.oracles.networks import Network, Norm, build

IMAGE = (1, 8, 8)


def experiments() -> list[Experiment]:
    """Every norm, position and residual form, dense and conv; every activation in turn."""
    activations = itertools.cycle(["tanh", "prelu", "leaky_relu", "elu", "gelu", "scaled_sigmoid", "step", "relu"])
    found = []
    for kind, norm, position, residual, layers in itertools.product(
        ("dense", "conv"), (None, "batch", "layer", "rms"), ("before", "after"), (None, "pre", "post"), (1, 2)
    ):
        if (position == "after" and (norm is None or residual == "post")) or (layers == 2 and residual is None):
            continue
        model: dict[str, Any] = {"kind": kind, "depth": 4, "width": 6, "activation": next(activations), "init": "he"}
        model["norm"] = norm and {"kind": norm, "position": position, "eps": 1e-3}
        model["residual"] = residual and {"position": residual, "layers": layers, "scale": 0.6, "learned": layers == 2}
        if kind == "conv":
            model |= {
                "padding": "zeros" if position == "before" else "circular",
                "pool": "mean" if layers == 2 else "flatten",
            }
        found.append(Experiment.model_validate({"model": model}))
    return found


def _name(one: Experiment) -> str:
    norm, residual = one.model.norm, one.model.residual
    own = [] if norm is None else [norm.kind, norm.position]
    skip = [] if residual is None else [residual.position, str(residual.layers)]
    return "-".join((one.model.kind, one.model.activation.name, *own, *skip))


def _copy(ours: PlainNetwork, theirs: Network) -> None:
    """Weights, gains, biases, slopes and scales into the network of the formulas."""
    for row, module in enumerate(ours.rows):
        linears = [each for each in module.modules() if isinstance(each, nn.Linear | nn.Conv2d)]
        for one, other in zip(linears, theirs.linears[row], strict=True):
            _linear(one, other)
        if isinstance(module, Residual) and isinstance(module.scale, nn.Parameter):
            theirs.scales[row].copy_(module.scale)
    _linear(ours.readout, theirs.readout)
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, ImageRMSNorm)
    norms = [each for each in ours.modules() if isinstance(each, kinds)]
    others = [each for each in theirs.modules() if isinstance(each, Norm)]
    for one, other in zip(norms, others, strict=True):
        other.gain.copy_(one.weight.flatten())
        if getattr(one, "bias", None) is not None:
            other.bias.copy_(one.bias)
    slopes = [slope for row in theirs.slopes for slope in row] + list(theirs.readout_slopes)
    for one, other in zip([each for each in ours.modules() if isinstance(each, nn.PReLU)], slopes, strict=True):
        other.copy_(one.weight)


def _linear(one: nn.Linear | nn.Conv2d, other: Any) -> None:
    weight = one.weight
    # [C_out, C_in, row, column] -> rows by row, column, channel.
    moved: Tensor = weight.permute(2, 3, 1, 0).flatten(0, 2) if weight.ndim == 4 else weight.T
    other.weight.copy_(moved)
    other.bias.copy_(one.bias)


@pytest.mark.parametrize("one", experiments(), ids=_name)
def test_a_module_is_its_formula(one: Experiment) -> None:
    """Logits, states and what the activations are given, in training and then in evaluation, in float64: 1e-12."""
    torch.manual_seed(0)
    ours = PlainNetwork(one.model, 64, 10, IMAGE if one.model.kind == "conv" else None)
    start(ours, torch.Generator().manual_seed(1))
    ours.double()
    theirs = build(one, 64, 10)
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        _copy(ours, theirs)
    states: list[Tensor] = []
    given: dict[nn.Module, Tensor] = {}
    for module in ours.rows:
        module.register_forward_hook(lambda _, inputs, output: states.append(output))
    for module in (*ours.state_phi.values(), *ours.inner_phi.values()):
        module.register_forward_hook(lambda own, inputs, output: given.__setitem__(own, inputs[0]))
    x = torch.randn(11, 64, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-12, atol=1e-12)
    for row, state in enumerate(states):
        torch.testing.assert_close(state, theirs.states[row], rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(given[ours.state_phi[row]], theirs.state_phi[row], rtol=1e-12, atol=1e-12)
        assert (row in ours.inner_phi) == (theirs.inner_phi[row] is not None)
        if row in ours.inner_phi:
            torch.testing.assert_close(given[ours.inner_phi[row]], theirs.inner_phi[row], rtol=1e-12, atol=1e-12)
    ours.eval()
    theirs.eval()
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("scheme", "squares"), [("he", 2.0), ("lecun", 1.0), ("orthogonal", 1.0)])
def test_a_start_has_the_variance_of_its_scheme(scheme: str, squares: float) -> None:
    """Of a kernel by its fan-in k²C; 36 channels give 11,664 entries: sd 1.3 %."""
    one = Experiment.model_validate(
        {"model": {"kind": "conv", "depth": 2, "width": 36, "activation": "relu", "init": scheme}}
    )
    network = PlainNetwork(one.model, 64, 10, IMAGE)
    start(network, torch.Generator().manual_seed(0))
    weight = network.rows[1][-1].weight
    assert weight.square().sum().item() / 36 == pytest.approx(squares, rel=0.06)


def test_a_delta_orthogonal_kernel_is_an_orthogonal_matrix_at_its_middle() -> None:
    init = {"scheme": "delta_orthogonal", "gain": 1.5}
    one = Experiment.model_validate(
        {"model": {"kind": "conv", "depth": 2, "width": 8, "activation": "relu", "init": init}}
    )
    network = PlainNetwork(one.model, 64, 10, IMAGE)
    start(network, torch.Generator().manual_seed(0))
    weight = network.rows[1][-1].weight.detach()
    middle = weight[:, :, 1, 1]
    torch.testing.assert_close(middle @ middle.T, 1.5**2 * torch.eye(8), rtol=0, atol=1e-5)
    assert weight.count_nonzero() == middle.count_nonzero()
