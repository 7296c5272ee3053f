"""What is measured for the other tools, against a plain nn.Sequential trained with autograd and torch.optim on the same batches.

Tolerances: both sides are float32, and so are their sums, so norms and means agree to 2e-5 after a dozen steps; a share may differ by the
two entries that rounding takes across a limit.
"""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.diagnosis.peers import PeerRecord, attach, collect
from benchmarks.diagnosis.peers.collector import as_trained
from gradlab.config.experiment import Data, Experiment
from gradlab.datasets import Dataset, load
from gradlab.training.engine import Batch, train

MODULES = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "gelu": nn.GELU}
TRAINERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
INTERVALS = {"tanh": (-9.4999, 9.4999), "sigmoid": (-23.0, 16.99999)}


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load(Data())


def experiment(
    activation: str, init: object, depth: int, width: int, seed: int = 0, every: int = 1, **train: object
) -> Experiment:
    return Experiment.model_validate(
        {
            "seed": seed,
            "model": {"activation": activation, "init": init, "depth": depth, "width": width},
            "data": {"batch_size": 32},
            "train": {"steps": 12, "lr": 0.02, **train},
            "record": {"every": every},
        }
    )


class Plain:
    """The same run, in nobody's code but PyTorch's; statistics are written down with numpy."""

    def __init__(self, run: Experiment, dataset: Dataset) -> None:
        batch = Batch([run], dataset, torch.device("cpu"))
        self.batch, self.run = batch, run
        p, shape = batch.network.parameters, batch.shape
        weights = [p.first_RDN[0], *p.inner_KRNN[:, 0], p.readout_RNC[0]]
        biases = [*p.bias_LR1N[:, 0, 0], p.readout_bias_R1C[0, 0]]
        modules: list[nn.Module] = []
        for weight, bias in zip(weights, biases, strict=True):
            linear = nn.Linear(*weight.shape)
            linear.weight.data.copy_(weight.T)
            linear.bias.data.copy_(bias)
            modules += [linear, MODULES[run.model.activation.name]()]
        self.network = nn.Sequential(*modules[:-1])
        self.linears = [module for module in self.network if isinstance(module, nn.Linear)]
        self.optimizer = TRAINERS[run.train.optimizer.name](self.network.parameters(), lr=run.train.lr)
        self.rows: list[dict[str, np.ndarray]] = []
        self.windows: list[list[np.ndarray]] = []
        self.losses: list[float] = []
        self.depth = shape.num_layers

    def train(self) -> None:
        batch = self.batch
        for start in range(0, batch.num_steps, batch.block_steps):
            count = min(batch.block_steps, batch.num_steps - start)
            batch.feed.load_block(count)
            for place in range(count):
                targets = batch.feed.batch(torch.tensor([place]), batch.network.inputs_RBD)[0]
                self.step(batch.network.inputs_RBD[0].clone(), targets)

    def step(self, inputs: torch.Tensor, targets: torch.Tensor) -> None:
        outputs = [inputs]
        for module in self.network:
            outputs.append(module(outputs[-1]))
            outputs[-1].retain_grad()
        loss = nn.functional.cross_entropy(outputs[-1], targets)
        self.optimizer.zero_grad()
        loss.backward()
        self.losses.append(loss.item())
        before = [linear.weight.detach().clone() for linear in self.linears]
        gradients = [linear.weight.grad.numpy().copy() for linear in self.linears]
        self.optimizer.step()
        after = [linear.weight.detach() for linear in self.linears]
        zs = [output.detach().numpy() for output in outputs[1::2]]
        hs = [output.detach().numpy() for output in outputs[2::2]]
        w = [one.numpy() for one in before]
        u = [(new - old).numpy() for new, old in zip(after, before, strict=True)]
        deltas = [output.grad for output in outputs[1::2]]
        row = {
            "gradient_mean": [g.mean() for g in gradients],
            "gradient_mean_abs": [np.abs(g).mean() for g in gradients],
            "gradient_norm": [torch.linalg.vector_norm(linear.weight.grad).item() for linear in self.linears],
            "gradient_zeros": [(g == 0).mean() for g in gradients],
            "gradient_finite": [np.isfinite(g).all() for g in gradients],
            "gradient_spread": [
                np.subtract(*np.percentile(g, [95, 5], method="nearest")) if len(self.rows) < 10 else np.nan
                for g in gradients
            ],
            "bias_gradient_zeros": [(linear.bias.grad.numpy() == 0).mean() for linear in self.linears],
            "delta_norm": [torch.linalg.vector_norm(delta).item() for delta in deltas],
            "weight_mean": [one.mean() for one in w],
            "weight_mean_abs": [np.abs(one).mean() for one in w],
            "weight_norm": [np.linalg.norm(one) for one in w],
            "weight_tiny": [(np.abs(one) < 1e-5).mean() if len(self.rows) % 10 == 0 else np.nan for one in w],
            "weight_norm_after": [np.linalg.norm(one.numpy()) for one in after],
            "update_norm": [np.linalg.norm(one) for one in u],
            "update_mean_abs": [np.abs(one).mean() for one in u],
            "z_mean": [z.mean() for z in zs],
            "z_std": [z.std() for z in zs],
            "z_tiny": [(np.abs(z) < 1e-6).mean() for z in zs],
            "z_large": [(np.abs(z) > 0.95).mean() for z in zs],
            "h_mean": [h.mean() for h in hs],
            "h_tiny": [(np.abs(h) < 1e-6).mean() for h in hs],
            "h_large": [(np.abs(h) > 0.95).mean() for h in hs],
        }
        name = self.run.model.activation.name
        if name == "relu":
            row["h_not_positive"] = [(h <= 0).mean() for h in hs]
            row["idle_units"] = [((h > 0).mean(0) < 0.01).mean() for h in hs]
        if name in INTERVALS:
            low, high = INTERVALS[name]
            row["z_beyond_5"] = [((z <= -5) | (z >= 5)).mean() for z in zs[:-1]]
            row["flat_units"] = [(((z > low) & (z < high)).mean(0) < 0.01).mean() for z in zs[:-1]]
        self.windows.append(hs)
        if len(self.rows) % 10 == 0 and self.rows:
            last = [np.concatenate([hs[layer] for hs in self.windows[-10:]]) for layer in range(self.depth)]
            row["window_std"] = [h.std() for h in last]
            row["window_units"] = [self.units(h) for h in last]
        self.rows.append({key: np.array(values, dtype=np.float64) for key, values in row.items()})

    def units(self, h: np.ndarray) -> float:
        """TheDeepChecker's own figures: ρ_B over 50 bins by definition, the 95th percentile by numpy."""
        name = self.run.model.activation.name
        if name not in INTERVALS:
            return float((np.percentile(np.abs(h), 95, axis=0) < 1e-5).mean())
        low = -1.0 if name == "tanh" else 0.0
        found = []
        for unit in h.T.astype(np.float64):
            bins = np.clip(((unit - low) / (1.0 - low) * 50).astype(int), 0, 49)
            share, rho = np.bincount(bins, minlength=50), 0.0
            for index in np.flatnonzero(share):
                mean = unit[bins == index].mean()
                rho += share[index] * abs(2 * (mean - low) / (1.0 - low) - 1)
            found.append(rho / len(unit) > 0.85)
        return float(np.mean(found))


