"""Convolutional networks against the same network as a plain module, by autograd, in float64: 1e-12, as in `test_stack`."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from networks import build
from test_stack import ACTIVATIONS, NORMS, OUTPUTS, RESIDUALS, check, passes
from torch import Tensor

from gradlab.config.experiment import Experiment
from gradlab.datasets import load
from gradlab.network.kinds import network
from gradlab.network.place import Place
from gradlab.network.rescaling import Rescaler
from gradlab.network.stack import Stack
from gradlab.training.engine import Batch

FORMS = [
    (norm, residual)
    for norm, residual in itertools.product(NORMS, RESIDUALS)
    if not (norm and residual and norm["position"] == "after" and residual["position"] == "post")
]
WAYS = [
    {"padding": padding, "kernel": kernel, "pool": pool}
    for padding, kernel, pool in itertools.product(("circular", "zeros"), (1, 3, 5), ("mean", "flatten"))
]
IMAGES = [[1, 8, 8], [2, 5, 6], [3, 6, 5]]


def experiment(place: int, activation: str, norm: dict[str, Any] | None, residual: dict[str, Any] | None) -> Experiment:
    """The ways of convolving and the images in turn.

    A single weight before a normalisation has no gradient beyond eps, so a kernel of 1 reads several channels.
    """
    way, image = WAYS[place % len(WAYS)], IMAGES[place // 2 % len(IMAGES)]
    if way["kernel"] == 1 and image[0] == 1:
        image = [2, *image[1:]]
    model = {"kind": "conv", "depth": 4, "width": 3 + place % 3, "activation": activation, "init": "he"}
    return Experiment.model_validate(
        {
            "model": {**model, "norm": norm, "residual": residual, **way},
            "data": {"source": "file", "path": "images.npz", "target": "y", "batch_size": 16, "image": image},
            "train": {"dtype": "float64"},
        }
    )


@pytest.mark.parametrize("activation", ["tanh", "relu", "prelu", "gelu"])
def test_forms_have_the_gradients_of_autograd(activation: str) -> None:
    """Norm × residual in turn with padding × kernel × pool × image; every third form of tanh, every ninth of the others."""
    for place, (norm, residual) in list(enumerate(FORMS))[:: 3 if activation == "tanh" else 9]:
        check(experiment(place, activation, norm, residual))


@pytest.mark.parametrize("norm", [None, {"kind": "batch"}, {"kind": "layer"}, {"kind": "rms"}])
def test_every_way_of_convolving(norm: dict[str, Any] | None) -> None:
    for place in range(len(WAYS)):
        check(experiment(place, "tanh", norm, {"scale": 0.5, "layers": 1 + place % 2}))


@pytest.mark.slow
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_form_with_every_activation(activation: str) -> None:
    for place, (norm, residual) in enumerate(FORMS):
        check(experiment(place + ACTIVATIONS.index(activation), activation, norm, residual))


def test_the_readout_reads_the_mean_or_all_positions() -> None:
    """By the definition: the top activation's mean, or its numbers position by position, times the readout's weights."""
    for place, pool in ((0, "mean"), (1, "flatten")):
        one = experiment(place, "tanh", None, None)
        assert one.model.pool == pool
        stack, *_ = passes(one)
        top = stack.form.top_RXN.view(16, -1, one.model.width)
        read = top.mean(1) if pool == "mean" else top.flatten(1)
        expected = read @ stack.parameters.readout_RIC[0] + stack.parameters.readout_bias_R1C[0]
        torch.testing.assert_close(stack.logits_RBC[0], expected, rtol=1e-13, atol=1e-13)


def test_held_out_rows_are_convolved_by_the_same_parameters() -> None:
    """Another number of examples, one after the other, and batch normalisation by its running statistics."""
    one = experiment(8, "tanh", {"kind": "batch"}, {"scale": 0.5})
    place = Place(torch.float64)
    features = math.prod(one.data.image or ())
    made = network([one], features, OUTPUTS, place)

    class Silent:
        def after_products(self, block: object) -> None: ...
        def after_slopes(self, block: object) -> None: ...
        def after_gradients(self, *given: object) -> None: ...

    with torch.inference_mode():
        made.inputs_RBD.normal_(generator=torch.Generator().manual_seed(3))
        made.forward(Silent())
        made.backward(Silent(), Rescaler(made.shape.num_layers, 1, place))
        made.track()
        made.forward(None)
        few = made.with_rows(3)
        few.inputs_RBD.copy_(made.inputs_RBD[:, 5:8])
        few.forward(None)
    torch.testing.assert_close(few.logits_RBC, made.logits_RBC[:, 5:8], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("residual", [None, {"scale": 0.5}])
@pytest.mark.parametrize("norm", [None, "batch", "layer"])
def test_recorded_quantities_are_what_they_are_defined_as(norm: str | None, residual: dict[str, Any] | None) -> None:
    """Over examples, channels and positions; cosines between whole examples. Sums of 16 · 64 · 6 numbers in float64: 1e-10."""
    one = Experiment.model_validate(
        {
            "model": {
                "kind": "conv", "depth": 4, "width": 6, "activation": "tanh", "norm": norm, "residual": residual,
                "padding": "zeros", "pool": "flatten",
            },
            "data": {"batch_size": 16},
            "train": {"steps": 1, "dtype": "float64"},
            "record": {"quantities": ["all", "gradient_correlation"]},
        }
    )  # fmt: skip
    digits, cpu = load(one.data), torch.device("cpu")
    batch = Batch([one], digits, cpu)
    batch.feed.load_block(1)
    targets = batch.feed.batch(torch.tensor([0]), batch.network.inputs_RBD)
    assert isinstance(batch.network, Stack)
    p, module = batch.network.parameters, build(one, 64, 10)
    with torch.no_grad():
        module.linears[0][0].weight.copy_(p.first_RIN[0])
        for row in range(1, 4):
            module.linears[row][0].weight.copy_(p.inner_KRMIN[row - 1, 0, 0])
        module.readout.weight.copy_(p.readout_RIC[0].view(64, 6, 10).transpose(0, 1).flatten(0, 1))
    loss = torch.nn.functional.cross_entropy(module(batch.network.inputs_RBD[0]), targets[0])
    loss.backward()
    record = Batch([one], digits, cpu).train()[0].record
    assert record is not None
    assert record.figures["loss"].values[0] == pytest.approx(loss.item(), rel=1e-12)
    for row, (state, given) in enumerate(zip(module.states, module.state_phi, strict=False)):
        h, signal = torch.tanh(given.detach()), 16.0 * state.grad
        slope = 1.0 - h.square()
        dead = (slope < 1e-3).all(0).all(2).all(1)
        expected = {
            "forward_rms": state.detach().square().mean().sqrt(),
            "forward_mean": state.detach().mean(),
            "log10_backward_rms": signal.square().mean().sqrt().log10(),
            "grad_norm": module.linears[row][0].weight.grad.norm(),
            "bias_grad_norm": module.linears[row][0].bias.grad.norm(),
            "weight_norm": module.linears[row][0].weight.detach().norm(),
            "mean_slope": slope.mean(),
            "dead_fraction": dead.double().mean(),
            "inactive_fraction": (slope < 1e-3).double().mean(),
            "sample_correlation": _cosine(state.detach(), torch.Tensor.double),
            "gradient_correlation": _cosine(signal, torch.abs),
        }
        if norm is None:
            expected |= {"activation_mean": h.mean(), "activation_std": h.std(correction=0)}
        for name, want in expected.items():
            got = record.layers[name].values[0, row]
            assert got == pytest.approx(want.item(), rel=1e-10, abs=1e-13), (name, row)


def _cosine(signal: Tensor, of: Callable[[Tensor], Tensor]) -> Tensor:
    """Mean over pairs of different examples of a function of their cosine."""
    unit = torch.nn.functional.normalize(signal.flatten(1), dim=1)
    pairs = ~torch.eye(len(unit), dtype=torch.bool)
    return of(unit @ unit.T)[pairs].mean()
