"""Every recorded quantity against its definition, written out slowly in float64 on the same network."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from gradlab.config.experiment import Data, Experiment
from gradlab.config.quantities import LAYER_NAMES, QUANTITIES, in_group
from gradlab.datasets import Dataset, load
from gradlab.network import activations
from gradlab.results.record import Record
from gradlab.training.engine import Batch

# What float32 may lose: 6,400 terms of a sum, each rounded, in blocks; the log of a ratio carries it as an absolute error.
RELATIVE = {"float32": 3e-5, "float64": 1e-11}


def experiment(activation: str, dtype: str, init: object, lr: float = 0.05, **train_options: object) -> Experiment:
    return Experiment.model_validate(
        {
            "model": {"depth": 5, "width": 24, "activation": activation, "init": init},
            "data": {"batch_size": 32},
            "train": {"steps": 3, "dtype": dtype, "lr": lr, **train_options},
            "record": {"quantities": "all"},
        }
    )


def definitions(batch: Batch, inputs: torch.Tensor, targets: torch.Tensor) -> dict[str, list[float | None]]:
    """The quantities of run 0 from autograd on float64 copies of its weights, layer by layer."""
    p, L, B = batch.network.parameters, batch.shape.num_layers, batch.shape.batch_size
    weights = [p.first_RDN[0], *p.inner_KRNN[:, 0], p.readout_RNC[0]]
    weights = [w.double().clone().requires_grad_() for w in weights]
    biases = [*p.bias_LR1N[:, 0, 0], p.readout_bias_R1C[0, 0]]
    biases = [b.double().clone().requires_grad_() for b in biases]
    facts = batch.activation.facts
    own = activations.activation(batch.experiments[0].model.activation)
    rows: dict[str, list[float | None]] = {name: [] for name in in_group("all") if name != "changed_fraction"}
    h, zs, hs = inputs.double(), [], []
    for layer in range(L + 1):
        z = h @ weights[layer] + biases[layer]
        z.retain_grad()
        zs.append(z)
        h = _phi(own.facts.name, z) if layer < L else z
        hs.append(h)
    example_losses = functional.cross_entropy(zs[-1], targets, reduction="none")
    example_losses.mean().backward()
    for layer, (z, h, w, b) in enumerate(zip(zs, hs, weights, biases, strict=True)):
        hidden = layer < L
        slope = torch.from_numpy(facts.dphi(z.detach().numpy())).abs() if hidden else None
        signed = torch.from_numpy(facts.dphi(z.detach().numpy())) if hidden else None
        delta = z.grad * B
        cosines = functional.cosine_similarity(z[:, None], z[None, :], dim=2)
        threshold = 1e-3 * facts.sup_slope
        values: dict[str, float | None] = {
            "grad_norm": w.grad.norm().item(),
            "log10_grad_norm": _log10(w.grad.norm().item()),
            "log10_backward_rms": _log10(delta.square().mean().sqrt().item()),
            "weight_norm": w.norm().item(),
            "log10_update_ratio": _log10(batch.experiments[0].train.lr * w.grad.norm().item() / w.norm().item()),
            "forward_rms": z.square().mean().sqrt().item(),
            "activation_mean": h.mean().item() if hidden else None,
            "activation_std": h.std(unbiased=False).item() if hidden else None,
            "mean_slope": signed.mean().item() / facts.sup_slope if hidden else None,
            "dead_fraction": (slope < threshold).all(0).double().mean().item() if hidden else None,
            "inactive_fraction": (slope < threshold).double().mean().item() if hidden else None,
            "bias_grad_norm": b.grad.norm().item(),
            "forward_mean": z.mean().item(),
            "zero_gradient_fraction": (w.grad == 0).double().mean().item(),
            "nonfinite_count": 0.0,
            "sign_coherence": (w.grad.sign().sum(0).abs() / w.shape[0]).mean().item(),
            "sample_correlation": ((cosines.sum() - cosines.diagonal().sum()) / (B * (B - 1))).item(),
        }
        for name, value in values.items():
            rows[name].append(value)
    return rows


def _phi(name: str, z: torch.Tensor) -> torch.Tensor:
    return {
        "sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu, "gelu": functional.gelu, "softsign": functional.softsign,
        "leaky_relu": lambda x: functional.leaky_relu(x, 0.01),
    }[name](z)  # fmt: skip


def _log10(value: float) -> float:
    return math.log10(value) if value > 0 else -math.inf


CASES = {
    "sigmoid": "xavier",
    "tanh": {"sigma_w": 1.5, "sigma_b": 0.3},
    "relu": {"scheme": "he", "bias": -1.0},
    "gelu": "he",
    "softsign": {"scheme": "normal", "std": 1.0},
    "leaky_relu": "he",
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", list(CASES))
def test_recorded_quantities_are_what_they_are_defined_as(activation: str, dtype: str) -> None:
    one = experiment(activation, dtype, CASES[activation])
    device = torch.device("cpu")
    batch = Batch([one], load(Data(batch_size=32)), device)
    batch.feed.load_block(1)
    targets = batch.feed.batch(torch.tensor([0]), batch.network.inputs_RBD)
    expected = definitions(batch, batch.network.inputs_RBD[0], targets[0])
    record = Batch([one], load(Data(batch_size=32)), device).train()[0].record
    assert record is not None
    others = {
        "changed_fraction",
        "norm_grad_norm",
        "residual_scale",
        "residual_scale_grad",
    }  # of runs in 16 bits, of other networks
    assert set(record.layers) == set(in_group("all")) - others - {
        name for name in LAYER_NAMES if QUANTITIES[name].only == "module"
    }
    tolerance = RELATIVE[dtype]
    for name, column in record.layers.items():
        for layer, want in enumerate(expected[name]):
            got, present = column.values[0, layer], bool(column.present[0, layer])
            assert present is (want is not None), (name, layer)
            if want is not None:
                counts = name in ("dead_fraction", "inactive_fraction", "zero_gradient_fraction", "sign_coherence")
                slack = 2 / 24 / 32 if counts and dtype == "float32" else 1e-6 if dtype == "float32" else 1e-12
                assert got == pytest.approx(want, rel=tolerance, abs=slack), (name, layer)


def test_total_gradient_norm_is_that_of_all_parameters() -> None:
    one = experiment("tanh", "float64", "xavier")
    batch = Batch([one], load(Data(batch_size=32)), torch.device("cpu"))
    batch.feed.load_block(1)
    targets = batch.feed.batch(torch.tensor([0]), batch.network.inputs_RBD)
    rows = definitions(batch, batch.network.inputs_RBD[0], targets[0])
    record = Batch([one], load(Data(batch_size=32)), torch.device("cpu")).train()[0].record
    assert record is not None
    total = math.sqrt(sum(v**2 for name in ("grad_norm", "bias_grad_norm") for v in rows[name] if v is not None))
    assert record.figures["log10_grad_norm_total"].values[0] == pytest.approx(math.log10(total), abs=1e-12)


@pytest.mark.parametrize("depth", [1, 5])
def test_total_gradient_norm_has_the_learned_slopes_in_it(depth: int) -> None:
    """As clipping has it: prelu's slopes are parameters like any other; small weights make each layer's exponent another."""
    one = experiment("prelu", "float64", {"scheme": "normal", "std": 0.01}, clip_norm=1e-9).model_dump()
    one["model"]["depth"] = depth
    record = Batch([Experiment.model_validate(one)], load(Data(batch_size=32)), torch.device("cpu")).train()[0].record
    assert record is not None
    total = 10.0 ** record.figures["log10_grad_norm_total"].values
    np.testing.assert_allclose(record.figures["clip_factor"].values, 1e-9 / (total + 1e-6), rtol=1e-12)


@pytest.mark.parametrize("may_read_back", [True, False])
def test_a_negative_learned_slope_is_not_dead(may_read_back: bool) -> None:
    """|phi'| counts: units that are below zero for every example pass their gradient with the slope -0.5, and with 0 they do not."""
    one = experiment("prelu", "float32", {"scheme": "he", "bias": -100.0}).model_dump()
    for slope, dead in ((-0.5, 0.0), (0.0, 1.0)):
        batch = Batch(
            [Experiment.model_validate(one)],
            load(Data(batch_size=32)),
            torch.device("cpu"),
            may_read_back=may_read_back,
        )
        assert batch.network.parameters.slope_LR11 is not None
        batch.network.parameters.slope_LR11.fill_(slope)
        record = batch.train()[0].record
        assert record is not None
        assert record.layers["dead_fraction"].values[0, 0] == dead


