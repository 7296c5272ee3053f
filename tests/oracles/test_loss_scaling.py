"""Loss scaling against plain PyTorch: autograd on 16-bit parameters, the loss times the scale, the scale taken out of the gradients.

The scale's course is that of `torch._amp_update_scale_`, which torch.amp.GradScaler calls.
"""

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from gradlab.config.experiment import Experiment
from gradlab.datasets import Dataset, load
from gradlab.judgement.verdict import judge
from gradlab.network.place import Place
from gradlab.training import loss_scale
from gradlab.training.engine import Batch, train

FORMATS = {"float16": torch.float16, "bfloat16": torch.bfloat16}
DEPTH = 3


def experiment(dtype: dict[str, Any], standardize: bool = True, seed: int = 0, **options: Any) -> Experiment:
    return Experiment.model_validate(
        {
            "seed": seed,
            "model": {"depth": DEPTH, "width": 32, "activation": "tanh" if standardize else "relu", "init": "lecun"},
            "data": {"standardize": standardize, "batch_size": 32},
            "train": {"steps": 30, "dtype": dtype, **options},
        }
    )


class Plain:
    """The same network and batches in plain PyTorch; after `step`, what a run records of it.

    Attributes:
        scale: float32, one number.
        log10_norms: log10 of the l2 norm of each layer's unscaled weight gradient.
    """

    def __init__(self, one: Experiment, dataset: Dataset) -> None:
        batch = Batch([one], dataset, torch.device("cpu"))
        assert one.train.steps is not None
        batch.feed.load_block(one.train.steps)
        self.feed, self.one, own = batch.feed, one, batch.network.parameters
        weights = [own.first_RDN[0], *own.inner_KRNN[:, 0], own.readout_RNC[0]]
        biases = [*own.bias_LR1N[:, 0, 0], own.readout_bias_R1C[0, 0]]
        self.parameters = [each.detach().clone().requires_grad_() for each in (*weights, *biases)]
        self.master = [each.detach().float() for each in self.parameters]
        self.optimizer = self._optimizer()
        given = one.train.dtype.loss_scale
        self.dynamic = given == "dynamic"
        self.scale = torch.tensor(65536.0 if self.dynamic else float(given or 1.0))
        self.growth, self.skipped, self.inputs = torch.zeros(1, dtype=torch.int32), False, batch.network.inputs_RBD

    def _optimizer(self) -> torch.optim.Optimizer:
        """On float32 parameters that are rounded to 16 bits after every step: the update is float32, the storage is not."""
        train_ = self.one.train
        kinds = {
            "sgd": torch.optim.SGD,
            "momentum": torch.optim.SGD,
            "adam": torch.optim.Adam,
            "adamw": torch.optim.AdamW,
        }
        own = {"momentum": 0.9} if train_.optimizer.name == "momentum" else {}
        return kinds[train_.optimizer.name](self.master, lr=train_.lr, weight_decay=train_.weight_decay, **own)

    def step(self, step: int) -> float:
        targets = self.feed.batch(torch.tensor([step]), self.inputs)[0]
        phi = torch.tanh if self.one.model.activation.name == "tanh" else torch.relu
        h = self.inputs[0]
        for layer in range(DEPTH):
            h = phi(torch.addmm(self.parameters[DEPTH + 1 + layer], h, self.parameters[layer]))
        logits = torch.addmm(self.parameters[-1], h, self.parameters[DEPTH])
        loss = functional.cross_entropy(logits.float(), targets)
        gradients = torch.autograd.grad(loss * self.scale, self.parameters)
        finite = all(bool(each.isfinite().all()) for each in gradients)
        self.log10_norms = [
            (each.double() / self.scale.double()).norm().log10().item() for each in gradients[: DEPTH + 1]
        ]
        self.skipped = self.dynamic and not finite
        if not self.skipped:
            for master, each in zip(self.master, gradients, strict=True):
                master.grad = each.float() * (1.0 / self.scale)
            if self.one.train.clip_norm is not None:
                torch.nn.utils.clip_grad_norm_(self.master, self.one.train.clip_norm)
            self.optimizer.step()
            with torch.no_grad():
                for parameter, master in zip(self.parameters, self.master, strict=True):
                    parameter.copy_(master)
                    master.copy_(parameter.float())
        if self.dynamic:
            found = torch.tensor(float(not finite))
            torch._amp_update_scale_(self.scale, self.growth, found, 2.0, 0.5, 2000)
        return loss.item()


