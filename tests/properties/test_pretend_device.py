"""The way of a GPU, without one, on a pretend accelerator: nothing is read back inside a step, every step launches the same operations
on the same memory with the same numbers from the host, and what comes out has the bytes of a CPU that reads nothing back.
"""

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from fakes.pretend_device import Watched, pretend_device, watched
from made.shares import share

from gradlab.cli.main import main
from gradlab.config import catalogue
from gradlab.config.experiment import Experiment
from gradlab.datasets import load
from gradlab.execution import machine, plan
from gradlab.results.record import Record, Trained
from gradlab.training import engine, replay
from gradlab.training.engine import Batch

CPU = torch.device("cpu")
BLOCK = 3
"""Steps in a block, so that six make two of them."""


@pytest.fixture(scope="module")
def device() -> Iterator[torch.device]:
    with pretend_device() as device:
        yield device


BEYOND_PLAIN = {"quantities": "all", "jacobian_examples": None, "spectrum": None}
"""What is recorded of networks that are not plain."""


def experiment(**parts: dict) -> Experiment:
    base = {
        "model": {"depth": 3, "width": 6, "activation": "tanh"},
        "data": {"source": "gaussian_mixture", "samples": 60, "features": 3, "classes": 3, "batch_size": 8},
        "train": {"steps": 6},
        "record": {"quantities": ["all", "forward_change"], "every": 2, "jacobian_examples": 2, "spectrum": [1]},
    }
    return Experiment.model_validate({**base, **{key: {**base.get(key, {}), **part} for key, part in parts.items()}})


def batch(one: Experiment, device: torch.device) -> Batch:
    """Two runs that differ in their seeds."""
    runs = [one.model_copy(update={"seed": seed}) for seed in range(2)]
    made = Batch(runs, load(one.data, one.train.loss), device, may_read_back=False)
    made.block_steps = BLOCK
    return made


