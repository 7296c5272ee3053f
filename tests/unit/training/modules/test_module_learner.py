"""Modules that gradlab trains: beside a plain loop of torch, beside gradlab's own networks, and what becomes of what goes wrong."""

import math
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from gradlab import datasets
from gradlab.config.allowed_code import AllowedCode
from gradlab.config.experiment import Experiment
from gradlab.config.modules import ModuleExperiment
from gradlab.config.reading.document import from_mapping
from gradlab.datasets.order import Order
from gradlab.errors import OwnCodeError, UsageError
from gradlab.results.record import Progress, Record, Trained
from gradlab.training import engine, loop
from gradlab.training.modules import learner
from gradlab.training.modules.optimizer import rate
from gradlab.training.optimizers import KINDS

NETS = """\
import torch
from torch import nn

def build(width=6, inputs=2, outputs=2):
    return nn.Sequential(nn.Linear(inputs, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, outputs))
"""
XOR = {"source": "xor", "samples": 80, "batch_size": 16}

TrainedFrom = Callable[..., Trained]


def experiment(build: str = "nets:build", **parts: Any) -> ModuleExperiment:
    args = parts.pop("args", {})
    config = {"model": {"kind": "module", "build": build, "args": args}, "data": XOR, "train": {"steps": 12, "lr": 0.1}}
    found = from_mapping(config | parts).experiment
    assert isinstance(found, ModuleExperiment)
    return found


@pytest.fixture
def train(tmp_path: Path) -> TrainedFrom:
    """Train an experiment with a source file nets.py, NETS where none is given."""

    def trained(
        one: ModuleExperiment, source: str = NETS, observer: Callable[[Progress], None] | None = None
    ) -> Trained:
        (tmp_path / "nets.py").write_text(source)
        data = None if one.data.source == "module" else datasets.load(one.data, one.train.loss)  # type: ignore[arg-type]
        return learner.train(one, data, "cpu", observer, AllowedCode(("nets",), (str(tmp_path),)))

    return trained


def recorded(trained: Trained) -> Record:
    assert trained.record is not None
    return trained.record


def losses_of(trained: Trained) -> list[float]:
    return recorded(trained).figures["loss"].values.tolist()


def test_it_is_the_plain_loop(train: TrainedFrom) -> None:
    one = experiment(train={"steps": 12, "lr": 0.1, "optimizer": "adam", "clip_norm": 0.3, "weight_decay": 0.01})
    dataset = datasets.load(one.data)  # type: ignore[arg-type]
    order, inputs = Order(0, len(dataset.train_inputs)), torch.tensor(dataset.train_inputs).float()
    targets = torch.tensor(dataset.train_targets)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        space: dict[str, Any] = {}
        exec(NETS, space)
        module = space["build"]()
    optimizer = torch.optim.Adam(module.parameters(), lr=0.1, weight_decay=0.01)
    expected = []
    for _ in range(12):
        rows = order.take(16)
        optimizer.zero_grad()
        loss = functional.cross_entropy(module(inputs[rows]), targets[rows])
        loss.backward()
        nn.utils.clip_grad_norm_(module.parameters(), 0.3)
        optimizer.step()
        expected.append(float(loss.detach()))
    assert losses_of(train(one)) == expected


WEIGHTS = """\
import torch
from torch import nn

class Stack(nn.Module):
    def __init__(self, path):
        super().__init__()
        state = torch.load(path)
        self.layers = nn.ModuleList()
        for weight, bias in zip(state["weights"], state["biases"]):
            layer = nn.Linear(*weight.shape)
            layer.weight.data, layer.bias.data = weight.T.contiguous(), bias.clone()
            self.layers.append(layer)

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.tanh(layer(x))
        return self.layers[-1](x)
"""


