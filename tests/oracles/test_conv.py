"""Convolutional networks against the same network as a plain module, by autograd, in float64: 1e-12, as in `test_stack`."""

import itertools
import math
from typing import Any

import pytest
import torch
from test_stack import ACTIVATIONS, NORMS, OUTPUTS, RESIDUALS, check, passes

from gradlab.config.experiment import Experiment
from gradlab.network.kinds import network
from gradlab.network.place import Place
from gradlab.network.rescaling import Rescaler

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
