"""The loop: which steps are recorded, how runs end, what an observer sees, and that nothing is read back where it must not be."""

import gc
import math

import numpy as np
import pytest
import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from gradlab.config.experiment import Data, Experiment
from gradlab.datasets import Dataset, load
from gradlab.datasets.order import Order
from gradlab.results.record import Progress
from gradlab.training.engine import Batch, train

CPU = torch.device("cpu")
DIGITS = load(Data())


def experiment(**parts: dict) -> Experiment:
    base = {
        "model": {"depth": 4, "width": 16, "activation": "tanh"},
        "data": {"batch_size": 32},
        "train": {"steps": 20},
        "record": {"quantities": "default"},
    }
    return Experiment.model_validate({**base, **{key: {**base.get(key, {}), **part} for key, part in parts.items()}})


@pytest.mark.parametrize(
    ("steps", "every", "expected"), [(1, 1, [0]), (5, 2, [0, 2, 4]), (6, 4, [0, 4, 5]), (4, 9, [0, 3])]
)
def test_every_kth_step_and_the_last_are_recorded(steps: int, every: int, expected: list[int]) -> None:
    record = train([experiment(train={"steps": steps}, record={"every": every})], DIGITS)[0].record
    assert record is not None
    assert record.steps.tolist() == expected


def test_runs_of_one_batch_warm_up_each_by_itself() -> None:
    parts = {"lr": 0.2, "steps": 8, "schedule": "cosine"}
    runs = [experiment(train={**parts, "warmup": warmup}, record={"every": 2}) for warmup in (0, 4, 8)]
    plain, some, all_of_it = (result.record for result in train(runs, DIGITS))
    assert plain is not None
    assert some is not None
    assert all_of_it is not None
    rates = plain.figures["learning_rate"].values
    steps = np.array([0, 2, 4, 6, 7])
    assert rates == pytest.approx(0.1 * (1.0 + np.cos(np.pi * steps / 8)), rel=1e-14)
    assert some.figures["learning_rate"].values == pytest.approx(rates * [0, 0.5, 1, 1, 1], rel=1e-15)
    assert all_of_it.figures["learning_rate"].values == pytest.approx(rates * steps / 8, rel=1e-15)
    assert np.isneginf(some.layers["log10_update_ratio"].values[0]).all()
    assert np.isfinite(plain.layers["log10_update_ratio"].values).all()
    # The first update of a warmup moves nothing.
    first = train([experiment(train={**parts, "warmup": 4})], DIGITS)[0].record
    assert first is not None
    assert np.array_equal(first.layers["weight_norm"].values[0], first.layers["weight_norm"].values[1])
    assert (first.layers["weight_norm"].values[1] != first.layers["weight_norm"].values[2]).all()


def test_what_is_recorded_does_not_change_the_training() -> None:
    losses = []
    for quantities in ("none", "gradients", "default", "all", ["mean_slope", "grad_norm"]):
        record = train([experiment(record={"quantities": quantities})], DIGITS)[0].record
        assert record is not None
        losses.append(record.figures["loss"].values)
    assert all(np.array_equal(losses[0], other) for other in losses[1:])


@pytest.mark.parametrize("quantities", ["none", "default"])
def test_a_signal_that_does_not_drift_keeps_its_intervals(quantities: str) -> None:
    batch = Batch([experiment(train={"steps": 600}, record={"quantities": quantities})], DIGITS, CPU)
    batch.train()
    assert batch.rescaler.intervals == (16,)


def test_epochs_are_counted_in_batches() -> None:
    one = experiment(train={"steps": None, "epochs": 1.5})
    assert Batch([one], DIGITS, CPU).num_steps == math.ceil(1.5 * len(DIGITS.train_inputs) / 32)


