"""Convolutional networks: a run alone and in a batch of 7 or 32 give equal bytes, beside one that diverges, at one thread and two."""

import itertools
import random
from typing import Any

import pytest
import torch
from test_batch_independence import assert_alone_as_together, assert_same, dataset, train

from gradlab.config.experiment import Experiment

pytestmark = pytest.mark.threads

NORMS: list[dict[str, Any] | None] = [None] + [
    {"kind": kind, "position": position, "affine": affine}
    for kind, (position, affine) in itertools.product(
        ("batch", "layer", "rms"), (("before", True), ("after", True), ("before", False))
    )
]
RESIDUALS: list[dict[str, Any] | None] = [
    None,
    {"position": "pre", "layers": 1, "learned": True},
    {"position": "pre", "layers": 2, "learned": False},
    {"position": "post", "layers": 2, "learned": True},
]
FORMS = [
    (norm, residual)
    for norm, residual in itertools.product(NORMS, RESIDUALS)
    if not (norm and residual and norm["position"] == "after" and residual["position"] == "post")
]
WAYS = [
    {"padding": padding, "kernel": kernel, "pool": pool}
    for kernel, padding, pool in itertools.product((3, 5, 1), ("circular", "zeros"), ("mean", "flatten"))
]
IMAGES = ([1, 6, 5], [3, 5, 8], [2, 5, 5])
ACTIVATIONS = ("tanh", "relu", "prelu", "gelu", "sigmoid", "selu", "softplus", "silu", "mish")
TRAINING: tuple[dict[str, Any], ...] = (
    {},
    {"optimizer": "adam", "weight_decay": 0.01},
    {"clip_norm": 0.5},
    {"dtype": "float64"},
    {"dtype": "bfloat16"},
    {"dtype": {"storage": "float16", "loss_scale": "dynamic"}},
)


def check(place: int, threads: int, num_runs: int) -> None:
    """One of the many cases, the same at every call: runs differ in seed, scale, factor of the branches and learning rate."""
    draw = random.Random(place)
    norm, residual = FORMS[place % len(FORMS)]
    image, width, batch_size = draw.choice(IMAGES), draw.choice((1, 5, 16, 20)), draw.choice((2, 5, 12, 16))
    model = {"kind": "conv", "depth": 4, "width": width, "activation": draw.choice(ACTIVATIONS), **draw.choice(WAYS)}
    training = draw.choice(TRAINING)

    def experiment(seed: int) -> Experiment:
        scale = {"scale": (1.0, 0.5, 0.0, "1/sqrt(depth)")[seed % 4]}
        init = "delta_orthogonal" if seed % 7 == 4 else {"sigma_w": 1.0 + 0.1 * (seed % 5), "sigma_b": 0.1}
        return Experiment.model_validate(
            {
                "seed": seed,
                "model": {
                    **model, "norm": norm, "residual": None if residual is None else residual | scale, "init": init,
                },
                "data": {"source": "file", "path": "images.npz", "target": "y", "batch_size": batch_size, "image": image},
                "train": {"steps": 3, "lr": 1e30 if seed == 1 else 0.01 * (1 + seed % 3), **training},
                "record": {"quantities": ["all", "gradient_correlation"]},
            }
        )  # fmt: skip

    runs, data = [experiment(seed) for seed in range(num_runs)], dataset(features=image[0] * image[1] * image[2])
    assert_alone_as_together(runs, data, (place, norm, residual, image, batch_size, model, training))


def test_alone_and_together_give_equal_bytes(threads: int) -> None:
    """A fifth of the forms with each number of threads; batches of 7 and now and then of 32. All of them are `proofs`."""
    for place in range(threads - 1, len(FORMS), 5):
        check(place, threads, 32 if place % 8 == 0 else 7)


def test_one_thread_and_two_give_equal_bytes() -> None:
    """A convolution's sums would be split over threads, so such a network has one, however many there are."""
    before = torch.get_num_threads()
    one = {"kind": "conv", "depth": 3, "width": 16, "activation": "gelu"}
    for train_fields in ({}, {"dtype": "float64"}):
        runs = [
            Experiment.model_validate(
                {"seed": seed, "model": one, "data": {"batch_size": 32}, "train": {"steps": 3, **train_fields}}
            )
            for seed in range(2)
        ]
        made = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            try:
                made.append(train(runs, dataset(features=64)))
            finally:
                torch.set_num_threads(before)
        for ours, theirs in zip(*made, strict=True):
            assert_same(ours, theirs, train_fields)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(12))
def test_many_more(part: int, threads: int) -> None:
    for place in range(1000 + part, 1000 + 12 * len(FORMS), 12):
        check(place, threads, (2, 7, 32)[place % 3])
