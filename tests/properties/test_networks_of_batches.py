"""Networks with normalisation and skip connections: a run alone and in a batch of 7 or 32 give equal bytes, beside one that diverges."""

import itertools
import random
from typing import Any

import pytest
from test_batch_independence import assert_alone_as_together, dataset

from gradlab.config.experiment import Experiment

pytestmark = pytest.mark.threads

NORMS: list[dict[str, Any] | None] = [None] + [
    {"kind": kind, "position": position, "affine": affine}
    for kind, position, affine in itertools.product(("batch", "layer", "rms"), ("before", "after"), (True, False))
]
RESIDUALS: list[dict[str, Any] | None] = [None] + [
    {"position": position, "layers": layers, "learned": learned}
    for position, layers, learned in itertools.product(("pre", "post"), (1, 2), (False, True))
]
FORMS = [
    (norm, residual)
    for norm, residual in itertools.product(NORMS, RESIDUALS)
    if (norm or residual) and not (norm and residual and norm["position"] == "after" and residual["position"] == "post")
]
ACTIVATIONS = ("tanh", "relu", "prelu", "gelu", "sigmoid", "selu", "softplus", "silu", "mish")
TRAINING: tuple[dict[str, Any], ...] = (
    {},
    {"optimizer": "adam", "weight_decay": 0.01},
    {"clip_norm": 0.5},
    {"dtype": "float64"},
    {"dtype": "bfloat16"},
    {"dtype": {"storage": "float16", "loss_scale": "dynamic"}},
)


def experiment(
    seed: int, norm: dict | None, residual: dict | None, width: int, batch_size: int, fields: dict
) -> Experiment:
    """Runs differ in seed, scale of the weights, factor of the branches and learning rate; run 1 diverges within two steps."""
    activation, training = fields["activation"], fields["training"]
    scale = {"scale": (1.0, 0.5, 0.0, "1/sqrt(depth)")[seed % 4]}
    return Experiment.model_validate(
        {
            "seed": seed,
            "model": {
                "depth": 5, "width": width, "activation": activation, "norm": norm,
                "residual": None if residual is None else residual | scale,
                "init": {"sigma_w": 1.0 + 0.1 * (seed % 5), "sigma_b": 0.1},
            },
            "data": {"batch_size": batch_size},
            "train": {"steps": 4, "lr": 1e30 if seed == 1 else 0.01 * (1 + seed % 3), **training},
            "record": {"quantities": ["all", "gradient_correlation"]},
        }
    )  # fmt: skip


def check(place: int, threads: int, num_runs: int) -> None:
    """One of the many cases, the same at every call."""
    draw = random.Random(place)
    norm, residual = FORMS[place % len(FORMS)]
    width, batch_size = draw.choice((1, 7, 13, 50, 100)), draw.choice((2, 5, 37, 64))
    fields = {"activation": draw.choice(ACTIVATIONS), "training": draw.choice(TRAINING)}
    runs = [experiment(seed, norm, residual, width, batch_size, fields) for seed in range(num_runs)]
    assert_alone_as_together(runs, dataset(), (norm, residual, width, batch_size, fields, threads))


def test_alone_and_together_give_equal_bytes(threads: int) -> None:
    """A tenth of the forms with each number of threads; batches of 7, and one of 32. All of them are `proofs`."""
    for place in range(3 * threads, len(FORMS), 10):
        check(place, threads, 32 if place == 3 * threads else 7)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(12))
def test_many_more(part: int, threads: int) -> None:
    for place in range(1000 + part, 1000 + 12 * len(FORMS), 12):
        check(place, threads, (2, 7, 32)[place % 3])