@pytest.mark.parametrize("name", list(KINDS))
@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy", "mse"])
def test_optimizers_losses_and_schedules_are_those_of_gradlabs_own_networks(
    name: str, loss: str, train: TrainedFrom, tmp_path: Path
) -> None:
    own = {
        "optimizer": name, "lr": 0.02, "steps": 20, "schedule": "cosine", "warmup": 4, "weight_decay": 0.05, "clip_norm": 0.2,
        "loss": loss,
    }  # fmt: skip
    model = {"depth": 3, "width": 8, "activation": "tanh"}
    dense = from_mapping({"model": model, "data": XOR, "train": own}).experiment
    assert isinstance(dense, Experiment)
    dataset = datasets.load(dense.data, loss)
    leaves = engine.Batch([dense], dataset, torch.device("cpu")).network.leaves
    weights = [value[0] for leaf in leaves if leaf.kind == "weight" for value in leaf.value]
    biases = [value[0].flatten() for leaf in leaves if leaf.kind == "bias" for value in leaf.value]
    sizes = [2, 8, 8, 8, len(biases[-1])]
    shaped = [weight.reshape(a, b) for weight, a, b in zip(weights, sizes, sizes[1:], strict=False)]
    torch.save({"weights": shaped, "biases": biases}, tmp_path / "state.pt")
    one = experiment("nets:Stack", args={"path": str(tmp_path / "state.pt")}, train=own)
    found, expected = train(one, WEIGHTS), engine.train([dense], dataset)[0]
    assert losses_of(found) == pytest.approx(losses_of(expected), rel=2e-5)
    there = recorded(expected)
    for figure in (
        "learning_rate",
        "accuracy",
        "holdout_loss",
        "holdout_gain",
        "train_gain",
        "pace_gain",
        "alignment_growth",
    ):
        mine, theirs = recorded(found).figures[figure], there.figures[figure]
        assert mine.present.tolist() == theirs.present.tolist(), figure
        assert mine.values[mine.present] == pytest.approx(theirs.values[theirs.present], rel=1e-3, abs=1e-5), figure
    assert (recorded(found).constant_loss, recorded(found).data) == (there.constant_loss, there.data)
    assert recorded(found).input_mean_square == pytest.approx(there.input_mean_square, rel=1e-6)


def test_the_course_of_the_learning_rate() -> None:
    given = experiment(train={"lr": 0.3, "steps": 9, "schedule": "cosine", "warmup": 3}).train
    course = [rate(given, step, 9) for step in range(9)]
    assert course[0] == 0.0
    assert course[5] == pytest.approx(0.3 * 0.5 * (1 + math.cos(math.pi * 5 / 9)), rel=1e-12)


def test_the_same_run_gives_the_same_numbers_and_leaves_the_process_as_it_was(train: TrainedFrom) -> None:
    source = NETS + "noise = torch.rand(3)\nimport random, numpy\nrandom.random(), numpy.random.rand()\n"
    source = source.replace("nn.Tanh(), nn.Linear(width, outputs)", "nn.Dropout(0.5), nn.Linear(width, outputs)")
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index]
    threads, path, finders = torch.get_num_threads(), list(sys.path), list(sys.meta_path)
    first = losses_of(train(experiment(), source))
    train(experiment(seed=5), source)
    torch.manual_seed(99)
    again = losses_of(train(experiment(), source))
    torch.set_rng_state(states[0])
    assert first == again
    assert first != losses_of(train(experiment(seed=1), source))
    assert torch.equal(torch.get_rng_state(), states[0])
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states[1:]  # type: ignore[index]
    assert (torch.get_num_threads(), sys.path, sys.meta_path) == (threads, path, finders)
    assert "nets" not in sys.modules


def test_each_run_imports_anew_and_a_module_of_the_process_is_put_back(train: TrainedFrom, tmp_path: Path) -> None:
    source = (
        NETS
        + "count = []\nfirst = build\ndef build(**args):\n    count.append(1)\n    assert len(count) == 1\n    return first(**args)\n"
    )
    mine = type(sys)("nets")
    sys.modules["nets"] = mine
    try:
        train(experiment(), source)
        train(experiment(), source)
        assert sys.modules["nets"] is mine
    finally:
        del sys.modules["nets"]