def compared(one: Experiment) -> list[bool]:
    """Trains both, holds them against each other, and tells which steps were skipped."""
    dataset = load(one.data)
    record = train([one], dataset)[0].record
    assert record is not None
    plain = Plain(one, dataset)
    skipped = []
    for step in range(len(record.steps)):
        scale = plain.scale.item()
        loss = plain.step(step)
        skipped.append(plain.skipped)
        # Sums of 16-bit products are rounded once in each; what differs is which neighbour that gives, and grows with the steps.
        grain = torch.finfo(FORMATS[one.train.dtype.storage]).eps
        assert record.figures["loss"].values[step] == pytest.approx(loss, rel=20 * grain), step
        assert record.figures["loss_scale"].values[step] == scale
        assert record.figures["skipped"].values[step] == plain.skipped
        assert record.figures["overflow_layer"].present[step] == plain.skipped
        if not plain.skipped:
            ours = record.layers["log10_grad_norm"].values[step]
            np.testing.assert_allclose(ours, plain.log10_norms, atol=20 * grain, err_msg=str(step))
    return skipped


@pytest.mark.parametrize("scale", ["dynamic", 1024, 1000.0])
@pytest.mark.parametrize("storage", list(FORMATS))
@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": "sgd", "lr": 0.1},
        {"optimizer": "momentum", "lr": 0.02, "weight_decay": 0.01},
        {"optimizer": "adam", "lr": 1e-3, "clip_norm": 0.5},
        {"optimizer": "adamw", "lr": 1e-3, "weight_decay": 0.1},
    ],
)
def test_training_is_that_of_plain_pytorch(options: dict[str, Any], storage: str, scale: object) -> None:
    assert not any(compared(experiment({"storage": storage, "loss_scale": scale}, **options)))


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_steps_that_overflow_are_skipped_where_pytorch_skips_them(optimizer: str) -> None:
    """Inputs up to 16 with 65,536 times the gradient; the first factors are too large, as GradScaler's are for most networks."""
    skipped = compared(
        experiment({"storage": "float16", "loss_scale": "dynamic"}, standardize=False, optimizer=optimizer, lr=1e-3)
    )
    assert skipped[0]
    assert 2 <= sum(skipped) < 10


def test_a_scale_grows_after_so_many_sound_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every three here; torch's own function says what it then is, with overflows in between."""
    monkeypatch.setattr(loss_scale, "INTERVAL", 3)
    runs = [experiment({"storage": "float16", "loss_scale": "dynamic"}, seed=seed) for seed in range(2)]
    ours = loss_scale.LossScale(runs, Place(torch.float16))
    scales = [torch.tensor(65536.0) for _ in runs]
    streaks = [torch.zeros(1, dtype=torch.int32) for _ in runs]
    generator = torch.Generator().manual_seed(4)
    for step in range(60):
        overflow_R = torch.rand(2, generator=generator) < torch.tensor([0.0, 0.25])
        ours.begin()
        ours.look(overflow_R, torch.ones(2, dtype=torch.int64))
        ours.end(recorded=True)
        for run, (scale, streak) in enumerate(zip(scales, streaks, strict=True)):
            torch._amp_update_scale_(scale, streak, overflow_R[run].float(), 2.0, 0.5, 3)
            assert ours.scale_R[run] == scale, step


def test_gradients_that_float16_loses_are_there_with_a_scale() -> None:
    """Behind a readout of 3e-7 all that the optimizer gets is zero without a factor, and nothing is with one."""
    shares = []
    for dtype in ("float16", {"storage": "float16", "loss_scale": "dynamic"}):
        one = experiment(dtype, optimizer="sgd", lr=0.1).model_dump()  # type: ignore[arg-type]
        one["model"]["readout_init"] = {"scheme": "normal", "std": 3e-7}
        one["record"]["quantities"] = "all"
        made = Experiment.model_validate(one)
        record = train([made], load(made.data))[0].record
        assert record is not None
        shares.append(record.layers["zero_gradient_fraction"].values[0, 0])
    assert shares[0] == 1.0
    assert shares[1] < 0.1  # pixels that are white in all 32 digits have none