SHARES = (
    "gradient_zeros", "bias_gradient_zeros", "weight_tiny", "z_tiny", "z_large", "h_tiny", "h_large", "h_not_positive",
    "z_beyond_5",
)  # fmt: skip
UNIT_SHARES = ("idle_units", "flat_units", "window_units")


def check(record: PeerRecord, plain: Plain, rtol: float) -> None:
    """Every statistic that the plain run wrote down."""
    np.testing.assert_allclose(record.step_loss, plain.losses, rtol=1e-5)
    entries = {
        "z": record.batch_size * record.fan_out, "h": record.batch_size * record.fan_out[:-1],
        "weight": record.fan_in * record.fan_out, "gradient": record.fan_in * record.fan_out, "bias": record.fan_out,
    }  # fmt: skip
    for row, measured in enumerate(plain.rows):
        for name, expected in measured.items():
            ours, label = getattr(record, name)[row].astype(np.float64), f"{name}, row {row}"
            if name in SHARES:
                count = entries[name.split("_")[0]]
                count = count[:-1] if name == "z_beyond_5" else count
                tolerance = 2.0 / count
                assert np.all(np.isnan(expected) == np.isnan(ours)), label
                assert np.all(np.isnan(ours) | (np.abs(ours - expected) <= tolerance + 1e-6)), label
            elif name in UNIT_SHARES:
                np.testing.assert_allclose(ours, expected, atol=1.001 / record.fan_out[0], err_msg=label)
            else:
                # A mean may be a small difference: beside the mean of the absolute values. An update is one of two rounded weights.
                slack = {
                    "gradient_mean": 2e-5 * measured["gradient_mean_abs"],
                    "update_norm": 1.2e-7 * measured["weight_norm"],
                    "update_mean_abs": 1.2e-7 * measured["weight_mean_abs"],
                    **dict.fromkeys(("weight_mean", "z_mean", "h_mean"), 2e-7),
                }.get(name, 0.0)
                difference = np.where(np.isnan(expected) & np.isnan(ours), 0.0, np.abs(ours - expected))
                limit = slack + rtol * np.abs(np.nan_to_num(expected))
                assert np.all(difference <= limit), f"{label}: {difference} > {limit}"


