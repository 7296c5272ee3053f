"""On a GPU: nothing stops the device inside a step, memory does not grow, and the numbers are those of the CPU to float32's digits."""

import numpy as np
import pytest
import torch

from gradlab.config.experiment import Data, Experiment
from gradlab.config.quantities import JACOBIAN
from gradlab.datasets import load
from gradlab.training.engine import Batch, train
from tests.properties.test_pretend_device import CASES, assert_same_bytes

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]

DIGITS = load(Data())

# Products on a GPU sum in another order: float32 keeps 6 to 7 digits of each, and ten layers lose about one more.
TOLERANCE = 1e-4


def experiment(seed: int = 0, **train_options: object) -> Experiment:
    return Experiment.model_validate(
        {
            "seed": seed,
            "model": {"depth": 10, "width": 64, "activation": "tanh"},
            "train": {"steps": 20, **train_options},
            "record": {"quantities": "all"},
        }
    )


@pytest.mark.parametrize("case", CASES)
def test_no_step_stops_the_device(case: str) -> None:
    one = CASES[case].model_copy(update={"train": CASES[case].train.model_copy(update={"steps": 20})})
    runs = [one.model_copy(update={"seed": seed}) for seed in range(4)]
    batch = Batch(runs, load(one.data, one.train.loss), torch.device("cuda"))
    batch.load_block(0, 12)
    for step in range(2):  # libraries set themselves up
        batch.train_step(step)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for step in range(2, 12):
            batch.train_step(step)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_the_device_holds_no_more_after_many_steps() -> None:
    batch = Batch([experiment(steps=2000)], DIGITS, torch.device("cuda"))
    sizes: list[int] = []
    batch.train(lambda progress: sizes.append(torch.cuda.memory_allocated()))
    assert len(set(sizes[1:])) <= 1


def test_jacobians_are_taken_from_a_gpu() -> None:
    """From the phi' and the weights there, in float64 on the CPU: as far from the CPU's own as the phi' of the two are."""
    asked = {"quantities": list(JACOBIAN), "spectrum": [1]}
    one = Experiment.model_validate(experiment().model_dump() | {"record": asked})
    ours, theirs = (train([one], DIGITS, device)[0].record for device in ("cuda", "cpu"))
    assert ours is not None
    assert theirs is not None
    assert ours.spectrum is not None
    assert theirs.spectrum is not None
    for name in JACOBIAN:
        np.testing.assert_allclose(ours.layers[name].values[0], theirs.layers[name].values[0], atol=TOLERANCE)
    np.testing.assert_allclose(ours.spectrum.log10_s.values[0], theirs.spectrum.log10_s.values[0], atol=TOLERANCE)


def test_a_gpu_agrees_with_the_cpu() -> None:
    ours, theirs = (train([experiment()], DIGITS, device)[0].record for device in ("cuda", "cpu"))
    assert ours is not None
    assert theirs is not None
    for name in ("log10_grad_norm", "log10_backward_rms", "forward_rms", "weight_norm"):
        np.testing.assert_allclose(
            ours.layers[name].values[0], theirs.layers[name].values[0], rtol=TOLERANCE, atol=TOLERANCE
        )


@pytest.mark.parametrize("case", CASES)
def test_a_gpu_trains_the_same_again(case: str) -> None:
    one, data = CASES[case], load(CASES[case].data, CASES[case].train.loss)
    assert_same_bytes(train([one], data, "cuda"), train([one], data, "cuda"))


def test_held_out_figures_and_a_divergence_are_those_of_the_cpu() -> None:
    for options in ({}, {"lr": 1e30}):
        ours, theirs = (train([experiment(**options)], DIGITS, device)[0] for device in ("cuda", "cpu"))
        assert ours.outcome == theirs.outcome
        assert ours.record is not None
        assert theirs.record is not None
        for name in ("holdout_loss", "holdout_accuracy"):
            mine, other = (record.figures[name].values[:1] for record in (ours.record, theirs.record))
            np.testing.assert_allclose(
                mine, other, rtol=TOLERANCE, atol=0.01
            )  # an example on the edge may fall either way


def test_alone_and_together_agree_on_a_gpu() -> None:
    """There the bytes may differ: another size of product may be another kernel."""
    runs = [experiment(seed) for seed in range(7)]
    together = train(runs, DIGITS, "cuda")
    for run, result in zip(runs, together, strict=True):
        alone = train([run], DIGITS, "cuda")[0].record
        assert alone is not None
        assert result.record is not None
        ours, theirs = (record.layers["log10_backward_rms"].values[0] for record in (alone, result.record))
        np.testing.assert_allclose(ours, theirs, rtol=TOLERANCE, atol=TOLERANCE)
