"""A run alone and the same run in a batch give equal bytes in every recorded column, at every position."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from made.shares import share

from gradlab.config import catalogue
from gradlab.config.experiment import Experiment
from gradlab.datasets import Dataset
from gradlab.network import signals
from gradlab.results.record import Trained
from gradlab.training import engine
from gradlab.training.step_threads import StepThreads, Threads

pytestmark = pytest.mark.threads

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


def experiment(
    seed: int, activation: str, width: int, batch_size: int, depth: int = 4, source: str = "digits", **train: object
) -> Experiment:
    """Runs differ in seed, scale and learning rate; run 1 diverges within two steps."""
    lr = 1e30 if seed == 1 else 0.01 * (1 + seed % 3)
    return Experiment.model_validate(
        {
            "seed": seed,
            "model": {
                "depth": depth, "width": width, "activation": activation,
                "init": {"sigma_w": 1.0 + 0.1 * (seed % 5), "sigma_b": 0.1},
            },
            "data": {"batch_size": batch_size, "source": source},
            "train": {"steps": 4, "lr": lr, **train},
            "record": {"quantities": ["all", "gradient_correlation", "forward_change"]},
        }
    )  # fmt: skip


def train(runs: list[Experiment], data: Dataset) -> list[Trained]:
    """With all threads that torch has, whatever is quicker."""
    return engine.train(runs, data, num_threads=torch.get_num_threads())


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


def assert_alone_as_together(runs: list[Experiment], data: Dataset, note: object) -> None:
    """The first three runs of a batch, of which the second diverges, and the last."""
    together = train(runs, data)
    for run in sorted({0, 1, min(2, len(runs) - 1), len(runs) - 1}):
        (alone,) = train([runs[run]], data)
        assert_same(alone, together[run], (note, len(runs), run))


def check(
    activation: str,
    width: int,
    batch_size: int,
    num_runs: int,
    threads: int,
    samples: int = 90,
    data: Dataset | None = None,
    **train_options: object,
) -> None:
    data = data or dataset(samples)
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


@pytest.mark.parametrize(
    ("activation", "threads"),
    [
        *((activation, 2) for activation in catalogue.ACTIVATIONS),
        ("sigmoid", 1),
        ("gelu", 1),
        *(pytest.param(name, 1, marks=pytest.mark.slow) for name in catalogue.ACTIVATIONS if name not in ("sigmoid", "gelu")),
    ],
)  # fmt: skip
def test_alone_and_together_give_equal_bytes(activation: str, threads: int) -> None:
    """Each activation with seven runs, going through widths and batch sizes; the whole matrix is `proofs`."""
    sizes = list(itertools.product(WIDTHS, BATCH_SIZES))
    width, batch_size = sizes[list(catalogue.ACTIVATIONS).index(activation) % len(sizes)]
    check(activation, width, batch_size, 7, threads)


@pytest.mark.parametrize("optimizer", ["sgd", "nesterov", "adamw"])
def test_the_maximal_update_parametrization(optimizer: str) -> None:
    runs = [experiment(seed, "prelu", 13, 37, optimizer=optimizer, weight_decay=0.01) for seed in range(7)]
    runs = [run.model_copy(update={"model": run.model.model_copy(update={"parametrization": "mup"})}) for run in runs]
    for run, together in zip(runs, train(runs, dataset()), strict=True):
        assert_same(train([run], dataset())[0], together, run.seed)


@pytest.mark.parametrize(
    "options",
    [
        {"weight_decay": 0.01, "clip_norm": 0.5},
        *(pytest.param(one, marks=pytest.mark.slow) for one in ({}, {"weight_decay": 0.01}, {"clip_norm": 0.5})),
    ],
    ids=" and ".join,
)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_is_independent_of_the_batch(optimizer: str, options: dict[str, float]) -> None:
    check("tanh", 50, 37, 7, 2, optimizer=optimizer, schedule="cosine", **options)


@pytest.mark.parametrize(
    ("optimizer", "schedule"), [("sgd", "constant"), ("adamw", "cosine"), ("momentum", "constant")]
)
def test_a_run_beside_others_that_warm_up_longer_or_not_at_all(optimizer: str, schedule: str) -> None:
    runs = [
        experiment(
            seed, "tanh", 13, 16, optimizer=optimizer, schedule=schedule, weight_decay=0.01, warmup=(0, 0, 2, 4)[seed]
        )
        for seed in range(4)
    ]
    for run, together in zip(runs, train(runs, dataset()), strict=True):
        assert_same(train([run], dataset())[0], together, run.train.warmup)


@pytest.mark.parametrize(("loss_scale", "optimizer"), share(itertools.product(["dynamic", 3000.0], OPTIMIZERS), 2))
def test_loss_scales_and_rounding_optimizers(loss_scale: object, optimizer: str) -> None:
    """Inputs that overflow at the first factors: a step that one run skips is taken by its neighbours."""
    for place, arithmetic in enumerate((None, "same")):
        own = {"name": optimizer} | ({} if optimizer in ("sgd", "momentum", "nesterov") else {"eps": 1e-3})
        dtype = {"storage": "float16", "loss_scale": loss_scale, "arithmetic": arithmetic}
        data = dataset()
        large = replace(data, train_inputs=data.train_inputs * np.linspace(1.0, 30.0, 20))
        check("relu", 13, 37, 4, 2, data=large, optimizer=own, dtype=dtype, steps=8, clip_norm=(None, 0.5)[place])


@pytest.mark.parametrize(
    ("threads", "dtype"),
    [
        (1, "bfloat16"),
        (2, "float16"),
        *(pytest.param(*one, marks=pytest.mark.slow) for one in ((1, "float16"), (2, "bfloat16"))),
    ],
)
def test_sixteen_bits(threads: int, dtype: str) -> None:
    """Products of a few runs that are as small as the library leaves to torch, which rounds them otherwise, and of many, which it makes."""
    few, many = [("relu", 16, 16, 2), ("tanh", 1, 37, 4), ("relu", 50, 1, 4)], [("prelu", 12, 12, 32)]
    some = [("tanh", 16, 16, 7), ("relu", 9, 5, 7), ("gelu", 20, 8, 4)]
    for activation, width, batch_size, num_runs in (*few, *some, *many):
        check(activation, width, batch_size, num_runs, threads, dtype=dtype, steps=12)


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_float64(loss: str, threads: int) -> None:
    """Two wide runs are what more than two threads would split."""
    for activation, width, num_runs in (("sigmoid", 100, 2), ("gelu", 50, 7), ("relu", 50, 7)):
        check(activation, width, 37, num_runs, threads, dtype="float64", loss=loss)


@pytest.mark.parametrize("activation", share(["sigmoid", "gelu", "prelu"], 2))
@pytest.mark.parametrize("depth", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_few_layers_with_large_batches(depth: int, activation: str) -> None:
    """One run has few rows of many elements there, which torch would split over threads."""
    for width, batch_size in ((100, 1024), (33, 1000)):
        check(activation, width, batch_size, 3, 2, samples=1100, depth=depth)


SMALL = [  # width, batch size, features: products with one column, and ones that two threads would split
    (1, 37, 1), (1, 64, 20), (3, 64, 5), (13, 2, 20), (13, 8, 20), (16, 64, 10), (19, 16, 4), (50, 3, 20), (100, 8, 2),
]  # fmt: skip


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy", "mse on one number"])
def test_small_products(loss: str, threads: int) -> None:
    for width, batch_size, features in SMALL:
        if loss == "cross_entropy":
            options, data = {}, dataset(90, features)
        elif loss == "binary_cross_entropy":
            options, data = {"loss": loss, "source": "moons"}, dataset(90, features, 2)
        else:
            classes = dataset(90, features)
            numbers = {"train_targets": classes.train_inputs[:, :1], "holdout_targets": classes.holdout_inputs[:, :1]}
            data = replace(classes, task="numbers", num_classes=None, class_names=(), **numbers)
            options = {"loss": "mse", "source": "diabetes"}
        check("tanh", width, batch_size, 3, threads, data=data, **options)


@pytest.mark.parametrize(
    ("activation", "width", "batch_size", "num_runs"),
    [("gelu", 100, 64, 1), ("sigmoid", 50, 37, 7), ("relu", 32, 64, 1), ("silu", 13, 64, 32), ("prelu", 100, 1024, 1)],
)
def test_numbers_stay_the_same_while_the_threads_change(
    activation: str, width: int, batch_size: int, num_runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other threads at each step, as where other work comes and goes."""

    class Changing(StepThreads):
        def begin(self) -> None:
            self._use_other()

        def end(self) -> None: ...

    counts = []
    monkeypatch.setattr(
        Threads, "of_steps", lambda self, shape, most: counts.append(most) or Changing(most, chooses=True)
    )
    runs = [experiment(2 * seed, activation, width, batch_size, steps=12) for seed in range(num_runs)]
    data = dataset(1100 if batch_size > 64 else 90)
    changing = engine.train(runs, data, num_threads=2)
    monkeypatch.undo()
    assert counts == [2]
    for one, other in zip(engine.train(runs, data, num_threads=1), changing, strict=True):
        assert_same(one, other, (activation, width, batch_size))


