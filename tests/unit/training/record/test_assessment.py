"""What is assessed at a few steps, beside plain PyTorch in float64: paired differences, balanced accuracy, copied layers."""

import math
import struct
import warnings
from dataclasses import astuple, replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score
from torch import Tensor
from torch.nn import functional

from gradlab.config.experiment import Experiment
from gradlab.datasets import Dataset
from gradlab.training.engine import Batch, train
from gradlab.training.record.assessment import COPIED, FEWEST, PACE_PART, PartFigures

STEPS, EVERY = 9, 2
MIDDLE = 4
PHI = {"tanh": torch.tanh, "relu": torch.relu}
LOSSES = [
    ("cross_entropy", "classes", 3), ("cross_entropy", "classes", 2), ("binary_cross_entropy", "classes", 2),
    ("mse", "classes", 3), ("mse", "numbers", 1), ("mse", "numbers", 3),
]  # fmt: skip


def dataset(task: str, outputs: int, num_train: int = 50, num_holdout: int = 23, seed: int = 0) -> Dataset:
    """Rows of four features, the first class the most frequent; neither part is a multiple of the batch."""
    random = np.random.default_rng(seed)
    rows = num_train + num_holdout
    inputs = random.standard_normal((rows, 4))
    cut = [inputs[:num_train], inputs[num_train:]]
    names = ("a", "b", "c", "d")
    if task == "numbers":
        targets: Any = random.standard_normal((rows, outputs)) + inputs[:, :1] + 0.5
        return Dataset(cut[0], targets[:num_train], cut[1], targets[num_train:], "numbers", None, (), names)
    shares = np.array([0.6, 0.3, 0.1])[:outputs]
    labels = random.choice(outputs, rows, p=shares / shares.sum())
    labels[:outputs] = np.arange(outputs)
    kinds = tuple("xyz"[:outputs])
    return Dataset(cut[0], labels[:num_train], cut[1], labels[num_train:], "classes", outputs, kinds, names)


def experiment(loss: str, seed: int = 0, dtype: str = "float64", **model: Any) -> Experiment:
    source = "xor" if loss == "binary_cross_entropy" else "digits"  # two classes; the data are those above
    shape = {"depth": 3, "width": 6, "activation": "tanh", "init": "xavier"} | model
    return Experiment.model_validate(
        {
            "name": "assessed", "seed": seed, "model": shape, "data": {"batch_size": 8, "source": source},
            "train": {"loss": loss, "steps": STEPS, "dtype": dtype, "lr": 0.1}, "record": {"every": EVERY},
        }
    )  # fmt: skip


def batch(data: Dataset, *experiments: Experiment) -> Batch:
    return Batch(experiments, data, torch.device("cpu"))


def parameters(made: Batch, run: int) -> tuple[list[Tensor], list[Tensor]]:
    """Weights [I, O] and biases [O] of every layer of a run, in float64."""
    weights: dict[int, Tensor] = {}
    biases: dict[int, Tensor] = {}
    for leaf in made.network.leaves:
        for layer, value in enumerate(leaf.value, leaf.first_layer):
            units = made.shape.fan_out[layer]
            kept = weights if leaf.kind == "weight" else biases
            own = value[run].double().clone()
            kept[layer] = own.view(-1, units) if leaf.kind == "weight" else own
    return [weights[layer] for layer in sorted(weights)], [biases[layer] for layer in sorted(biases)]


