"""Networks with normalisation and skip connections against the same network as a plain module, by autograd, in float64.

Every gradient is compared as a whole: ‖ours - theirs‖ ≤ 1e-12 times the size of what it is summed from, which is ‖theirs‖ but for a sum
that cancels: the factor of a branch, the slope of prelu, and the bias before a batch normalisation, which takes it out again.
"""

import itertools
import math
from typing import Any

import pytest
import torch
from networks import Network, build
from torch import Tensor

from gradlab.config import catalogue
from gradlab.config.experiment import Experiment
from gradlab.network.kinds import network
from gradlab.network.network import Block, Leaf
from gradlab.network.place import Place
from gradlab.network.rescaling import Rescaler
from gradlab.network.stack import Stack

FEATURES, OUTPUTS, BATCH, DEPTH, WIDTH = 8, 3, 16, 6, 12
NORMS: list[dict[str, Any] | None] = [None] + [
    {"kind": kind, "position": position, "affine": affine}
    for kind, position, affine in itertools.product(("batch", "layer", "rms"), ("before", "after"), (True, False))
]
RESIDUALS: list[dict[str, Any] | None] = [None] + [
    {"position": position, "layers": layers, "scale": scale, "learned": learned}
    for position, layers, (scale, learned) in itertools.product(
        ("pre", "post"), (1, 2), ((1.0, False), ("1/sqrt(depth)", False), (0.5, True), (0.0, True))
    )
]
FORMS = [
    (norm, residual)
    for norm, residual in itertools.product(NORMS, RESIDUALS)
    if (norm or residual) and not (norm and residual and norm["position"] == "after" and residual["position"] == "post")
]
ACTIVATIONS = [name for name in catalogue.ACTIVATIONS if name != "step"]


def experiment(
    activation: str, norm: dict[str, Any] | None, residual: dict[str, Any] | None, **model: Any
) -> Experiment:
    given = {"depth": DEPTH, "width": WIDTH, "activation": activation, "init": "he", "norm": norm, "residual": residual}
    return Experiment.model_validate(
        {"model": given | model, "data": {"batch_size": BATCH}, "train": {"dtype": "float64"}}
    )


class Kept:
    """A probe that keeps what it is shown, by layer."""

    def __init__(self) -> None:
        self.state: dict[int, Tensor] = {}
        self.delta: dict[int, Tensor] = {}
        self.gradient: dict[int, Tensor] = {}

    def after_products(self, block: Block) -> None:
        self.state |= {block.start + at: state[0].clone() for at, state in enumerate(block.z_LRBN)}

    def after_slopes(self, block: Block) -> None:
        self.slopes = block

    def after_gradients(self, start: int, stop: int, delta: Tensor, gradient: Tensor, weight: Tensor) -> None:
        for at in range(stop - start):
            self.delta[start + at], self.gradient[start + at] = delta[at, 0].clone(), gradient[at, 0].clone()


def parameters(stack: Stack, module: Network) -> list[tuple[str, Tensor, Tensor, Tensor, int]]:
    """Kind, value, gradient of the stack's parameters, the module's one of the same place, and the row whose 2^E the gradient carries."""
    p, g, L = stack.parameters, stack.gradients, stack.shape.num_layers
    residual = module.layout.residual
    pairs = [
        ("bias", p.first_bias_R1N, g.first_bias_R1N, module.linears[0][0].bias, 0),
        ("bias", p.readout_bias_R1C, g.readout_bias_R1C, module.readout.bias, L),
    ]
    for row in range(1, L):
        for m, linear in enumerate(module.linears[row]):
            pairs.append(("bias", p.inner_bias_KRMN[row - 1][0, m], g.inner_bias_KRMN[row - 1][0, m], linear.bias, row))
    for leaf in stack.leaves:
        for at, row in enumerate(range(leaf.layers.start, leaf.layers.stop)):
            value, gradient = leaf.value[at, 0], leaf.gradient[at, 0]
            if leaf.kind == "norm":
                norm = module.readout_norm if row == L else module.norms[row][_place(leaf, residual)]
                for index, part in enumerate((norm.gain, norm.bias)):
                    pairs.append(("norm", value.view(2, -1)[index], gradient.view(2, -1)[index], part, row))
            elif leaf.kind == "slope":
                slopes = module.readout_slopes if row == L else module.slopes[row]
                pairs.append(("slope", value, gradient, slopes[_place(leaf, residual) if row else 0], row))
            elif leaf.kind == "scale":
                pairs.append(("scale", value, gradient, module.scales[row], row))
    return pairs


def _place(leaf: Leaf, residual: str | None) -> int:
    """Where a leaf stands among a row's: a post-activation block applies the one inside its branch first."""
    if residual == "post":
        return 0 if leaf.inner else -1
    return 1 if leaf.inner else 0


def _rows(state: Tensor) -> Tensor:
    """A module's state as rows: [B, N], or [B, C, H, W] with the channels last."""
    return state if state.dim() == 2 else state.permute(0, 2, 3, 1).flatten(0, 2)