def test_what_is_skipped_between_two_records_is_counted() -> None:
    every, sparse = (
        train([one], load(one.data))[0].record
        for record in ({}, {"every": 7})
        for one in [
            Experiment.model_validate(
                experiment({"storage": "float16", "loss_scale": "dynamic"}, standardize=False, lr=1e-3).model_dump()
                | {"record": record}
            )
        ]
    )
    assert every is not None
    assert sparse is not None
    assert sparse.figures["skipped"].values.sum() == every.figures["skipped"].values.sum() > 0
    assert sparse.figures["skipped"].values.tolist()[:2] == [1.0, every.figures["skipped"].values[1:8].sum()]


def test_a_number_that_is_too_large_ends_the_run() -> None:
    one = experiment({"storage": "float16", "loss_scale": 1e7}, optimizer="sgd", lr=0.1)
    (trained,) = train([one], load(one.data))
    assert (trained.outcome.kind, trained.outcome.step) == ("diverged", 0)


def test_weights_that_overflow_diverge_with_a_dynamic_scale_too() -> None:
    one = experiment({"storage": "float16", "loss_scale": "dynamic"}, optimizer="sgd", lr=1e6)
    (trained,) = train([one], load(one.data))
    assert (trained.outcome.kind, trained.outcome.step) == ("diverged", 1)


def test_half_and_adam_is_what_it_is_in_plain_pytorch() -> None:
    """All in float16: the update of the first step is not finite, and the second loss shows it; with a larger eps it trains."""
    one = experiment({"storage": "float16", "arithmetic": "same"}, optimizer="adam", lr=1e-3)
    (trained,) = train([one], load(one.data))
    assert (trained.outcome.kind, trained.outcome.step, trained.outcome.layer) == ("diverged", 1, 1)
    one = experiment({"storage": "float16", "arithmetic": "same"}, optimizer={"name": "adam", "eps": 1e-4}, lr=1e-3)
    (trained,) = train([one], load(one.data))
    assert trained.outcome.kind == "completed"
    assert trained.record is not None
    assert trained.record.figures["loss"].values[-1] < 0.8 * trained.record.figures["loss"].values[0]


def test_a_batch_that_overflows_on_the_way_forward_is_skipped_and_the_run_goes_on() -> None:
    """One example of 64 is so large that its activations leave float16; batches of 8 meet it once in 8 steps, whatever the factor."""
    rng = np.random.default_rng(2)
    inputs, targets = rng.standard_normal((64, 8)), rng.integers(0, 2, 64)
    inputs[5] = 3e4
    data = Dataset(inputs, targets, inputs[:0], targets[:0], "classes", 2, ("a", "b"), tuple("abcdefgh"))
    one = experiment({"storage": "float16", "loss_scale": "dynamic"}, standardize=False, optimizer="adam", lr=1e-3)
    options = one.model_dump()
    options["model"]["init"] = "he"
    options["data"]["batch_size"] = 8
    (trained,) = train([Experiment.model_validate(options)], data)
    assert trained.outcome.kind == "completed"
    assert trained.record is not None
    figures = trained.record.figures
    lost = ~np.isfinite(figures["loss"].values)
    assert lost.sum() == 4  # 30 steps are not quite four epochs
    assert (figures["skipped"].values[lost] == 1).all()
    # Also where it is the last step that meets it.
    last = int(np.flatnonzero(lost)[1])
    options["train"]["steps"] = last + 1
    (shorter,) = train([Experiment.model_validate(options)], data)
    assert (shorter.outcome.kind, bool(np.isnan(shorter.record.figures["loss"].values[-1]))) == ("completed", True)
    judged = judge(trained.experiment, trained.record, trained.outcome, None)
    assert judged.skipped_steps == figures["skipped"].values.sum()
    assert judged.verdict != "diverged"