def test_recorded_steps_and_what_is_held_out(train: TrainedFrom) -> None:
    evaluates = NETS + (
        "class Quiet(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.inner, self.norm = build(), nn.BatchNorm1d(2).eval()\n"
        "    def forward(self, x):\n"
        "        assert not self.norm.training\n"
        "        return self.inner(x) * float(self.training)\n"
    )
    one = experiment("nets:Quiet", train={"steps": 10}, record={"every": 7})
    record = recorded(train(one, evaluates))
    assert record.steps.tolist() == [0, 7, 9]
    held = record.figures["holdout_loss"]
    assert held.present.tolist() == [True, False, True]
    assert held.values[held.present] == pytest.approx(math.log(2), abs=1e-6)
    assert record.figures["loss"].values[0] != pytest.approx(math.log(2), abs=1e-4)


def test_a_run_that_diverges_ends_and_says_where(train: TrainedFrom) -> None:
    one = experiment(train={"steps": 400, "lr": 1e30, "loss": "mse"})
    found = train(one, NETS.replace("Tanh", "ReLU"))
    assert found.outcome.kind == "diverged"
    assert found.outcome.step is not None
    assert found.outcome.step < 20
    assert recorded(found).steps[-1] <= found.outcome.step + 1


def test_ctrl_c_keeps_what_was_recorded(train: TrainedFrom) -> None:
    seen: list[Progress] = []

    def stop(progress: Progress) -> None:
        seen.append(progress)
        raise KeyboardInterrupt

    found = train(experiment(train={"steps": 5000}), observer=stop)
    assert (found.outcome.kind, found.outcome.step) == ("interrupted", seen[0].step)
    assert len(recorded(found).steps) == seen[0].step
    assert seen[0].loss[0] == losses_of(found)[seen[0].step - 1]


def test_an_observer_can_ask_for_what_was_recorded_so_far(train: TrainedFrom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "OBSERVED_IN_BLOCK", -1.0)
    asked = []

    def look(progress: Progress) -> None:
        assert progress.recorded_so_far is not None
        asked.append((progress, progress.recorded_so_far(-1, 100), progress.recorded_so_far(progress.step - 3, 1)))

    found = recorded(train(experiment(train={"steps": 40}), observer=look))
    assert len(asked) > 20
    for progress, recent, last in asked:
        count = len(recent.steps)
        assert (recent.quantity, recent.steps.tolist()) == ("log10_backward_norm", list(range(progress.step)))
        assert recent.loss[:, 0].tolist() == found.figures["loss"].values[:count].tolist()
        assert recent.layers == pytest.approx(found.layers["log10_backward_norm"].values[:count])
        assert last.steps.tolist() == [progress.step - 1]
    assert asked[-1][0].recorded_so_far(-1, 9).steps.tolist() == []  # type: ignore[misc]


def test_number_formats(train: TrainedFrom) -> None:
    losses = {}
    for dtype in ("float32", "float64", "bfloat16"):
        found = train(experiment(train={"steps": 12, "lr": 0.1, "dtype": dtype}))
        losses[dtype] = losses_of(found)[-1]
        assert recorded(found).rows is not None
    assert losses["float32"] == pytest.approx(losses["float64"], rel=1e-2)
    assert losses["float32"] != losses["bfloat16"]


def test_sizes_that_follow_from_the_inputs(train: TrainedFrom) -> None:
    source = "from torch import nn\ndef build(): return nn.Sequential(nn.LazyLinear(5), nn.Tanh(), nn.LazyLinear(2))\n"
    assert train(experiment(), source).outcome.kind == "completed"


def test_images(train: TrainedFrom) -> None:
    source = (
        "from torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.conv, self.head = nn.Conv2d(1, 3, 3), nn.Linear(3, 10)\n"
        "    def forward(self, x):\n"
        "        assert x.shape[1:] == (1, 8, 8)\n"
        "        return self.head(self.conv(x).mean((2, 3)))\n"
    )
    one = experiment("nets:Net", data={"source": "digits", "image": [1, 8, 8]}, train={"steps": 3})
    assert train(one, source).outcome.kind == "completed"