def test_batches_are_the_examples_in_the_order_of_the_run_s_seed() -> None:
    batch = Batch([experiment(), experiment().model_copy(update={"seed": 1})], DIGITS, CPU)
    batch.feed.load_block(3)
    orders = [Order(seed, len(DIGITS.train_inputs)) for seed in (0, 1)]
    for place in range(3):
        batch.feed.batch(torch.tensor([place]), batch.network.inputs_RBD)
        for run, order in enumerate(orders):
            rows = DIGITS.train_inputs[order.take(32)].astype(np.float32)
            assert np.array_equal(batch.network.inputs_RBD[run].numpy(), rows)


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_holdout_is_the_whole_held_out_part(loss: str) -> None:
    """Against one pass over all held-out rows at once; the last batch there is short."""
    one = experiment(train={"steps": 1, "dtype": "float64", "loss": loss})
    batch = Batch([one], DIGITS, CPU)
    p = batch.network.parameters
    h = torch.from_numpy(DIGITS.holdout_inputs)
    for weight, bias in zip(batch.network._weights, p.bias_LR1N, strict=True):
        h = torch.tanh(h @ weight[0] + bias[0])
    logits = h @ p.readout_RNC[0] + p.readout_bias_R1C[0]
    targets = torch.from_numpy(DIGITS.holdout_targets)
    assert len(targets) % 32 != 0
    if loss == "mse":
        want = functional.mse_loss(logits, functional.one_hot(targets, 10).double())
    else:
        want = functional.cross_entropy(logits, targets)
    record = batch.train()[0].record
    assert record is not None
    assert record.figures["holdout_loss"].values[0] == pytest.approx(want.item(), rel=1e-12)
    assert record.figures["holdout_accuracy"].values[0] == (logits.argmax(1) == targets).double().mean().item()


def test_held_out_figures_are_taken_at_the_first_and_last_step_only() -> None:
    record = train([experiment()], DIGITS)[0].record
    assert record is not None
    assert record.figures["holdout_loss"].present.tolist() == [True] + [False] * 18 + [True]


def test_learning_lowers_the_loss() -> None:
    record = train([experiment(train={"steps": 300, "optimizer": "adam", "lr": 0.003})], DIGITS)[0].record
    assert record is not None
    assert record.figures["holdout_accuracy"].values[-1] > 0.9


@pytest.mark.parametrize("quantities", ["none", "gradients", "default", "all"])
def test_divergence_is_found_in_every_group(quantities: str) -> None:
    """One huge update, then products that overflow: the same step and layer whatever is recorded."""
    one = experiment(
        train={"lr": 1e30, "steps": 200}, model={"activation": "relu", "init": "he"}, record={"quantities": quantities}
    )
    result = train([one], DIGITS)[0]
    assert result.outcome.kind == "diverged"
    assert result.outcome.step == 1
    assert result.outcome.layer == 2  # layer 1 is huge but finite; its products with huge weights are not
    assert result.record is not None
    assert result.record.steps.tolist() == [0, 1]
    assert not np.isfinite(result.record.figures["loss"].values[-1])


def test_a_gradient_that_overflows_float16_is_found_in_its_own_step() -> None:
    """Inputs near the top of float16: the logits are finite, the first layer's gradient is not."""
    rng = np.random.default_rng(0)
    inputs, targets = 3e4 * rng.standard_normal((64, 8)).clip(-2, 2), rng.standard_normal((64, 1))
    data = Dataset(inputs, 1e4 * targets, inputs[:0], targets[:0], "numbers", None, (), tuple("abcdefgh"))
    one = Experiment.model_validate(
        {
            "model": {
                "depth": 2, "width": 8, "activation": "identity", "init": {"scheme": "normal", "std": 0.01},
                "readout_init": {"scheme": "normal", "std": 50.0},
            },
            "data": {"batch_size": 64, "source": "diabetes"},
            "train": {"dtype": "float16", "steps": 3, "lr": 1e-6},
        }
    )  # fmt: skip
    outcome = train([one], data)[0].outcome
    assert (outcome.kind, outcome.step) == ("diverged", 0)


def test_training_stops_when_every_run_has_diverged() -> None:
    one = experiment(train={"lr": 1e30, "steps": 100_000}, model={"activation": "relu", "init": "he"})
    seen: list[Progress] = []
    train([one], DIGITS, observer=seen.append)
    assert not seen or seen[-1].step < 1000


