"""What theory forbids: nothing of what a start as declared can give, and what another start gives.

Networks are drawn and measured at step 0 by gradlab's own engine. The first half of the tests asks for no finding at
all: activations, initialisations, depths, widths, batches, data and number formats far from the ones that theory likes.
Seeds are fixed, so a pass stays a pass.
"""

import itertools
import re
from collections.abc import Sequence
from typing import Any

import pytest
from made.shares import share

from gradlab.config import catalogue
from gradlab.config.experiment import Experiment
from gradlab.datasets import load
from gradlab.execution.rejudge import judged
from gradlab.results.finding import Finding
from gradlab.results.record import Trained
from gradlab.training.engine import train

ACTIVATIONS = [name for name in catalogue.ACTIVATIONS if name != "step"]

INITS: list[Any] = [
    "xavier", "he", "lecun", "pytorch", "orthogonal", "critical", {"scheme": "xavier", "distribution": "uniform"},
    {"scheme": "he", "gain": 1.5}, {"sigma_w": 2.0, "sigma_b": 0.2236}, {"scheme": "xavier", "bias": 0.3},
    {"scheme": "he", "distribution": "truncated"},
]  # fmt: skip

UNSTANDARDISED = [{"source": name, "standardize": False} for name in ("breast_cancer", "wine", "diabetes", "digits")]


def first_step(
    depth: int,
    width: int,
    activation: str,
    inits: Sequence[Any],
    seeds: int = 1,
    data: Any = None,
    dtype: str = "float32",
) -> list[Trained]:
    """Runs of one shape and one step; a start that the activation has none of is left out."""
    if activation == "softplus":
        inits = [init for init in inits if init != "critical"]
    experiments = [
        Experiment.model_validate(
            {
                "seed": seed,
                "model": {"depth": depth, "width": width, "activation": activation, "init": init},
                "data": data or {},
                "train": {"steps": 1, "dtype": dtype},
            }
        )
        for init, seed in itertools.product(inits, range(seeds))
    ]
    return train(experiments, load(experiments[0].data))


def findings(runs: Sequence[Trained]) -> list[tuple[str, Finding]]:
    """What theory forbids of them."""
    return [
        (f"{run.experiment.model} seed {run.experiment.seed}", finding)
        for run in runs
        for finding in judged(run.experiment, run.record, run.outcome).findings
        if finding.rule == "theory"
    ]


@pytest.mark.parametrize("activation", share(ACTIVATIONS, 2))
def test_no_start_as_declared_is_forbidden(activation: str) -> None:
    assert findings(first_step(20, 32, activation, INITS[:6])) == []


@pytest.mark.parametrize(
    ("width", "batch_size", "activation"),
    share(
        [
            (*sizes, activation)
            for sizes in ((64, 1), (64, 1024), (4, 64), (16, 64))
            for activation in ("tanh", "relu", "gelu")
        ],
        2,
    ),
)
def test_nor_with_few_or_many_units_and_examples(width: int, batch_size: int, activation: str) -> None:
    assert findings(first_step(20, width, activation, ["xavier", "he"], data={"batch_size": batch_size})) == []


@pytest.mark.parametrize("data", UNSTANDARDISED, ids=lambda data: data["source"])
def test_nor_with_inputs_of_any_scale(data: Any) -> None:
    for activation in ("sigmoid", "gelu"):
        assert findings(first_step(20, 64, activation, ["he", {"sigma_w": 2.0}], data=data)) == []


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_nor_in_another_number_format(dtype: str) -> None:
    for activation in ("tanh", "relu"):
        assert findings(first_step(20, 32, activation, ["xavier", "he", "pytorch"], dtype=dtype)) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("depth", "width", "batch_size"),
    [(2, 512, 64), (60, 16, 64), (30, 64, 1), (30, 64, 4), (50, 32, 64), (50, 128, 64), (200, 32, 64), (200, 100, 64)],
)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_nor_of_deep_ones_in_which_seeds_fall_into_two_heaps(
    activation: str, depth: int, width: int, batch_size: int
) -> None:
    """silu, gelu and mish under He are decided by a little noise or one large example from depth 50 on."""
    assert findings(first_step(depth, width, activation, INITS, seeds=3, data={"batch_size": batch_size})) == []


@pytest.mark.parametrize("gain", [0.9, 1.1, 1.5])
@pytest.mark.parametrize(("activation", "init"), [("relu", "he"), ("tanh", "xavier"), ("sigmoid", "orthogonal")])
def test_weights_of_another_gain_than_declared_are_found(activation: str, init: str, gain: float) -> None:
    (run,) = first_step(20, 64, activation, [{"scheme": init, "gain": gain}])
    declared = run.experiment.model_copy(
        update={"model": run.experiment.model.model_copy(update={"init": run.experiment.model.init.model_copy(update={"gain": 1.0})})}
    )  # fmt: skip
    ((_, finding),) = findings([Trained(declared, run.record, run.outcome, run.timing)])
    assert finding.severity == "warning"
    assert re.search(rf"layers 1 to 20 have weights {gain:g}\d? times as large as model.init says", finding.message)
    told = re.fullmatch(r".* set model.init.gain to ([\d.]+)", finding.remedy)
    assert told is not None
    assert float(told[1]) == pytest.approx(gain, rel=0.01)


def test_signals_that_the_number_format_cannot_hold_are_found() -> None:
    """Under leaky_relu the preactivations of layer 50 would be 10^-71; float32 makes them zero, and its slope there is
    the small one.
    """
    start = {"scheme": "normal", "std": 0.01}
    ((_, finding),) = findings(first_step(50, 32, "leaky_relu", [start]))
    assert "come down to the smallest normal number of float32, 1.2e-38" in finding.message
    assert finding.remedy == "set train.dtype to float64, or start larger (init: he or critical)"
    assert finding.value < finding.limit < 0
    assert findings(first_step(50, 32, "leaky_relu", [start], dtype="float64")) == []