BATCHES = (
    NETS
    + """\

def rows(n=4, kind="classes"):
    torch.manual_seed(3)
    def batch():
        x = torch.randn(n, 2)
        y = {"classes": (x[:, 0] > 0.8).long(), "flags": x[:, 0] > 0.8, "numbers": x[:, :1] * 2, "shares": (x[:, 0] > 0).float()}
        return x, y[kind]
    return [batch() for _ in range(3)]

def once(): return iter(rows())
def nothing(): return []
def single(): return [torch.randn(4, 2)]
def three(): return [(1, 2, 3)]
def uneven(): return [(torch.randn(4, 2), torch.zeros(3).long())]
def words(): return [("a", "b")]
def number(): return 3
def broken():
    yield rows()[0]
    raise ValueError("no more")
def both(): return [rows()[0], rows(kind="numbers")[0]]
def beyond(): return [(torch.randn(4, 2), torch.full((4,), 7))]
def one_hot(): return [(torch.randn(4, 2), torch.eye(2, dtype=torch.long)[[0, 1, 1, 0]])]
"""
)


def of_batches(data: str = "nets:rows", loss: str = "auto", outputs: int = 2, **args: Any) -> ModuleExperiment:
    own = {"source": "module", "build": data, "args": args}
    return experiment(data=own, train={"steps": 7, "loss": loss}, args={"outputs": outputs})


@pytest.mark.parametrize(
    ("kind", "loss", "outputs", "accuracy"),
    [
        ("classes", "auto", 2, True),
        ("classes", "mse", 2, True),
        ("classes", "binary_cross_entropy", 1, True),
        ("flags", "auto", 2, True),
        ("flags", "binary_cross_entropy", 1, True),
        ("shares", "binary_cross_entropy", 1, True),
        ("numbers", "auto", 1, False),
    ],
)
def test_batches_of_ones_own(kind: str, loss: str, outputs: int, accuracy: bool, train: TrainedFrom) -> None:
    record = recorded(train(of_batches(loss=loss, outputs=outputs, kind=kind), BATCHES))
    assert len(record.steps) == 7
    assert ("accuracy" in record.figures and bool(record.figures["accuracy"].present.all())) is accuracy
    assert record.data is None


def test_the_constant_answer_is_that_of_the_batches_that_were_seen(train: TrainedFrom) -> None:
    record = recorded(train(of_batches(n=40), BATCHES))
    space: dict[str, Any] = {}
    with torch.random.fork_rng(devices=[]):
        exec(BATCHES, space)
        seen = torch.cat([targets for _, targets in (space["rows"](40) * 3)[:7]]).double()
    share = float(seen.mean())
    expected = -(share * math.log(share) + (1 - share) * math.log(1 - share))
    assert record.constant_loss == pytest.approx(expected, rel=1e-9)
    assert record.constant_accuracy == pytest.approx(max(share, 1 - share))


WRONG = [
    ("once", {}, "data.build: nets:once gives 3 batches once: return what can be begun anew"),
    ("nothing", {}, "data.build: nets:nothing gives no batches"),
    ("single", {}, "data.build: nets:single gives a Tensor; expected batches (inputs, targets)"),
    ("three", {}, "data.build: nets:three gives a tuple; expected batches (inputs, targets)"),
    ("uneven", {}, "data.build: nets:uneven gives inputs [4, 2] with targets [3]"),
    ("words", {}, "data.build: nets:words gives inputs of type str; expected tensors"),
    ("number", {}, "data.build: nets:number returns int; expected an iterable of (inputs, targets)"),
    ("broken", {}, "data.build: nets:broken raised in batch 1: ValueError: no more"),
    ("both", {}, "data.build: nets:both gives targets that are classes in one batch and numbers in another"),
    ("beyond", {}, "train.loss: cross_entropy of outputs [4, 2] and targets [4]: IndexError"),
    ("one_hot", {}, "model.build: the module of nets:build gives outputs [4, 2]; expected targets [4], a class number an example; these"),
    ("rows", {"loss": "cross_entropy", "kind": "numbers"}, "train.loss: cross_entropy needs classes, and the targets"),
    ("rows", {"outputs": 3, "kind": "numbers"}, "model.build: the module of nets:build gives outputs [4, 3]; expected [4, 1], as"),
    ("rows", {"m": 3}, "data.args: nets:rows(n=4, kind='classes') takes no argument 'm'"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "more", "reason"), WRONG)