def test_an_interrupted_run_keeps_the_beginning_of_the_whole_one() -> None:
    one = experiment(train={"steps": 1000})
    whole = train([one], DIGITS)[0].record

    def stop(progress: Progress) -> None:
        raise KeyboardInterrupt

    cut = train([one], DIGITS, observer=stop)[0]
    assert cut.outcome.kind == "interrupted"
    assert cut.record is not None
    assert whole is not None
    count = len(cut.record.steps)
    assert 0 < count < 1000
    assert cut.outcome.step == count
    for name, column in cut.record.layers.items():
        assert column.values.tobytes() == np.ascontiguousarray(whole.layers[name].values[:count]).tobytes(), name


def test_progress_tells_loss_speed_and_profile() -> None:
    seen: list[Progress] = []
    train([experiment(train={"steps": 50})], DIGITS, observer=seen.append)
    last = seen[-1]
    assert (last.step, last.num_steps) == (50, 50)
    assert last.log10_backward_rms is not None
    assert last.log10_backward_rms.shape == (5,)
    assert np.isfinite(last.loss).all()
    assert last.steps_per_second > 0


def test_experiments_of_two_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="2 batch keys"):
        train([experiment(), experiment(model={"width": 8})], DIGITS)


def test_nothing_but_the_record_grows() -> None:
    """The bytes of all live tensors are the same at every look; the record on the host grows by what is stated."""
    sizes: list[int] = []

    def look(progress: Progress) -> None:
        if progress.step < 100 * len(sizes):  # to look at all that lives takes long
            return
        storages = {
            t.untyped_storage().data_ptr(): t.untyped_storage().nbytes()
            for t in gc.get_objects()
            if type(t) is torch.Tensor
        }
        sizes.append(sum(storages.values()))

    batch = Batch([experiment(train={"steps": 1500})], DIGITS, CPU)
    timing = batch.train(look)[0].timing
    assert len(sizes) >= 3
    assert len(set(sizes[1:])) == 1
    kept = [value for block in batch._blocks for value in vars(block).values()]
    arrays = [array for value in kept for array in (value.values() if isinstance(value, dict) else [value])]
    assert sum(array.nbytes for array in arrays) == 1500 * timing.record_bytes_per_step


class NothingReadBack(TorchDispatchMode):
    """Fails on every operation that hands a value of a tensor to the host, as each would stop a GPU."""

    FORBIDDEN = ("_local_scalar_dense", "nonzero", "is_nonzero", "equal.default", "masked_select", "unique")

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        assert not any(name in str(func) for name in self.FORBIDDEN), f"{func} reads a value back"
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("activation", ["sigmoid", "relu", "prelu", "gelu", "step"])
@pytest.mark.parametrize(
    "options", [{}, {"clip_norm": 0.1, "optimizer": "adamw", "weight_decay": 0.1, "schedule": "cosine"}]
)
def test_a_step_reads_nothing_back_where_it_must_not(activation: str, options: dict) -> None:
    """The loop as a GPU runs it (nothing read back), recording included: not one operation in it returns a value to the host."""
    one = experiment(model={"activation": activation}, record={"quantities": "all"}, train=options)
    batch = Batch([one], DIGITS, CPU, may_read_back=False)
    batch.load_block(0, 4)
    with NothingReadBack():
        for step in range(4):
            batch.train_step(step)


def test_looking_and_not_looking_record_the_same() -> None:
    """The two ways to measure agree to float32's rounding of sums."""
    one = experiment(record={"quantities": "all"})
    ours, theirs = (
        Batch([one], DIGITS, CPU, may_read_back=may_read_back).train()[0].record for may_read_back in (True, False)
    )
    assert ours is not None
    assert theirs is not None
    for name, column in ours.layers.items():
        np.testing.assert_allclose(column.values, theirs.layers[name].values, rtol=1e-4, atol=1e-5, err_msg=name)


def test_looking_and_not_looking_find_the_same_divergence() -> None:
    one = experiment(train={"lr": 1e30}, model={"activation": "relu", "init": "he"})
    ours, theirs = (
        Batch([one], DIGITS, CPU, may_read_back=may_read_back).train()[0].outcome for may_read_back in (True, False)
    )
    assert ours == theirs
    assert ours.kind == "diverged"