def one_update(one: Experiment) -> tuple[Record, list[torch.Tensor], list[torch.Tensor]]:
    """What a single step recorded, with the weights of every layer before and after it."""
    batch = Batch([one], load(Data(batch_size=32)), torch.device("cpu"))
    before = [w.clone() for w in batch.network._weights] + [batch.network.parameters.readout_RNC.clone()]
    batch.num_steps = 1
    record = batch.train()[0].record
    assert record is not None
    return record, before, [*batch.network._weights, batch.network.parameters.readout_RNC]


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
def test_update_ratio_is_what_the_weights_did(optimizer: str) -> None:
    """From the weights before and after: with weight decay and clipping too, in float64."""
    for options in ({}, {"weight_decay": 0.1}, {"clip_norm": 0.01}):
        one = experiment("tanh", "float64", "xavier", optimizer=optimizer, **options)
        record, before, after = one_update(one)
        for layer, (old, new) in enumerate(zip(before, after, strict=True)):
            want = math.log10(((new - old).norm() / old.norm()).item())
            assert record.layers["log10_update_ratio"].values[0, layer] == pytest.approx(want, abs=1e-9), (
                options,
                layer,
            )


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_changed_fraction_counts_the_weights_that_are_stored_otherwise(optimizer: str, dtype: str) -> None:
    """Weight by weight, in Python, before and after one update."""
    one = experiment("tanh", dtype, "xavier", lr=1e-3, optimizer=optimizer, weight_decay=0.01)
    record, before, after = one_update(one)
    column = record.layers["changed_fraction"]
    assert column.present.all()
    for layer, (old, new) in enumerate(zip(before, after, strict=True)):
        pairs = list(zip(old.double().flatten().tolist(), new.double().flatten().tolist(), strict=True))
        want = sum(was != became for was, became in pairs) / len(pairs)
        assert column.values[0, layer] == pytest.approx(want, rel=1e-7), layer  # kept in float32
    assert 0 < column.values[0, 0] < 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("init", ["xavier", {"scheme": "normal", "std": 1e-4}])
