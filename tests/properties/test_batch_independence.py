"""A run alone and the same run in a batch give equal bytes in every recorded column, at every position."""

import itertools

import numpy as np
import pytest
import torch

from gradlab.datasets import Dataset
from gradlab.results.record import Trained
from gradlab.spec import catalogue
from gradlab.spec.experiment import Experiment
from gradlab.training.engine import train

WIDTHS, BATCH_SIZES, RUNS = (13, 50, 100), (1, 37, 64), (2, 7, 32)
OPTIMIZERS = list(catalogue.OPTIMIZERS)


def dataset(samples: int = 90, features: int = 20, classes: int = 10) -> Dataset:
    rng = np.random.default_rng(11)
    inputs, targets = rng.standard_normal((samples, features)), rng.integers(0, classes, samples)
    names = tuple(str(i) for i in range(classes))
    return Dataset(
        inputs[10:],
        targets[10:],
        inputs[:10],
        targets[:10],
        "classes",
        classes,
        names,
        tuple(f"x{i}" for i in range(features)),
    )


def experiment(seed: int, activation: str, width: int, batch_size: int, depth: int = 4, **train: object) -> Experiment:
    """Runs differ in seed, scale and learning rate; run 1 diverges within two steps."""
    lr = 1e30 if seed == 1 else 0.01 * (1 + seed % 3)
    return Experiment.model_validate(
        {
            "seed": seed,
            "model": {
                "depth": depth, "width": width, "activation": activation,
                "init": {"sigma_w": 1.0 + 0.1 * (seed % 5), "sigma_b": 0.1},
            },
            "data": {"batch_size": batch_size, "source": "digits"},
            "train": {"steps": 4, "lr": lr, **train},
            "record": {"quantities": "all"},
        }
    )  # fmt: skip


def assert_same(alone: Trained, together: Trained, note: object) -> None:
    """Equal outcome, steps and bytes of every column."""
    assert alone.outcome == together.outcome, note
    assert alone.record is not None
    assert together.record is not None
    assert np.array_equal(alone.record.steps, together.record.steps), note
    for kind in ("layers", "figures"):
        ours, theirs = getattr(alone.record, kind), getattr(together.record, kind)
        assert ours.keys() == theirs.keys()
        for name in ours:
            assert np.array_equal(ours[name].present, theirs[name].present), (note, name)
            assert ours[name].values.tobytes() == theirs[name].values.tobytes(), (
                note,
                name,
                ours[name].values,
                theirs[name].values,
            )


def check(
    activation: str,
    width: int,
    batch_size: int,
    num_runs: int,
    threads: int,
    samples: int = 90,
    **train_options: object,
) -> None:
    data = dataset(samples)
    runs = [experiment(seed, activation, width, batch_size, **train_options) for seed in range(num_runs)]
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        together = train(runs, data)
        for run, result in zip(runs, together, strict=True):
            note = (activation, width, batch_size, num_runs, threads, train_options, run.seed)
            assert_same(train([run], data)[0], result, note)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("activation", list(catalogue.ACTIVATIONS))
def test_alone_and_together_give_equal_bytes(activation: str, threads: int) -> None:
    """Each activation with seven runs, going through widths and batch sizes; the whole matrix is `proofs`."""
    place = list(catalogue.ACTIVATIONS).index(activation)
    for offset, (width, batch_size) in enumerate(itertools.product(WIDTHS, BATCH_SIZES)):
        if (place + offset) % 3 == 0:
            check(activation, width, batch_size, 7, threads)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_is_independent_of_the_batch(optimizer: str) -> None:
    for options in ({}, {"weight_decay": 0.01}, {"clip_norm": 0.5}):
        check("tanh", 50, 37, 7, 2, optimizer=optimizer, schedule="cosine", **options)


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_float64_with_one_thread(loss: str) -> None:
    for activation in ("sigmoid", "gelu", "relu"):
        check(activation, 50, 37, 7, 1, dtype="float64", loss=loss)


@pytest.mark.parametrize("activation", ["sigmoid", "gelu", "prelu"])
@pytest.mark.parametrize("depth", [1, 2])
def test_few_layers_with_large_batches(depth: int, activation: str) -> None:
    """One run has few rows of many elements there, which torch would split over threads."""
    for width, batch_size in ((100, 1024), (33, 1000)):
        check(activation, width, batch_size, 3, 2, samples=1100, depth=depth)


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("activation", list(catalogue.ACTIVATIONS))
def test_the_whole_matrix(activation: str, threads: int) -> None:
    """Every width, batch size and number of runs, every position; float64 with one thread."""
    for width, batch_size, num_runs in itertools.product(WIDTHS, BATCH_SIZES, RUNS):
        check(activation, width, batch_size, num_runs, threads)
        if threads == 1:
            check(activation, width, batch_size, num_runs, threads, dtype="float64")
