"""What an observer may look back at is what the record will hold."""

import pickle

import numpy as np
import pytest
import torch

from gradlab.config.experiment import Data, Experiment
from gradlab.datasets import load
from gradlab.results.record import Progress, Recent, Trained
from gradlab.training import loop
from gradlab.training.engine import Batch, train

DIGITS = load(Data())


def experiment(
    quantities: object = "default", every: int = 1, lr: float = 0.1, seed: int = 0, steps: int = 200
) -> Experiment:
    """A small deep network; 68 of its steps are a block."""
    return Experiment.model_validate(
        {
            "model": {"depth": 60, "width": 8, "activation": "relu", "init": "he"},
            "data": {"batch_size": 16},
            "train": {"steps": steps, "lr": lr},
            "record": {"quantities": quantities, "every": every},
            "seed": seed,
        }
    )


def looks(
    experiments: list[Experiment], after: int = -1, most: int = 10**6
) -> tuple[list[tuple[Progress, Recent]], list[Trained]]:
    """What each look back gave, and the trained runs."""
    seen: list[tuple[Progress, Recent]] = []

    def look(progress: Progress) -> None:
        assert progress.recorded_so_far is not None
        seen.append((progress, progress.recorded_so_far(after, most)))

    return seen, train(experiments, DIGITS, observer=look)


def test_it_is_what_the_record_will_hold_bit_for_bit() -> None:
    seen, (trained, other) = looks([experiment(), experiment(seed=1)])
    _, recent = seen[-1]
    record = trained.record
    assert record is not None
    assert other.record is not None
    assert recent.quantity == "log10_backward_rms"
    assert np.array_equal(recent.steps, record.steps)
    assert recent.layers.tobytes() == record.layers["log10_backward_rms"].values.tobytes()
    assert np.array_equal(recent.loss[:, 0], record.figures["loss"].values)
    assert np.array_equal(recent.loss[:, 1], other.record.figures["loss"].values)


def test_each_look_goes_as_far_as_training_has_come() -> None:
    for progress, recent in looks([experiment()])[0]:
        assert recent.steps[-1] == progress.step - 1
        assert progress.log10_backward_rms is not None
        assert np.array_equal(recent.layers[-1], progress.log10_backward_rms)


def test_it_is_thinned_evenly_and_holds_the_latest_step() -> None:
    whole: list[Recent] = []
    thinned: dict[tuple[int, int], Recent] = {}

    def look(progress: Progress) -> None:
        if progress.step == progress.num_steps:
            assert progress.recorded_so_far is not None
            whole.append(progress.recorded_so_far(-1, 1000))
            for after in (-1, 0, 67, 68, 150, 198, 199, 500):
                for most in (1, 2, 7, 1000):
                    thinned[after, most] = progress.recorded_so_far(after, most)

    train([experiment()], DIGITS, observer=look)
    assert len(thinned) == 32
    for (after, most), recent in thinned.items():
        new = max(0, 199 - after)
        assert len(recent.steps) == min(new, most), (after, most)
        if new:
            assert recent.steps[-1] == 199
            assert recent.steps[0] > after
            gaps = np.diff(recent.steps)
            assert gaps.size == 0 or gaps.max() - gaps.min() <= 1
            assert np.array_equal(recent.layers, whole[0].layers[recent.steps])
            assert np.array_equal(recent.loss, whole[0].loss[recent.steps])


def test_steps_between_two_recorded_ones_are_no_gap() -> None:
    recent = looks([experiment(every=7)])[0][-1][1]
    assert recent.steps.tolist() == [*range(0, 200, 7), 199]


@pytest.mark.parametrize(
    ("quantities", "quantity", "width"),
    [("none", None, 0), (["log10_grad_norm"], "log10_grad_norm", 61), (["weight_norm"], None, 0)],
)
def test_what_is_not_recorded_is_not_shown(quantities: object, quantity: str | None, width: int) -> None:
    recent = looks([experiment(quantities, steps=5)])[0][-1][1]
    assert recent.quantity == quantity
    assert recent.layers.shape == (5, width)
    assert np.isfinite(recent.loss).all()


def test_a_diverged_run_shows_it() -> None:
    seen, _ = looks([experiment(lr=1e30, steps=80)])
    assert not np.isfinite(seen[-1][1].loss).all()


def test_nothing_is_held_when_training_is_over_and_nothing_is_sent_elsewhere() -> None:
    (progress, _), *_ = looks([experiment(steps=5)])[0]
    assert progress.recorded_so_far is not None
    assert len(progress.recorded_so_far(-1, 10).steps) == 0
    sent = pickle.loads(pickle.dumps(progress))
    assert sent.recorded_so_far is None
    assert sent.step == progress.step


def test_on_a_cpu_one_need_not_wait_for_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where steps take long there is something to see long before a block is full, and it is what the record will hold."""
    monkeypatch.setattr(loop, "OBSERVED_EVERY", 0.0)
    monkeypatch.setattr(loop, "OBSERVED_IN_BLOCK", 0.0)
    seen, (trained, *_) = looks([experiment(steps=80), experiment(steps=80, seed=1)])
    assert [progress.step for progress, _ in seen] == list(range(1, 81))
    record = trained.record
    assert record is not None
    for progress, recent in seen:
        assert np.array_equal(recent.steps, np.arange(progress.step))
        assert recent.layers.tobytes() == record.layers["log10_backward_rms"].values[: progress.step].tobytes()
        assert np.array_equal(progress.loss[0], record.figures["loss"].values[progress.step - 1])


def test_where_reading_would_stop_a_gpu_one_waits_for_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "OBSERVED_EVERY", 0.0)
    monkeypatch.setattr(loop, "OBSERVED_IN_BLOCK", 0.0)
    seen: list[int] = []
    Batch([experiment(steps=80)], DIGITS, torch.device("cpu"), may_read_back=False).train(
        lambda told: seen.append(told.step)
    )
    assert seen == [68, 80]