def test_gradient_correlation_is_the_mean_cosine_without_its_sign(dtype: str, init: object) -> None:
    """Each example's own gradient by autograd; with the small weights float32 reads nothing of it without the exponents."""
    one = experiment("tanh", dtype, init).model_dump()
    one["record"]["quantities"] = ["gradient_correlation"]
    one["data"] |= {"source": "xor", "standardize": False}
    made = Experiment.model_validate(one)
    data = load(made.data)
    batch = Batch([made], data, torch.device("cpu"))
    batch.feed.load_block(1)
    targets = batch.feed.batch(torch.tensor([0]), batch.network.inputs_RBD)[0]
    p, L, B = batch.network.parameters, batch.shape.num_layers, batch.shape.batch_size
    weights = [w.double() for w in (p.first_RDN[0], *p.inner_KRNN[:, 0], p.readout_RNC[0])]
    h, zs = batch.network.inputs_RBD[0].double(), []
    for layer, w in enumerate(weights):
        zs.append((h @ w).requires_grad_())
        zs[-1].retain_grad()
        h = torch.tanh(zs[-1]) if layer < L else zs[-1]
    functional.cross_entropy(h, targets, reduction="sum").backward()
    record = Batch([made], data, torch.device("cpu")).train()[0].record
    assert record is not None
    column = record.layers["gradient_correlation"]
    assert column.present[0].all()
    for layer, z in enumerate(zs):
        gradient = z.grad / z.grad.abs().amax()
        pairs = [
            abs((gradient[i] @ gradient[j] / gradient[i].norm() / gradient[j].norm()).item())
            for i in range(B)
            for j in range(B)
            if i != j
        ]
        assert column.values[0, layer] == pytest.approx(np.mean(pairs), rel=RELATIVE[dtype]), layer
    assert 0.99 < column.values[0, -1] <= 1  # two classes: p - y is ±(1, -1) for every example