def every_activation_and_optimizer() -> dict[str, Experiment]:
    """Each activation with an optimizer and a dtype, each optimizer with prelu and two dtypes; rates, clipping and decay in turns."""
    optimizers, dtypes = list(catalogue.OPTIMIZERS), list(catalogue.DTYPES)
    pairs = [(activation, optimizers[place % 7]) for place, activation in enumerate(catalogue.ACTIVATIONS)]
    pairs += [("prelu", optimizer) for optimizer in optimizers]
    cases = {}
    for place, (activation, optimizer) in enumerate(pairs):
        train = {
            "optimizer": optimizer,
            "dtype": dtypes[place % 4],
            "schedule": ("cosine", "constant")[place % 2],
            "warmup": (0, 4, 2, 6)[place // 2 % 4],
            "clip_norm": 0.5 if place % 3 else None,
            "weight_decay": 0.01 if place % 5 else 0.0,
        }
        parametrization = ("standard", "standard", "mup")[place % 3]
        cases["-".join(map(str, (activation, parametrization, *train.values())))] = experiment(
            model={"activation": activation, "parametrization": parametrization}, train=train
        )
    return cases


def every_scale_and_arithmetic() -> dict[str, Experiment]:
    """Loss scales, dynamic and not, and optimizers that round; inputs that overflow at the first factors, so that steps are skipped."""
    cases = {}
    for place, optimizer in enumerate(catalogue.OPTIMIZERS):
        dtype = {
            "storage": ("float16", "bfloat16")[place % 4 == 3],
            "loss_scale": ("dynamic", "dynamic", 1000.0)[place % 3],
            "arithmetic": (None, "same")[place % 2],
        }
        own = (
            optimizer
            if place % 2 == 0 or optimizer in ("sgd", "momentum", "nesterov")
            else {"name": optimizer, "eps": 1e-3}
        )
        train = {
            "optimizer": own,
            "dtype": dtype,
            "clip_norm": (None, 0.5)[place % 3 == 1],
            "weight_decay": 0.01 * (place % 2),
        }
        data = {"standardize": False, "noise": 100.0 if place % 3 == 0 else 2.0}
        cases["-".join(map(str, (optimizer, *dtype.values())))] = experiment(data=data, train=train)
    return cases


def every_normalisation_and_branch() -> dict[str, Experiment]:
    """Normalisations before and after, branches of one and two layers, pre- and post-activation, learned factors, in turns."""
    cases = {}
    residuals: tuple[Any, ...] = (
        None,
        {"scale": 0.5},
        {"layers": 2, "learned": True},
        {"position": "post", "layers": 2},
    )
    activations, optimizers, dtypes = ("prelu", "gelu", "tanh"), list(catalogue.OPTIMIZERS), list(catalogue.DTYPES)
    for place, (norm, residual) in enumerate(itertools.product((None, "batch", "layer", "rms"), residuals)):
        if norm is None and residual is None:
            continue
        post = residual is not None and residual.get("position") == "post"
        own = None if norm is None else {"kind": norm, "position": "before" if post or place % 2 else "after"}
        train = {
            "optimizer": optimizers[place % 7],
            "dtype": {"storage": "float16", "loss_scale": "dynamic"} if place % 8 == 7 else dtypes[place % 4],
            "clip_norm": 0.5 if place % 3 else None,
        }
        model = {"activation": activations[place % 3], "norm": own, "residual": residual}
        name = "-".join(map(str, (norm, *(residual or {"none": ""}).values(), *train.values())))
        cases[name] = experiment(model=model, train=train, record=BEYOND_PLAIN)
    return cases


def every_way_of_convolving() -> dict[str, Experiment]:
    """Paddings, kernels, pools, channels and normalisations in turns."""
    cases = {}
    optimizers, dtypes = list(catalogue.OPTIMIZERS), list(catalogue.DTYPES)
    for place, (padding, kernel, pool) in enumerate(
        itertools.product(("circular", "zeros"), (1, 3), ("mean", "flatten"))
    ):
        channels = 1 + place % 3
        model = {
            "kind": "conv", "activation": ("gelu", "prelu")[place % 2], "padding": padding, "kernel": kernel, "pool": pool,
            "norm": (None, "batch", "layer", "rms")[place % 4], "residual": (None, {"scale": 0.5, "layers": 2})[place // 2 % 2],
        }  # fmt: skip
        train = {
            "optimizer": optimizers[place % 7],
            "dtype": dtypes[place % 4],
            "clip_norm": 0.5 if place % 3 else None,
        }
        data = {"features": 20 * channels, "image": [channels, 4, 5]}
        name = "-".join(map(str, ("conv", padding, kernel, pool, *train.values())))
        cases[name] = experiment(model=model, data=data, train=train, record=BEYOND_PLAIN)
    return cases


CASES = (
    every_activation_and_optimizer()
    | every_scale_and_arithmetic()
    | every_normalisation_and_branch()
    | every_way_of_convolving()
)


class WatchedSteps:
    """Stands in the place of a batch's step: keeps what each call launched."""

    def __init__(self, batch: Batch) -> None:
        self._step = batch.step
        self.seen: list[tuple[bool, int | None, Watched]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._step, name)

    def __call__(self, record: bool, jacobian_of: int | None = None) -> None:
        with watched() as seen:
            self._step(record, jacobian_of)
        self.seen.append((record, jacobian_of, seen))


class ReplayedSteps(WatchedSteps):
    """Launches again what a step before did, in place of the step itself, wherever no Jacobian is taken."""

    def __init__(self, batch: Batch) -> None:
        super().__init__(batch)
        self.replayed = 0

    def __call__(self, record: bool, jacobian_of: int | None = None) -> None:
        before = next((seen for recorded, taken, seen in self.seen if recorded == record and taken is None), None)
        if before is None or jacobian_of is not None:
            super().__call__(record, jacobian_of)
        else:
            before.replay()
            self.replayed += 1


def assert_same_bytes(ours: list[Trained], theirs: list[Trained]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        assert one.outcome == other.outcome
        assert (one.record is None) == (other.record is None)
        if one.record is not None and other.record is not None:
            assert contents(one.record) == contents(other.record)


def contents(record: Record) -> dict[str, object]:
    """A record as bytes."""
    columns = {**record.layers, **record.figures}
    if record.spectrum is not None:
        columns["spectrum"] = record.spectrum.log10_s
    arrays = {name: (column.values.tobytes(), column.present.tobytes()) for name, column in columns.items()}
    return {**arrays, "steps": record.steps.tobytes(), "inputs": (record.input_mean_square, record.input_correlation)}


def test_the_device_refuses_and_counts_what_a_gpu_would(device: torch.device) -> None:
    ours = torch.ones(2, device=device)
    with pytest.raises(RuntimeError, match="all tensors on pretend:0"):
        ours + torch.ones(2)
    with pytest.raises(TypeError, match="numpy"):
        ours.numpy()
    with watched() as seen:
        assert ours.tolist() == [1.0, 1.0]
        assert bool(ours.sum() > 1)
        assert ours.cpu().device == CPU
        assert torch.ones(2).to(device).device == ours.device
    assert len(seen.reads) == 3
    assert seen.writes == ["aten::_to_copy"]


@pytest.mark.parametrize(
    ("change", "equal"),
    [
        (lambda x, step: x.add_(1), True),
        (lambda x, step: x.mul_(x.sum().view(1, 1)), True),
        (lambda x, step: x.add_(step), False),
        (lambda x, step: x[step].zero_(), False),
        (lambda x, step: x.add_(torch.tensor(float(step))), False),
    ],
)
def test_launches_tell_numbers_from_the_host_and_memory(
    change: Callable[[torch.Tensor, int], object], equal: bool, device: torch.device
) -> None:
    x, launches = torch.ones((2, 3), device=device), []
    for step in range(2):
        with watched() as seen:
            change(x, step)
        launches.append(seen.launches)
    assert (launches[0] == launches[1]) is equal


@pytest.fixture(autouse=True)
def no_convolutions_of_the_processors_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU multiplies convolutions out, which rounds differently from the library that a CPU has for them."""
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)


@pytest.mark.parametrize("case", share(CASES, 3))
def test_training_is_that_of_a_cpu_that_reads_nothing_back(case: str, device: torch.device) -> None:
    ours = batch(CASES[case], device)
    steps = ours.step = WatchedSteps(ours)  # type: ignore[assignment]
    assert_same_bytes(ours.train(), batch(CASES[case], CPU).train())
    for record in (True, False):
        first, *others = [seen for recorded, taken, seen in steps.seen if recorded == record and taken is None]
        assert others
        for seen in (first, *others):
            assert not seen.reads
            assert not seen.writes
            assert seen.launches == first.launches


def test_steps_are_skipped_there_too(device: torch.device) -> None:
    """By one of the two runs, whose first batches overflow, and not by the other."""
    one = experiment(
        data={"standardize": False, "noise": 30.0}, train={"dtype": {"storage": "float16", "loss_scale": "dynamic"}}
    )
    ours = batch(one, device).train()
    assert_same_bytes(ours, batch(one, CPU).train())
    skipped = [trained.record.figures["skipped"].values.sum() for trained in ours if trained.record is not None]
    assert skipped[0] > 0 == skipped[1]


@pytest.mark.parametrize("case", list(CASES)[::4])
def test_a_step_launched_again_trains_as_the_step_itself(case: str, device: torch.device) -> None:
    """All that changes from step to step lies on the device: what the first steps launched, launched again, is the whole training."""
    one = CASES[case].model_copy(update={"train": CASES[case].train.model_copy(update={"steps": 12})})
    ours = batch(one, device)
    steps = ours.step = ReplayedSteps(ours)  # type: ignore[assignment]
    assert_same_bytes(ours.train(), batch(one, CPU).train())
    # Of twelve the first of each kind is not, nor the two that take Jacobians.
    assert steps.replayed == (8 if one.record.takes_jacobian else 10)


def test_what_is_read_back_is_read_between_two_blocks_of_steps(device: torch.device) -> None:
    """Held-out figures too; but for Jacobians, which are taken in the midst of a step."""
    ours = batch(
        experiment(train={"steps": 8}, record={"jacobian_examples": None, "quantities": "default", "spectrum": None}),
        device,
    )
    reads: list[int] = []

    class Step(WatchedSteps):
        def __call__(self, record: bool, jacobian_of: int | None = None) -> None:
            reads.append(len(seen.reads))
            self._step(record, jacobian_of)
            reads.append(len(seen.reads))

    ours.step = Step(ours)  # type: ignore[assignment]
    with watched() as seen:
        assert ours.train()[0].record is not None
    changes = [place for place in range(1, len(reads)) if reads[place] != reads[place - 1]]
    assert changes == [2 * BLOCK, 4 * BLOCK]  # twice a step
    assert len(seen.reads) < 40


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_runs_that_diverge_diverge_there_too(dtype: str, device: torch.device) -> None:
    one = experiment(model={"activation": "relu", "init": "he"}, train={"lr": 1e30, "dtype": dtype, "steps": 9})
    ours = batch(one, device).train()
    assert_same_bytes(ours, batch(one, CPU).train())
    assert ours[0].outcome.kind == "diverged"


@pytest.mark.parametrize(
    "parts",
    [
        {"data": {"source": "teacher", "classes": None}},
        {"data": {"source": "xor", "features": None, "classes": None}},
        {"data": {"batch_size": 1}, "model": {"width": 1}},
        {"data": {"holdout": 0.0}, "train": {"loss": "mse"}},
        {"train": {"steps": 1}},
        {"record": {"every": 1, "jacobian_steps": [2, 4], "spectrum": [1, 2]}},
    ],
)
def test_other_tasks_losses_and_sizes(parts: dict, device: torch.device) -> None:
    one = experiment(**parts)
    assert_same_bytes(batch(one, device).train(), batch(one, CPU).train())


SPIRALS = """\
model: {depth: 4, width: 8, activation: tanh}
data: {source: spirals, samples: 120}
train: {steps: 10, lr: 0.1}
record: {quantities: [grad_norm, mean_slope, dead_fraction]}
"""


@pytest.fixture
def gradlab(device: torch.device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Carry out a command on a machine with one pretend device, and a CPU that reads nothing back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(machine.ACCELERATORS, device.type, lambda: 1)
    for module in (engine, replay):
        monkeypatch.setattr(module, "Batch", partial(Batch, may_read_back=False))

    def call(*words: str) -> None:
        assert main(words) == 0

    return call


def tables(out: str) -> dict[str, list[bytes]]:
    """What is stored of each run, by its config."""
    runs = Path(out).glob("*/config.yaml")
    return {run.read_text(): [table.read_bytes() for table in sorted(run.parent.glob("*.parquet"))] for run in runs}


def test_gradlab_run_and_the_plane_of_its_inputs(gradlab: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        plan, "run_id", lambda *about, **more: 12 * "0"
    )  # the picture shows it, and it names the kind of device
    Path("spirals.yaml").write_text(SPIRALS)
    for where in ("pretend", "cpu"):
        gradlab("run", "spirals.yaml", "--device", where, "--out", where, "--quiet")
        gradlab("plot", "spirals", "--kind", "space", "--out", where, "-o", f"{where}.svg", "--quiet")
    assert tables("pretend") == tables("cpu")
    assert Path("pretend.svg").read_bytes() == Path("cpu.svg").read_bytes()


def test_gradlab_sweep(gradlab: Callable[..., None]) -> None:
    Path("spirals.yaml").write_text(SPIRALS)
    Path("sweep.yaml").write_text(
        "base: spirals.yaml\nseeds: 0-1\ngrid: {model.depth: [2, 3], train.dtype: [float16, bfloat16]}\n"
    )
    for where in ("pretend", "cpu"):
        gradlab("sweep", "sweep.yaml", "--device", where, "--executor", "inline", "--out", where, "--quiet")
    assert len(tables("pretend")) == 8
    assert tables("pretend") == tables("cpu")
