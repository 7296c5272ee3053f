"""The best constant answer, and the logits that give it, beside plain PyTorch's losses."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from torch.nn import functional

from gradlab.datasets import Dataset
from gradlab.datasets.statistics import constant_answer, constant_logits
from gradlab.network.losses import head
from gradlab.network.place import Place

SEEDS = range(6)
CASES = [*product(("cross_entropy", "mse"), (2, 3, 10)), ("binary_cross_entropy", 2)]


def classes(seed: int, count: int, num_rows: int = 240) -> Dataset:
    random = np.random.default_rng(seed)
    labels = np.concatenate(
        [np.arange(count), random.choice(count, num_rows - count, p=random.dirichlet(np.ones(count)))]
    )
    inputs = random.standard_normal((num_rows, 2))
    kinds = tuple(f"c{place}" for place in range(count))
    return Dataset(inputs, labels, inputs[:0], labels[:0], "classes", count, kinds, ("x1", "x2"))


def numbers(seed: int, outputs: int) -> Dataset:
    random = np.random.default_rng(seed)
    inputs = random.standard_normal((60, 2))
    targets = random.standard_normal((60, outputs)) * 10.0 ** random.uniform(-3, 3, outputs) + random.normal(0, 9)
    return Dataset(inputs, targets, inputs[:0], targets[:0], "numbers", None, (), ("x1", "x2"))


def by_head(dataset: Dataset, loss: str, logits: np.ndarray) -> tuple[float, float]:
    """Mean loss, and share that is right, of one answer to all rows, by the head that training uses."""
    rows, own = len(dataset.train_targets), torch.from_numpy(np.asarray(logits, dtype=np.float64))
    place = Place(torch.float64)
    made = head(loss, dataset.task == "classes", (1, rows, len(own)), place)
    made(own.expand(1, rows, -1).contiguous(), torch.from_numpy(dataset.train_targets)[None], None)
    losses, right = made.loss_and_right_2RB.mean(dim=2)[:, 0].tolist()
    return losses, right


def by_torch(dataset: Dataset, loss: str, logits: np.ndarray) -> float:
    """The same by plain PyTorch."""
    targets = torch.from_numpy(dataset.train_targets)
    z = torch.from_numpy(np.asarray(logits, dtype=np.float64)).expand(len(targets), -1)
    if loss == "cross_entropy":
        return functional.cross_entropy(z, targets).item()
    if loss == "binary_cross_entropy":
        return functional.binary_cross_entropy_with_logits(z[:, 0], targets.double()).item()
    if dataset.num_classes is not None:
        targets = functional.one_hot(targets, dataset.num_classes).double()
    return functional.mse_loss(z, targets).item()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("loss", "count"), CASES)
def test_its_logits_cost_what_it_costs(loss: str, count: int, seed: int) -> None:
    dataset = classes(seed, count)
    answer, accuracy = constant_answer(dataset, loss)
    logits = constant_logits(dataset, loss)
    assert len(logits) == (1 if loss == "binary_cross_entropy" else count)
    costs, right = by_head(dataset, loss, logits)
    assert costs == pytest.approx(answer, rel=1e-12)
    assert costs == pytest.approx(by_torch(dataset, loss, logits), rel=1e-12)
    assert right == pytest.approx(accuracy, rel=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("outputs", [1, 3])
def test_of_numbers_it_is_their_mean(outputs: int, seed: int) -> None:
    dataset = numbers(seed, outputs)
    answer, accuracy = constant_answer(dataset, "mse")
    assert accuracy is None
    logits = constant_logits(dataset, "mse")
    assert by_head(dataset, "mse", logits)[0] == pytest.approx(answer, rel=1e-12)
    assert by_torch(dataset, "mse", logits) == pytest.approx(answer, rel=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("loss", "count"), CASES)
def test_no_other_constant_answer_costs_less(loss: str, count: int, seed: int) -> None:
    dataset = classes(seed, count)
    best, logits = constant_answer(dataset, loss)[0], constant_logits(dataset, loss)
    random = np.random.default_rng(seed)
    for size in (1e-3, 0.1, 3.0):
        shift = size * random.standard_normal(len(logits))
        if loss == "cross_entropy":
            shift -= shift.mean()  # what all classes have in common changes nothing
        assert by_torch(dataset, loss, logits + shift) > best


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_a_class_that_no_example_has(loss: str) -> None:
    """Its logit is that of a thousandth of an example: the loss is that much of one example's higher at most."""
    dataset = classes(0, 3)
    one = Dataset(
        dataset.train_inputs, dataset.train_targets, dataset.train_inputs[:0], dataset.train_targets[:0], "classes", 4,
        (*dataset.class_names, "none"), dataset.feature_names,
    )  # fmt: skip
    logits = constant_logits(one, loss)
    assert np.isfinite(logits).all()
    excess = by_torch(one, loss, logits) - constant_answer(one, loss)[0]
    assert -1e-12 <= excess <= 1e-3 / 240
    alone = Dataset(
        dataset.train_inputs, np.ones(240, dtype=np.int64), dataset.train_inputs[:0], dataset.train_targets[:0],
        "classes", 2, ("a", "b"), dataset.feature_names,
    )  # fmt: skip
    (logit,) = constant_logits(alone, "binary_cross_entropy")
    assert logit == pytest.approx(math.log(240 / 1e-3))
    assert by_torch(alone, "binary_cross_entropy", np.array([logit])) <= 1e-3 / 240
