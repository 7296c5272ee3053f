"""How many layers learn in 16 bits, against what becomes of a network in plain PyTorch whose layers are frozen one at a time."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from made.shares import share
from torch import Tensor
from torch.nn import functional

from gradlab.config.experiment import Experiment
from gradlab.datasets import Dataset, load
from gradlab.judgement.verdict import judge
from gradlab.training.engine import train

MATTERS = 0.01
"""Change of some step's loss from which a layer's learning matters: as in the labels of docs/benchmarks/diagnosis.md."""

PHI = {"relu": torch.relu, "tanh": torch.tanh}
DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}
DEPTH, WIDTH = 3, 48


def experiment(dtype: str, optimizer: str, lr: float, steps: int = 150, activation: str = "relu") -> Experiment:
    return Experiment.model_validate(
        {
            "model": {"depth": DEPTH, "width": WIDTH, "activation": activation, "init": "he"},
            "train": {"optimizer": optimizer, "lr": lr, "steps": steps, "dtype": dtype},
            "record": {"every": 5},
        }
    )


def layers_that_learn(one: Experiment, dataset: Dataset) -> int | None:
    (trained,) = train([one], dataset)
    return judge(one, trained.record, trained.outcome, None).learning_layers


def losses(one: Experiment, dataset: Dataset, frozen: int | None) -> np.ndarray:
    """Loss of all examples after every tenth step, by autograd on 16-bit parameters; the update in float32, as gradlab has it."""
    own, dtype, phi = one.train, DTYPES[one.train.dtype.storage], PHI[one.model.activation.name]
    generator = torch.Generator().manual_seed(3)
    sizes = [64, *[WIDTH] * DEPTH, 10]
    parameters = [
        *((2 / i) ** 0.5 * torch.randn(i, o, generator=generator) for i, o in itertools.pairwise(sizes)),
        *(torch.zeros(o) for o in sizes[1:]),
    ]
    parameters = [parameter.to(dtype).requires_grad_() for parameter in parameters]
    states = [torch.zeros(2, *parameter.shape) for parameter in parameters]
    inputs, targets = torch.from_numpy(dataset.train_inputs).to(dtype), torch.from_numpy(dataset.train_targets)

    def loss_of(rows: Tensor) -> Tensor:
        h = inputs[rows]
        for layer in range(DEPTH):
            h = phi(h @ parameters[layer] + parameters[DEPTH + 1 + layer])
        return functional.cross_entropy((h @ parameters[DEPTH] + parameters[-1]).float(), targets[rows])

    seen, everything = [], torch.arange(len(inputs))
    assert own.steps is not None
    for step in range(own.steps):
        rows = torch.randint(len(inputs), (64,), generator=generator)
        gradients = torch.autograd.grad(loss_of(rows), parameters)
        with torch.no_grad():
            for index, (parameter, gradient, state) in enumerate(zip(parameters, gradients, states, strict=True)):
                update = _update(own.optimizer.name, gradient.float(), state, step)
                if index != frozen:
                    parameter.copy_(parameter.float() - own.lr * update)
            if step % 10 == 9:
                seen.append(loss_of(everything).item())
    return np.array(seen)


def _update(optimizer: str, gradient: Tensor, state: Tensor, step: int) -> Tensor:
    if optimizer == "sgd":
        return gradient
    if optimizer == "momentum":
        state[0].mul_(0.9).add_(gradient)
        return state[0]
    state[0].lerp_(gradient, 0.1)
    state[1].lerp_(gradient.square(), 0.001)
    corrected = (state[1] / (1 - 0.999 ** (step + 1))).sqrt()
    return state[0] / (1 - 0.9 ** (step + 1)) / (corrected + 1e-8)


def that_matter(one: Experiment, dataset: Dataset) -> Sequence[bool]:
    """For each hidden layer, whether freezing its weights changes the loss of some step by more than `MATTERS`."""
    free = losses(one, dataset, None)
    return [bool((np.abs(losses(one, dataset, layer) / free - 1) > MATTERS).any()) for layer in range(DEPTH)]


@pytest.mark.parametrize(
    ("dtype", "optimizer", "lr", "learn"),
    share(
        [
            ("bfloat16", "adam", 1e-3, True),
            ("bfloat16", "sgd", 0.02, True),
            ("bfloat16", "momentum", 3e-3, True),
            ("float16", "adam", 3e-4, True),
            ("float16", "sgd", 5e-3, True),
            ("bfloat16", "adam", 3e-6, False),
            ("bfloat16", "sgd", 1e-4, False),
            ("bfloat16", "momentum", 1e-5, False),
            ("float16", "adam", 3e-7, False),
            ("float16", "sgd", 1e-5, False),
        ],
        3,
    ),
)
def test_a_layer_learns_where_freezing_it_changes_the_result(
    dtype: str, optimizer: str, lr: float, learn: bool
) -> None:
    """Rates from far too small to usual; the seeds of start and batches are 3 in PyTorch and 0 in gradlab."""
    one = experiment(dtype, optimizer, lr)
    dataset = load(one.data)
    assert that_matter(one, dataset) == [learn] * DEPTH
    assert layers_that_learn(one, dataset) == (DEPTH if learn else 0)


@pytest.mark.parametrize(
    ("dtype", "optimizer", "lr"),
    share(
        [
            (dtype, *how)
            for dtype in ("bfloat16", "float16")
            for how in (("adam", 1e-3), ("sgd", 0.1), ("momentum", 0.01), ("adamw", 1e-3))
        ],
        3,
    ),
)
def test_a_network_that_learned_to_the_end_has_learned(dtype: str, optimizer: str, lr: float) -> None:
    """Most of the record lies after the last example was learned, when updates are small whatever the format."""
    one = experiment(dtype, optimizer, lr, steps=500, activation="tanh")
    assert layers_that_learn(one, load(one.data)) == DEPTH


def test_a_network_that_reached_98_percent_in_bfloat16_has_three_layers_that_learn() -> None:
    """Reported as none of three: adam's updates are a thousandth of a weight, and bfloat16's epsilon is 0.008."""
    one = Experiment.model_validate(
        {
            "model": {"depth": 3, "width": 100, "activation": "relu", "init": "he"},
            "train": {"optimizer": "adam", "lr": 0.001, "steps": 300, "dtype": "bfloat16"},
        }
    )
    (trained,) = train([one], load(one.data))
    judged = judge(one, trained.record, trained.outcome, None)
    assert (judged.verdict, judged.learning_layers) == ("healthy", 3)
    assert trained.record is not None
    assert (trained.record.layers["changed_fraction"].values[:3].max(axis=0) > 0.9).all()


@pytest.mark.parametrize("lr", [1e-5, 1e-4, 1e-3, 1e-2])
def test_float32_counts_as_it_did(lr: float) -> None:
    one = experiment("float32", "adam", lr)
    (trained,) = train([one], load(one.data))
    assert trained.record is not None
    assert "changed_fraction" not in trained.record.layers
    assert judge(one, trained.record, trained.outcome, None).learning_layers == DEPTH
