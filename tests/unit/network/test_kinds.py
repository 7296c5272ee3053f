"""A network of another kind is one class that satisfies the protocol: here layers of any widths, one block and one leaf a layer."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch

from gradlab.config.experiment import Experiment
from gradlab.datasets import load
from gradlab.network import kinds
from gradlab.network.activations import TensorActivation, activation
from gradlab.network.dense import Dense
from gradlab.network.network import Block, Leaf, Network, Probe, Shape
from gradlab.network.place import Place
from gradlab.network.rescaling import Rescaler
from gradlab.results.record import Float
from gradlab.training.engine import train

DEPTH, WIDTH = 4, 11

MEASURED = ["all", "jacobian_log10_s_max", "jacobian_log10_s_min", "gradient_correlation"]


class Chain:
    """Dense layers written the obvious way, without padding, blocks or shared storage."""

    def __init__(self, shape: Shape, phi: TensorActivation, place: Place) -> None:
        self.shape, self.activation, self.place = shape, phi, place
        R, B = shape.num_runs, shape.batch_size
        self.weights = [place.zeros(R, *sizes) for sizes in zip(shape.fan_in, shape.fan_out, strict=True)]
        self.biases = [place.zeros(R, 1, size) for size in shape.fan_out]
        self.weight_gradients = [torch.zeros_like(weight) for weight in self.weights]
        self.bias_gradients = [torch.zeros_like(bias) for bias in self.biases]
        self.inputs_RBD = place.zeros(R, B, shape.num_features)
        self.logits_RBC, self.logit_gradient_RBC = (place.zeros(R, B, shape.num_outputs) for _ in range(2))
        z_and_h = [[place.zeros(1, R, B, size) for _ in range(2)] for size in shape.fan_out[:-1]]
        self.blocks: Sequence[Block] = [Block(layer, layer + 1, z, h, z) for layer, (z, h) in enumerate(z_and_h)]
        self.deltas = [torch.zeros_like(block.z_LRBN[0]) for block in self.blocks]
        weights = zip(self.weights, self.weight_gradients, strict=True)
        biases = zip(self.biases, self.bias_gradients, strict=True)
        self.leaves: Sequence[Leaf] = [
            *(Leaf("weight", layer, value[None], gradient[None]) for layer, (value, gradient) in enumerate(weights)),
            *(Leaf("bias", layer, value[None], gradient[None]) for layer, (value, gradient) in enumerate(biases)),
        ]

    def initialise(self, run: int, experiment: Experiment) -> None:
        generator = torch.Generator().manual_seed(experiment.seed)
        for weight in self.weights:
            weight[run].copy_(torch.randn(weight[run].shape, generator=generator) / weight.shape[1] ** 0.5)

    def forward(self, probe: Probe | None) -> None:
        below = self.inputs_RBD
        for block, weight, bias in zip(self.blocks, self.weights, self.biases, strict=False):
            torch.baddbmm(bias, below, weight, out=block.z_LRBN[0])
            self.activation.phi(block.z_LRBN, block.h_LRBN)
            below = block.h_LRBN[0]
            if probe is not None:
                probe.after_products(block)
                self.activation.dphi(block.z_LRBN, block.h_LRBN, block.z_LRBN)
                probe.after_slopes(block)
        torch.baddbmm(self.biases[-1], below, self.weights[-1], out=self.logits_RBC)

    def backward(self, probe: Probe, rescaler: Rescaler) -> None:
        below = [self.inputs_RBD, *(block.h_LRBN[0] for block in self.blocks)]
        delta = self.logit_gradient_RBC
        for layer in range(self.shape.num_layers, -1, -1):
            weight = self.weights[layer].clone()  # the probe may update it
            torch.bmm(below[layer].transpose(1, 2), delta, out=self.weight_gradients[layer])
            torch.sum(delta, 1, keepdim=True, out=self.bias_gradients[layer])
            probe.after_gradients(
                layer, layer + 1, delta[None], self.weight_gradients[layer][None], self.weights[layer][None]
            )
            if layer:
                torch.bmm(delta, weight.transpose(1, 2), out=self.deltas[layer - 1])
                delta = self.deltas[layer - 1].mul_(self.blocks[layer - 1].z_LRBN[0])
                if rescaler.is_point[layer - 1]:
                    rescaler.rescale(layer - 1, delta)

    def track(self) -> None:
        """Nothing is normalised."""

    def jacobian_factors(self, run: int, num_examples: int) -> Iterator[tuple[Float, Float]]:
        for block, weight in zip(reversed(self.blocks[:-1]), reversed(self.weights[1:-1]), strict=True):
            yield block.z_LRBN[0, run, :num_examples].double().numpy(), weight[run].double().numpy()

    def with_rows(self, num_rows: int) -> Network:
        raise NotImplementedError


def experiment(seed: int, quantities: Sequence[str] = MEASURED, **train_fields: object) -> Experiment:
    return Experiment.model_validate(
        {
            "seed": seed,
            "model": {"depth": DEPTH, "width": WIDTH, "activation": "tanh"},
            "data": {"batch_size": 16},
            "train": {"steps": 12, "dtype": "float64", "lr": 0.1, **train_fields},
            "record": {"quantities": quantities},
        }
    )


def use_chains(widths: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    def chains(experiments: Sequence[Experiment], num_features: int, num_outputs: int, place: Place) -> Network:
        shape = Shape(len(experiments), 16, num_features, num_outputs, (num_features, *widths), (*widths, num_outputs))
        return Chain(shape, activation(experiments[0].model.activation), place)

    monkeypatch.setitem(kinds.MAKERS, None, chains)


def start_as_a_chain(network: Dense, run: int, experiment: Experiment) -> None:
    p, chain = network.parameters, Chain(network.shape, network.activation, network.place)
    chain.initialise(run, experiment)
    for ours, weight in zip([p.first_RDN, *p.inner_KRNN, p.readout_RNC], chain.weights, strict=True):
        ours[run].copy_(weight[run])


@pytest.mark.parametrize(
    "fields", [{}, {"optimizer": "adam", "lr": 0.01}, {"clip_norm": 0.05}, {"optimizer": "momentum"}]
)
def test_another_kind_of_network_is_trained_and_measured_alike(fields: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against dense networks that start from the same weights. 1e-9: float64 after twelve steps."""
    runs = [experiment(seed, **fields) for seed in range(3)]
    data = load(runs[0].data)
    monkeypatch.setattr(Dense, "initialise", start_as_a_chain)
    dense = train(runs, data)
    use_chains([WIDTH] * DEPTH, monkeypatch)
    for ours, theirs in zip(train(runs, data), dense, strict=True):
        assert ours.record is not None
        assert theirs.record is not None
        for kind in ("layers", "figures"):
            columns = getattr(theirs.record, kind)
            assert getattr(ours.record, kind).keys() == columns.keys()
            for name, column in columns.items():
                one = getattr(ours.record, kind)[name]
                assert np.array_equal(one.present, column.present), name
                np.testing.assert_allclose(one.values, column.values, rtol=1e-9, atol=1e-9, err_msg=name)


def test_layers_may_have_any_widths(monkeypatch: pytest.MonkeyPatch) -> None:
    run = experiment(0, quantities=["all"], lr=0.3, steps=60)
    use_chains([30, 20, 15, 12], monkeypatch)
    record = train([run], load(run.data))[0].record
    assert record is not None
    assert record.fan_out.tolist() == [30, 20, 15, 12, 10]
    loss = record.figures["loss"].values
    assert loss[-10:].mean() < 0.8 * loss[0]