def own_losses(loss: str, logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Loss of each example, and the class that is said (that of numbers has no meaning)."""
    if loss == "cross_entropy":
        return functional.cross_entropy(logits, targets, reduction="none"), logits.argmax(1)
    if loss == "binary_cross_entropy":
        z = logits[:, 0]
        return functional.binary_cross_entropy_with_logits(z, targets.double(), reduction="none"), (z > 0).long()
    if targets.dim() == 1:
        targets = functional.one_hot(targets, logits.shape[1]).double()
    return (logits - targets).square().mean(1), logits.argmax(1)


def best_constant(loss: str, train_targets: Tensor, outputs: int) -> Tensor:
    """What all rows are told by an answer that does not look at them: frequencies, their logits, or the mean."""
    if train_targets.dim() == 2:
        return train_targets.mean(0)
    shares = torch.stack([(train_targets == label).double().mean() for label in range(outputs)])
    if loss == "mse":
        return shares
    return torch.log(shares[1:] / shares[:1]) if loss == "binary_cross_entropy" else torch.log(shares)


def outputs_by_torch(made: Batch, run: int, data: Dataset, rows: np.ndarray, held_out: bool) -> tuple[Tensor, Tensor]:
    """Outputs [E, C] and targets of some rows of a part, without batches."""
    weights, biases = parameters(made, run)
    h = torch.from_numpy((data.holdout_inputs if held_out else data.train_inputs)[rows])
    targets = torch.from_numpy((data.holdout_targets if held_out else data.train_targets)[rows])
    phi = PHI[made.experiments[run].model.activation.name]
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        h = h @ weight + bias
        h = phi(h) if layer < len(weights) - 1 else h
    return h, targets


def by_torch(made: Batch, run: int, loss: str, data: Dataset, rows: np.ndarray, held_out: bool) -> PartFigures:
    """What is measured of those rows."""
    logits, targets = outputs_by_torch(made, run, data, rows, held_out)
    losses, said = own_losses(loss, logits, targets)
    constant = best_constant(loss, torch.from_numpy(data.train_targets), data.num_outputs)
    theirs, _ = own_losses(loss, constant.expand(len(rows), -1), targets)
    gain = (theirs - losses).numpy()
    classes = data.task == "classes"
    balanced = math.nan
    if classes:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a class that none of these rows has
            balanced = balanced_accuracy_score(targets.numpy(), said.numpy())
    return PartFigures(
        loss=losses.mean().item(),
        accuracy=(said == targets).double().mean().item() if classes else 0.0,
        gain=float(gain.mean()),
        gain_error=float(np.std(gain, ddof=1) / math.sqrt(len(gain))),
        balanced_accuracy=balanced,
    )


def followed_by_torch(made: Batch, run: int, loss: str, data: Dataset, rows: np.ndarray, held_out: bool) -> np.ndarray:
    """What an example's outputs, beside their mean, take off the constant answer's loss to first order: by autograd, float64 [E]."""
    logits, targets = outputs_by_torch(made, run, data, rows, held_out)
    constant = best_constant(loss, torch.from_numpy(data.train_targets), data.num_outputs).expand(len(rows), -1)
    at = constant.clone().requires_grad_(True)
    losses, _ = own_losses(loss, at, targets)
    (slope,) = torch.autograd.grad(losses.sum(), at)
    return (-(slope * (logits - logits.mean(0))).sum(1)).numpy()


def same(found: PartFigures, other: PartFigures, tolerance: float) -> None:
    np.testing.assert_allclose(astuple(found), astuple(other), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("loss", "task", "outputs"), LOSSES)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 3e-6)])
def test_every_figure_beside_plain_pytorch(loss: str, task: str, outputs: int, dtype: str, tolerance: float) -> None:
    data = dataset(task, outputs)
    made = batch(data, *(experiment(loss, seed, dtype) for seed in (0, 1)))
    assert made.assessment.steps == (0, MIDDLE, STEPS - 1)
    for step in made.assessment.steps:
        made.assessment.take(step, made.head)
    every = np.arange(len(data.train_inputs))
    for run in (0, 1):
        found = made.assessment.figures(run)
        held = by_torch(made, run, loss, data, np.arange(len(data.holdout_inputs)), held_out=True)
        assert list(found["holdout"]) == [0, STEPS - 1]
        assert list(found["train"]) == [STEPS - 1]
        assert sorted(found["pace"]) == [0, MIDDLE, STEPS - 1]
        same(found["holdout"][0], held, tolerance)
        same(found["holdout"][STEPS - 1], held, tolerance)
        same(found["train"][STEPS - 1], by_torch(made, run, loss, data, every, held_out=False), tolerance)
        few = by_torch(made, run, loss, data, every[::PACE_PART], held_out=False)
        for step in (0, MIDDLE, STEPS - 1):
            same(replace(found["pace"][step], balanced_accuracy=few.balanced_accuracy), few, tolerance)


@pytest.mark.parametrize(("loss", "task", "outputs"), LOSSES)
@pytest.mark.parametrize(
    ("num_holdout", "dtype", "tolerance"), [(23, "float64", 1e-12), (0, "float64", 1e-12), (23, "float32", 1e-5)]
)
def test_the_growth_of_the_alignment_beside_autograd(
    loss: str, task: str, outputs: int, num_holdout: int, dtype: str, tolerance: float
) -> None:
    """Over the held-out rows and the few training rows together, of a network that is changed between the two steps."""
    data = dataset(task, outputs, num_holdout=num_holdout)
    made = batch(data, *(experiment(loss, seed, dtype) for seed in (0, 1)))
    parts = [(np.arange(len(data.train_inputs))[::PACE_PART], False), (np.arange(num_holdout), True)][
        : 1 + bool(num_holdout)
    ]
    seen = []
    for step in made.assessment.steps:
        made.assessment.take(step, made.head)
        followed = [[followed_by_torch(made, run, loss, data, *part) for part in parts] for run in (0, 1)]
        seen.append([np.concatenate(run) for run in followed])
        assert (made.assessment.alignment(0) == {}) is (step < STEPS - 1)
        for leaf in made.network.leaves:
            leaf.value.mul_(1.3).add_(0.01)
    for run in (0, 1):
        ((step, found),) = made.assessment.alignment(run).items()
        grown = seen[-1][run] - seen[0][run]
        assert step == STEPS - 1
        assert abs(grown.mean()) > 1e-4
        assert found.growth == pytest.approx(grown.mean(), rel=tolerance, abs=tolerance)
        assert found.growth_error == pytest.approx(
            grown.std(ddof=1) / math.sqrt(len(grown)), rel=tolerance, abs=tolerance
        )


def test_a_factor_on_the_loss_is_none_on_the_alignment() -> None:
    data = dataset("classes", 3)
    plain, scaled = batch(data, experiment("cross_entropy")), batch(data, experiment("cross_entropy"))
    scaled.head.scale_R = torch.tensor([1024.0])
    for made in (plain, scaled):
        for step in (0, STEPS - 1):
            made.assessment.take(step, made.head)
            for leaf in made.network.leaves:
                leaf.value.mul_(1.5)
    assert plain.assessment.alignment(0)[STEPS - 1].growth != 0.0
    assert plain.assessment.alignment(0) == scaled.assessment.alignment(0)


def test_what_every_example_is_told_alike_follows_no_target() -> None:
    """An output bias moves the loss, and nothing else that is told of one example and not of another."""
    data = dataset("numbers", 2)
    made = batch(data, experiment("mse"))
    for step in (0, STEPS - 1):
        made.assessment.take(step, made.head)
        for leaf in made.network.leaves:
            if leaf.kind == "bias" and leaf.first_layer + len(leaf.value) > made.shape.num_layers:
                leaf.value[-1].add_(3.0)  # the readout's
    found = made.assessment.alignment(0)[STEPS - 1]
    assert made.assessment.figures(0)["pace"][0].gain - made.assessment.figures(0)["pace"][STEPS - 1].gain > 1.0
    assert (found.growth, found.growth_error) == (pytest.approx(0.0, abs=1e-12), pytest.approx(0.0, abs=1e-12))


def test_differences_are_paired() -> None:
    """A network that says what the constant answer says gains nothing at all, with no error, however the examples differ."""
    data = dataset("numbers", 1)
    made = batch(data, experiment("mse"))
    for leaf in made.network.leaves:
        leaf.value.zero_()
        if leaf.kind == "bias":
            leaf.value[-1].fill_(float(data.train_targets.mean()))
    made.assessment.take(STEPS - 1, made.head)
    for part in ("train", "holdout"):
        found = made.assessment.figures(0)[part][STEPS - 1]
        assert (found.gain, found.gain_error) == (pytest.approx(0.0, abs=1e-15), pytest.approx(0.0, abs=1e-15))
        assert found.loss > 0.1


def test_of_many_training_rows_some_are_looked_at() -> None:
    data = dataset("classes", 3, num_train=FEWEST + 476, num_holdout=5)
    made = batch(data, experiment("cross_entropy"))
    for step in made.assessment.steps:
        made.assessment.take(step, made.head)
    rows = np.array([place * (FEWEST + 476) // FEWEST for place in range(FEWEST)])
    found = made.assessment.figures(0)
    same(found["train"][STEPS - 1], by_torch(made, 0, "cross_entropy", data, rows, held_out=False), 1e-12)
    few = by_torch(made, 0, "cross_entropy", data, rows[::PACE_PART], held_out=False)
    for step in made.assessment.steps:
        same(replace(found["pace"][step], balanced_accuracy=few.balanced_accuracy), few, 1e-12)


def test_without_a_held_out_part() -> None:
    data = dataset("classes", 3, num_holdout=0)
    made = batch(data, experiment("cross_entropy"))
    made.assessment.take(STEPS - 1, made.head)
    assert made.assessment.figures(0)["holdout"] == {}
    assert made.assessment.figures(0)["train"].keys() == {STEPS - 1}


def test_a_single_example_has_no_error() -> None:
    data = dataset("numbers", 1, num_holdout=1)
    made = batch(data, experiment("mse"))
    made.assessment.take(0, made.head)
    assert made.assessment.figures(0)["holdout"][0].gain_error == 0.0


@pytest.mark.parametrize(("loss", "task", "outputs"), LOSSES)
def test_a_run_in_a_batch_has_the_bytes_that_it_has_alone(loss: str, task: str, outputs: int) -> None:
    data = dataset(task, outputs)
    runs = [experiment(loss, seed, "float32", activation="relu", init="he") for seed in range(3)]
    together = batch(data, *runs)
    together.train()
    for place, run in enumerate(runs):
        alone = batch(data, run)
        alone.train()
        ours, theirs = together.assessment.figures(place), alone.assessment.figures(0)
        assert {part: list(steps) for part, steps in ours.items()} == {
            part: list(steps) for part, steps in theirs.items()
        }
        for part, steps in ours.items():
            for step, figures in steps.items():
                one, other = astuple(figures), astuple(theirs[part][step])
                assert struct.pack("5d", *one) == struct.pack("5d", *other), (part, step)
        assert together.assessment.alignment(place) == alone.assessment.alignment(0)
        assert together.assessment.copied_layers(place) == alone.assessment.copied_layers(0)


def test_a_record_has_them_at_the_steps_at_which_they_were_taken() -> None:
    data = dataset("classes", 3)
    (trained,) = train([experiment("cross_entropy")], data)
    record = trained.record
    assert record is not None
    steps = record.steps.tolist()
    assert steps == [0, 2, 4, 6, 8]

    def at(name: str) -> list[int]:
        return [steps[row] for row in np.flatnonzero(record.figures[name].present)]

    for name in ("holdout_loss", "holdout_accuracy", "holdout_gain", "holdout_gain_error", "holdout_balanced_accuracy"):
        assert at(name) == [0, STEPS - 1], name
    for name in ("train_gain", "train_gain_error", "train_balanced_accuracy"):
        assert at(name) == [STEPS - 1], name
    assert at("pace_gain") == [0, MIDDLE, STEPS - 1]
    for name in ("alignment_growth", "alignment_growth_error"):
        assert at(name) == [STEPS - 1], name
    assert record.copied_layers == ()


class TestCopiedLayers:
    def copied(self, change: Any, dtype: str = "float64", **model: Any) -> tuple[int, ...] | None:
        """What is found after the parameters were changed by hand: `change` is given weights [layer][I, N] and biases."""
        made = batch(dataset("classes", 3), experiment("cross_entropy", 0, dtype, **model))
        weights, biases = {}, {}
        for leaf in made.network.leaves:
            for layer, value in enumerate(leaf.value, leaf.first_layer):
                units = made.shape.fan_out[layer]
                (weights if leaf.kind == "weight" else biases)[layer] = value[0].view(-1, units)
        change(weights, biases)
        made.assessment.take(STEPS - 1, made.head)
        return made.assessment.copied_layers(0)

    @staticmethod
    def alike(*layers: int) -> Any:
        def change(weights: dict[int, Tensor], biases: dict[int, Tensor]) -> None:
            for layer in layers:
                weights[layer][:] = weights[layer][:, :1].clone()
                biases[layer][:] = 0.25

        return change

    @pytest.mark.parametrize("layers", [(), (0,), (1,), (2,), (0, 2), (0, 1, 2)])
    def test_each_layer_by_itself(self, layers: tuple[int, ...]) -> None:
        assert self.copied(self.alike(*layers)) == tuple(layer + 1 for layer in layers)

    def test_the_readout_is_not_looked_at(self) -> None:
        assert self.copied(self.alike(3)) == ()

    def test_a_bias_of_its_own_is_a_difference(self) -> None:
        def change(weights: dict[int, Tensor], biases: dict[int, Tensor]) -> None:
            self.alike(1)(weights, biases)
            biases[1][0, -1] = 0.26

        assert self.copied(change) == ()

    @pytest.mark.parametrize(("share", "copies"), [(0.9 * COPIED, True), (1.1 * COPIED, False)])
    def test_up_to_the_rounding_of_their_products(self, share: float, copies: bool) -> None:
        def change(weights: dict[int, Tensor], biases: dict[int, Tensor]) -> None:
            self.alike(1)(weights, biases)
            largest = weights[1].abs().max()
            weights[1][0, -1] += share * largest

        assert self.copied(change) == ((2,) if copies else ())

    @pytest.mark.parametrize(("dtype", "grain"), [("bfloat16", 2.0**-7), ("float16", 2.0**-10)])
    @pytest.mark.parametrize(("units", "copies"), [(3, True), (6, False)])
    def test_in_16_bits_up_to_four_units_in_the_last_place(
        self, dtype: str, grain: float, units: int, copies: bool
    ) -> None:
        def change(weights: dict[int, Tensor], biases: dict[int, Tensor]) -> None:
            weights[1][:] = 1.0
            weights[1][0, -1] = 1.0 - units * grain
            biases[1][:] = 0.0

        assert self.copied(change, dtype) == ((2,) if copies else ())

    def test_a_single_unit_is_no_copy(self) -> None:
        assert self.copied(self.alike(0, 1, 2), width=1) == ()

    @pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
    @pytest.mark.parametrize("optimizer", ["sgd", "adam"])
    def test_what_begins_alike_is_found_after_training(self, activation: str, optimizer: str) -> None:
        """Beside the weights themselves, unit by unit, after a run of steps."""
        own = experiment("cross_entropy", activation=activation, init="zeros", readout_init={"scheme": "zeros"})
        own = own.model_copy(
            update={"train": own.train.model_copy(update={"optimizer": type(own.train.optimizer)(name=optimizer)})}
        )
        (trained,) = train([own], dataset("classes", 3))
        assert trained.record is not None
        assert trained.record.copied_layers == (1, 2, 3)

    def test_one_that_was_not_looked_at_is_not_known(self) -> None:
        made = batch(dataset("classes", 3), experiment("cross_entropy"))
        made.assessment.take(0, made.head)
        assert made.assessment.copied_layers(0) is None


def test_a_loss_that_is_not_finite_is_no_gain() -> None:
    data = dataset("numbers", 1)
    made = batch(data, experiment("mse", dtype="float32"))
    for leaf in made.network.leaves:
        leaf.value.fill_(1e30)
    made.assessment.take(STEPS - 1, made.head)
    found = made.assessment.figures(0)["train"][STEPS - 1]
    assert not found.gain > 0
    assert not math.isfinite(found.gain)