@pytest.mark.parametrize("options", [{}, {"clip_norm": 0.1}, {"optimizer": "adam", "weight_decay": 0.1}])
def test_no_number_depends_on_the_size_of_the_blocks(options: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of one layer, of three, and of all seven."""
    runs = [experiment(seed, "gelu", 13, 37, depth=7, **options) for seed in (0, 2)]
    whole = train(runs, dataset())
    for layers in (1, 3):
        monkeypatch.setattr(signals, "BLOCK_BYTES", layers * 2 * 37 * 13 * 4)
        for one, other in zip(whole, train(runs, dataset()), strict=True):
            assert_same(one, other, (options, layers))


@pytest.mark.parametrize("activation", ["elu", "selu", "relu", "prelu"])
def test_dead_units_beside_a_run_that_turns_nan(activation: str) -> None:
    """Looking for dead units at once in all runs must not be misled by the NaN of one."""
    dead, nan = (experiment(seed, activation, 13, 16).model_dump() for seed in (0, 1))
    dead["model"]["init"] = {"scheme": "he", "bias": -20.0}
    nan["model"]["init"] = {"scheme": "normal", "std": 1e25}
    runs = [Experiment.model_validate(each) for each in (dead, nan)]
    together = train(runs, dataset())
    assert_same(train(runs[:1], dataset())[0], together[0], activation)
    assert together[1].outcome.kind == "diverged"
    assert together[0].record is not None
    if activation != "prelu":
        assert (together[0].record.layers["dead_fraction"].values[0, :4] > 0).any()


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("activation", list(catalogue.ACTIVATIONS))
def test_the_whole_matrix(activation: str, threads: int) -> None:
    """Every width, batch size and number of runs, every position."""
    for width, batch_size, num_runs in itertools.product(WIDTHS, BATCH_SIZES, RUNS):
        check(activation, width, batch_size, num_runs, threads)
        check(activation, width, batch_size, num_runs, threads, dtype="float64")