@pytest.mark.parametrize(
    ("activation", "init", "trainer", "lr"),  # saturated networks are chaotic: two roundings of larger steps part
    [
        ("relu", "he", "sgd", 0.02),
        ("tanh", {"scheme": "xavier", "gain": 8.0}, "sgd", 1e-6),
        ("sigmoid", {"sigma_w": 12.0}, "sgd", 1e-6),
        ("gelu", "xavier", "adam", 1e-3),
    ],
)
def test_statistics_are_those_of_plain_training(
    activation: str, init: object, trainer: str, lr: float, digits: Dataset
) -> None:
    runs = [experiment(activation, init, 6, 24, seed, optimizer=trainer, lr=lr) for seed in (3, 4)]
    for run, (_, record) in zip(runs, collect(runs, digits), strict=True):
        plain = Plain(run, digits)
        plain.train()
        assert len(record.steps) == len(plain.rows) == 12
        check(record, plain, 5e-5 if trainer == "adam" else 2e-5)
        variances = [linear.out_features for linear in plain.linears]
        assert record.fan_out.tolist() == variances
    assert (record.window_units[10] > 0).any() == (activation != "gelu")  # the cases show what they are to show


def test_deep_gradients_underflow_as_plain_ones_do(digits: Dataset) -> None:
    """70 layers of sigmoid: the first layers' gradients are below float32, and the squares of those above them too.

    Below 1e-37 entries lose digits in plain training that gradlab's own still has, so there only the size is compared.
    """
    run = experiment("sigmoid", "xavier", 70, 24, 5)
    ((trained, record),) = collect([run], digits)
    plain = Plain(run, digits)
    plain.train()
    norms = np.array([row["gradient_norm"] for row in plain.rows])
    means = np.array([row["gradient_mean_abs"] for row in plain.rows])
    zeros = np.array([row["gradient_zeros"] for row in plain.rows])
    assert (zeros == 1).any()
    assert ((norms == 0) & (zeros == 0)).any()
    np.testing.assert_array_equal(record.gradient_norm == 0, norms == 0)
    normal = means > 1e-37
    np.testing.assert_allclose(record.gradient_mean_abs[normal], means[normal], rtol=2e-4)
    assert record.gradient_mean_abs[~normal].max() < 1.1e-37
    np.testing.assert_allclose(record.gradient_zeros[normal], zeros[normal], atol=2.0 / record.fan_in[1] ** 2)
    large = norms > 1e-18
    np.testing.assert_allclose(record.gradient_norm[large], norms[large], rtol=2e-4)
    assert trained.record is not None
    assert np.isfinite(trained.record.layers["log10_grad_norm"].values).all()  # gradlab itself reads them all


def test_measuring_changes_nothing(digits: Dataset) -> None:
    """The record with the collector beside the recorder is the record without it, byte for byte."""
    runs = [experiment("tanh", "xavier", 5, 20, seed, optimizer="adam", clip_norm=1.0, every=3) for seed in (0, 1)]
    for alone, (watched, record) in zip(train(runs, digits), collect(runs, digits), strict=True):
        assert alone.record is not None
        assert watched.record is not None
        np.testing.assert_array_equal(record.steps, alone.record.steps)
        assert len(record.step_loss) == 12
        for name, column in {**alone.record.layers, **alone.record.figures}.items():
            other = {**watched.record.layers, **watched.record.figures}[name]
            np.testing.assert_array_equal(column.values, other.values, err_msg=name)


def test_a_record_does_not_depend_on_its_neighbours_and_ends_where_it_diverges(digits: Dataset, tmp_path) -> None:
    wild, tame = experiment("relu", {"sigma_w": 6.0}, 30, 16, 0, lr=1e3), experiment("relu", "he", 30, 16, 1)
    together = [record for _, record in collect([wild, tame], digits)]
    alone = [collect([run], digits)[0][1] for run in (wild, tame)]
    for one, other in zip(together, alone, strict=True):
        for field in dataclasses.fields(PeerRecord):
            np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), err_msg=field.name)
    assert together[0].diverged_at >= 0
    assert together[0].steps[-1] <= together[0].diverged_at == len(together[0].step_loss) - 1
    assert together[1].diverged_at == -1
    together[0].save(tmp_path / "peer.npz")
    read = PeerRecord.load(tmp_path / "peer.npz")
    for field in dataclasses.fields(PeerRecord):
        np.testing.assert_array_equal(getattr(read, field.name), getattr(together[0], field.name))
        assert type(getattr(read, field.name)) is type(getattr(together[0], field.name))


def test_a_batch_can_be_watched_without_collect(digits: Dataset) -> None:
    run = experiment("relu", "he", 4, 16)
    batch = Batch([run], digits, torch.device("cpu"))
    measured = attach(batch)
    batch.train()
    np.testing.assert_array_equal(measured(0).delta_norm, collect([run], digits)[0][1].delta_norm)
    with pytest.raises(ValueError, match="2 batch keys"):
        collect([run, experiment("tanh", "he", 4, 16)], digits)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("exponent", [-150, -140, -20, 0, 10, 130])
def test_a_stored_gradient_is_cast_once(dtype: torch.dtype, exponent: int) -> None:
    """Stored · 2^E in the training's own dtype is the exact product rounded once, also where it underflows or overflows."""
    stored = torch.randn(1, 1, 500, generator=torch.Generator().manual_seed(0)).to(dtype)
    scale = torch.tensor([[2.0**exponent]], dtype=torch.float64)
    expected = (stored.double() * 2.0**exponent).to(dtype)
    assert torch.equal(as_trained(stored, scale, torch.empty_like(stored)), expected)