def test_gradient_correlation_of_one_example_is_null_and_of_a_dead_network_zero() -> None:
    for batch_size, bias, expected in ((1, 0.0, None), (8, -100.0, 0.0)):
        one = experiment("relu", "float32", {"scheme": "he", "bias": bias}).model_dump()
        one["data"]["batch_size"] = batch_size
        one["record"]["quantities"] = ["gradient_correlation"]
        made = Experiment.model_validate(one)
        record = Batch([made], load(made.data), torch.device("cpu")).train()[0].record
        assert record is not None
        column = record.layers["gradient_correlation"]
        assert column.present[0, :-1].all() == (expected is not None)
        if expected is not None:
            assert (column.values[0, :-1] == expected).all()


def test_clipping_follows_torch() -> None:
    one = experiment("tanh", "float64", "xavier", clip_norm=0.01)
    record = Batch([one], load(Data(batch_size=32)), torch.device("cpu")).train()[0].record
    assert record is not None
    total = 10.0 ** record.figures["log10_grad_norm_total"].values
    np.testing.assert_allclose(record.figures["clip_factor"].values, np.minimum(1.0, 0.01 / (total + 1e-6)), rtol=1e-12)
    assert (record.figures["clip_factor"].values < 1).all()


def tiny(scale: float) -> Dataset:
    rng = np.random.default_rng(0)
    inputs = scale * rng.standard_normal((64, 8))
    targets = rng.integers(0, 2, 64)
    return Dataset(inputs, targets, inputs[:0], targets[:0], "classes", 2, ("a", "b"), tuple("abcdefgh"))


@pytest.mark.parametrize("scale", [1e-30, 1e-22, 1e22])
def test_norms_are_right_where_float32_squares_are_not(scale: float) -> None:
    """Signals at 1e-30 square to zero in float32 and at 1e22 to infinity; what is recorded is right to float32's own digits."""
    init = {"scheme": "lecun"}
    records = []
    for dtype in ("float32", "float64"):
        one = Experiment.model_validate(
            {
                "model": {
                    "depth": 4, "width": 16, "activation": "identity", "init": init,
                    "readout_init": {"scheme": "normal", "std": 1e-30},
                },
                "data": {"batch_size": 32}, "train": {"steps": 1, "dtype": dtype, "lr": 1e-9}, "record": {"quantities": "all"},
            }
        )  # fmt: skip
        record = Batch([one], tiny(scale), torch.device("cpu")).train()[0].record
        assert record is not None
        records.append(record)
    for name in (
        "log10_grad_norm",
        "log10_backward_rms",
        "forward_rms",
        "activation_std",
        "weight_norm",
        "bias_grad_norm",
    ):
        ours, truth = (record.layers[name].values[0] for record in records)
        last = 4 if name == "forward_rms" else 5  # the logits, at 1e-52, are zero in float32 in every entry
        np.testing.assert_allclose(ours[:last], truth[:last], rtol=1e-5, err_msg=name)


def test_a_small_spread_around_a_large_mean_keeps_its_digits() -> None:
    """sigmoid with weights of 1e-5: h is 0.5 with a standard deviation of 1e-4; the difference of two float32 sums would be noise."""
    records = []
    for dtype in ("float32", "float64"):
        one = experiment("sigmoid", dtype, {"scheme": "normal", "std": 1e-5})
        record = Batch([one], load(Data(batch_size=32)), torch.device("cpu")).train()[0].record
        assert record is not None
        records.append(record.layers["activation_std"].values[0, :1])
    np.testing.assert_allclose(records[0], records[1], rtol=2e-3)  # h itself is rounded to 6e-8, of a spread of 2e-5