def test_batches_that_cannot_be_used(name: str, more: dict[str, Any], reason: str, train: TrainedFrom) -> None:
    with pytest.raises(OwnCodeError) as caught:
        train(of_batches(f"nets:{name}", **more), BATCHES)
    assert str(caught.value).startswith(reason)


def test_code_that_is_not_allowed_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text("raise SystemExit\n")
    one = experiment()
    for code in (AllowedCode(), AllowedCode((), (str(tmp_path),)), AllowedCode(("net",), (str(tmp_path),))):
        with pytest.raises(UsageError, match="nets: not imported without --allow-code"):
            learner.train(one, datasets.load(one.data), "cpu", None, code)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "home"),
    [
        ("os.system", "os"),
        ("system", "posix"),
        ("evaluated", "builtins"),
        ("Linear", "torch.nn.modules.linear"),
        ("os", "os"),
    ],
)
def test_a_config_does_not_reach_through_a_module_to_what_it_imports(
    name: str, home: str, train: TrainedFrom, tmp_path: Path
) -> None:
    source = NETS + "import os\nfrom os import system\nfrom torch.nn import Linear\nevaluated = eval\n"
    with pytest.raises(
        OwnCodeError,
        match=rf"is code of {re.escape(home)}, which is not allowed; to run it, add --allow-code {re.escape(home)}",
    ):
        train(experiment(f"nets:{name}", args={"command": f"touch {tmp_path}/hacked"}), source)
    assert not (tmp_path / "hacked").exists()


@pytest.mark.parametrize("name", ["__builtins__", "build.__globals__", "build.__class__", "__loader__.load_module"])
def test_names_that_only_python_gives_are_refused(name: str, train: TrainedFrom) -> None:
    with pytest.raises(OwnCodeError, match="is no name of a function"):
        train(experiment(f"nets:{name}"))


@pytest.mark.parametrize(
    "made", ["partial(build, width=5)", "Maker().build", "Maker().made", "lambda: build()", "Maker.fixed"]
)
def test_functions_of_many_kinds(made: str, train: TrainedFrom) -> None:
    source = NETS + (
        "from functools import partial\n"
        "class Maker:\n"
        "    made = build\n"
        "    def build(self): return build()\n"
        "    def made(self, width=3): return build(width)\n"
        "    @staticmethod\n"
        "    def fixed(): return build()\n"
        f"chosen = {made}\n"
    )
    assert train(experiment("nets:chosen"), source).outcome.kind == "completed"


def test_source_that_changed_since_the_plan_is_refused(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text(NETS)
    one = experiment()
    code = AllowedCode(("nets",), (str(tmp_path),), {"nets": "0" * 64})
    with pytest.raises(OwnCodeError, match="nets: its source files changed while the run waited"):
        learner.train(one, datasets.load(one.data), "cpu", None, code)  # type: ignore[arg-type]


def test_installed_packages_are_imported_once_and_left_alone() -> None:
    one = experiment("torch.nn:Linear", args={"in_features": 2, "out_features": 2}, train={"steps": 3})
    before = sys.modules["torch.nn"]
    found = learner.train(one, datasets.load(one.data), "cpu", None, AllowedCode(("torch.nn",)))  # type: ignore[arg-type]
    assert found.outcome.kind == "completed"
    assert sys.modules["torch.nn"] is before
