"""The Jacobian of a run is the same bytes alone and in a batch, and nobody who does not ask for it is touched by it."""

import numpy as np
import pytest
import torch

from gradlab.config.experiment import Data, Experiment
from gradlab.config.quantities import JACOBIAN
from gradlab.datasets import load
from gradlab.results.record import Record
from gradlab.training.engine import train

pytestmark = pytest.mark.threads

DIGITS = load(Data())
ASKED = {"quantities": ["default", *JACOBIAN], "spectrum": [1, 3], "jacobian_steps": [2]}


def experiment(
    seed: int, activation: str, record: dict, width: int = 37, depth: int = 5, **train_options: object
) -> Experiment:
    return Experiment.model_validate(
        {
            "seed": seed,
            "model": {"depth": depth, "width": width, "activation": activation, "init": {"sigma_w": 1.2 + 0.2 * seed, "sigma_b": 0.1}},
            "data": {"batch_size": 16},
            "train": {"steps": 4, "lr": 1e30 if seed == 1 else 0.05} | train_options,
            "record": record,
        }
    )  # fmt: skip


def recorded(*runs: Experiment) -> list[Record]:
    records = [trained.record for trained in train(runs, DIGITS, num_threads=torch.get_num_threads())]
    assert all(record is not None for record in records)
    return [record for record in records if record is not None]


def assert_same_jacobians(one: Record, other: Record) -> None:
    for name in JACOBIAN:
        assert one.layers[name].values.tobytes() == other.layers[name].values.tobytes(), name
        assert np.array_equal(one.layers[name].present, other.layers[name].present), name
    assert one.spectrum is not None
    assert other.spectrum is not None
    assert one.spectrum.steps.tolist() == other.spectrum.steps.tolist()
    assert one.spectrum.log10_s.values.tobytes() == other.spectrum.log10_s.values.tobytes()
    assert np.array_equal(one.spectrum.log10_s.present, other.spectrum.log10_s.present)


@pytest.mark.parametrize(
    ("activation", "threads"), [("sigmoid", 2), ("relu", 1), ("relu", 2), ("prelu", 1), ("gelu", 1), ("step", 1)]
)
def test_alone_and_together_give_equal_bytes(activation: str, threads: int) -> None:
    """At every place of a batch of three, one of which diverges at once."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        runs = [experiment(seed, activation, ASKED) for seed in range(3)]
        for run, together in zip(runs, recorded(*runs), strict=True):
            assert_same_jacobians(recorded(run)[0], together)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
@pytest.mark.parametrize("width", [2, 3, 64])
def test_in_every_number_format(dtype: str, width: int) -> None:
    runs = [experiment(seed, "tanh", ASKED, width, dtype=dtype) for seed in (0, 2, 3)]
    for run, together in zip(runs, recorded(*runs), strict=True):
        assert_same_jacobians(recorded(run)[0], together)
        assert together.layers["jacobian_log10_s_max"].present[[0, 2, 3], :4].all()


def test_all_other_columns_are_the_same_bytes() -> None:
    for options in ({}, {"clip_norm": 0.1}, {"optimizer": "adam"}):
        plain, asked = (
            recorded(experiment(2, "tanh", record, **options))[0] for record in ({"quantities": "default"}, ASKED)
        )
        assert list(asked.layers) == [*plain.layers, *JACOBIAN]
        for kind in ("layers", "figures"):
            ours, theirs = getattr(asked, kind), getattr(plain, kind)
            for name in theirs:
                assert ours[name].values.tobytes() == theirs[name].values.tobytes(), name


def test_a_run_that_diverges_has_its_jacobians_up_to_there() -> None:
    """Weights that are NaN give a NaN, not an error; steps after the first one that is not finite are not there."""
    broken = experiment(1, "relu", ASKED)
    record = recorded(broken)[0]
    assert record.steps.tolist()[-1] < 3
    assert record.spectrum is not None
    assert set(record.spectrum.steps.tolist()) <= set(record.steps.tolist())
    assert np.isfinite(record.layers["jacobian_log10_s_max"].values[0, :4]).all()
    huge = experiment(0, "relu", ASKED).model_dump()
    huge["model"]["init"] = {"scheme": "normal", "std": 1e25}
    record = recorded(Experiment.model_validate(huge))[0]
    top = record.layers["jacobian_log10_s_max"]
    assert top.present[0, :4].all()
    assert np.isnan(top.values[0, 0])


def test_no_more_is_taken_than_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """One example, one layer of the spectrum and no column: of six factors only the two above that layer are multiplied."""
    from gradlab.training.record import graded_product as graded

    calls: list[tuple[int, ...]] = []
    original = graded.extended

    def counted(product, slope_EN, weight_NN):
        calls.append(slope_EN.shape)
        return original(product, slope_EN, weight_NN)

    monkeypatch.setattr(graded, "extended", counted)
    record = {"quantities": "default", "spectrum": 5, "jacobian_examples": 1}
    recorded(experiment(0, "tanh", record, depth=7))
    assert calls == [(1, 37)] * 2 * 2
    calls.clear()
    recorded(experiment(0, "tanh", {"quantities": "all"}, depth=7))
    assert calls == []


def test_the_exponent_does_not_matter() -> None:
    """Rescaling belongs to the backward pass, and the Jacobian is taken before it."""
    one = experiment(0, "sigmoid", ASKED, depth=60)
    ours, theirs = (train([one], DIGITS, rescale=rescale)[0].record for rescale in (True, False))
    assert ours is not None
    assert theirs is not None
    assert (
        ours.layers["jacobian_log10_s_max"].values[0].tobytes()
        == theirs.layers["jacobian_log10_s_max"].values[0].tobytes()
    )
    assert ours.layers["jacobian_log10_s_max"].values[0, 0] < -30