def _channels_first(readout_IC: Tensor, module: Network) -> Tensor:
    """A readout's weight with the inputs in the module's order: of an image that is not pooled, channel by channel."""
    own = module.layout
    if own.image is None or own.pool == "mean":
        return readout_IC
    return readout_IC.view(-1, own.width, readout_IC.shape[1]).transpose(0, 1).flatten(0, 1)


def passes(one: Experiment, rescale: bool = True) -> tuple[Stack, Network, Kept, Tensor]:
    """Both networks with the same random parameters after a pass each way, and 2^E of every row."""
    torch.manual_seed(one.seed)
    place = Place(torch.float64)
    image = one.data.image
    features = FEATURES if image is None else math.prod(image)
    stack = network([one], features, OUTPUTS, place)
    assert isinstance(stack, Stack)
    module = build(one, features, OUTPUTS)
    p, L = stack.parameters, stack.shape.num_layers
    inputs = torch.randn(BATCH, features, dtype=torch.float64)
    cotangents = torch.randn(BATCH, OUTPUTS, dtype=torch.float64)
    with torch.no_grad():
        module.linears[0][0].weight.copy_(p.first_RIN[0])
        module.readout.weight.copy_(_channels_first(p.readout_RIC[0], module))
        for row in range(1, L):
            for m, linear in enumerate(module.linears[row]):
                linear.weight.copy_(p.inner_KRMIN[row - 1, 0, m])
        for kind, value, _, theirs, _ in parameters(stack, module):
            if kind != "scale":
                value.add_(0.1 * torch.randn_like(value))
            theirs.copy_(value.reshape(theirs.shape))
    rescaler, kept = Rescaler(L, 1, place, enabled=rescale), Kept()
    with torch.inference_mode():
        stack.inputs_RBD.copy_(inputs[None])
        stack.forward(kept)
        stack.logit_gradient_RBC.copy_(cotangents[None])
        stack.backward(kept, rescaler)
    outputs = module(inputs)
    (outputs * cotangents).sum().backward()
    assert_close(stack.logits_RBC[0], outputs.detach(), "logits")
    return stack, module, kept, rescaler.scale(0, L + 1)[:, 0]


def assert_close(ours: Tensor, theirs: Tensor, note: object, size: float = 0.0) -> None:
    difference = float((ours.reshape(theirs.shape) - theirs).norm())
    assert difference <= 1e-12 * max(float(theirs.norm()), size), (note, difference, float(theirs.norm()))


def check(one: Experiment) -> None:
    stack, module, kept, scale_L = passes(one)
    L = stack.shape.num_layers
    for row in range(L):
        assert_close(kept.state[row], _rows(module.states[row].detach()), ("state", row))
        assert_close(kept.delta[row] * scale_L[row], _rows(module.states[row].grad), ("signal", row))
        gradients = kept.gradient[row] * scale_L[row]
        for m, linear in enumerate(module.linears[row]):
            ours = gradients if gradients.dim() == 2 else gradients[m]
            assert_close(ours, linear.weight.grad, ("weight", row, m))
    assert_close(_channels_first(kept.gradient[L], module), module.readout.weight.grad, "readout")
    for kind, _, gradient, theirs, row in parameters(stack, module):
        # What a sum that cancels is made of: the signal at the row times what it is multiplied with, all of order one.
        size = float(module.states[min(row, L - 1)].grad.norm()) * kept.state[0].numel() ** 0.5
        assert theirs.grad is not None
        # Without an activation between, the next normalisation takes a normalisation's bias out again.
        cancels = kind != "norm" or one.model.activation.name == "identity"
        assert_close(gradient * scale_L[row], theirs.grad, (kind, row), size if cancels else 0.0)


@pytest.mark.parametrize("activation", ["tanh", "relu", "prelu", "gelu"])
def test_every_form_has_the_gradients_of_autograd(activation: str) -> None:
    for norm, residual in FORMS[:: 1 if activation == "tanh" else 3]:
        check(experiment(activation, norm, residual))


@pytest.mark.slow
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_form_with_every_activation(activation: str) -> None:
    for norm, residual in FORMS:
        check(experiment(activation, norm, residual))


@pytest.mark.parametrize("norm", ["batch", "layer", "rms"])
def test_no_eps_and_a_large_one(norm: str) -> None:
    for eps in (0.0, 10.0):
        check(experiment("tanh", {"kind": norm, "eps": eps}, {"scale": 0.7, "layers": 2}))


def test_the_exponent_changes_no_gradient_beyond_rounding() -> None:
    one = experiment("sigmoid", {"kind": "layer"}, None, depth=40)
    (scaled, _, with_it, scale_L), (_, _, without, ones_L) = passes(one), passes(one, rescale=False)
    assert scale_L.min() < 1e-3
    assert torch.equal(ones_L, torch.ones_like(ones_L))
    for row in range(scaled.shape.num_layers):
        assert torch.equal(with_it.gradient[row] * scale_L[row], without.gradient[row]), row
        assert torch.equal(with_it.delta[row] * scale_L[row], without.delta[row]), row
