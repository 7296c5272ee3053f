"""What `gradlab.watch` stores, and when."""

import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import gradlab
from gradlab.config.modules import WatchedExperiment
from gradlab.errors import UnderstoodWarning, UsageError, WatchWarning
from gradlab.execution import watch as watching
from gradlab.results.store import Store
from tests.made.watched_loops import batches, network, sgd, step, train, unwatched, weights


def test_a_watched_run_is_stored_like_every_other(tmp_path: Path) -> None:
    model = network()
    optimizer = sgd(model)
    with gradlab.watch(model, optimizer, name="mine", out=tmp_path, chance_loss=math.log(3)) as run:
        train(model, optimizer, run)
    assert weights(model) == unwatched()
    stored = run.stored
    assert isinstance(stored, gradlab.Run)
    assert sorted(path.name for path in stored.path.iterdir()) == sorted(
        ["config.yaml", "manifest.json", "layers.parquet", "steps.parquet", "layers.csv", "summary.md", "summary.json"]
    )
    assert stored.path.name == f"mine-{stored.id}"
    assert (stored.outcome, stored.seed) == ("completed", None)
    assert stored.steps["step"].tolist() == list(range(6))
    assert stored.steps["loss"].notna().all()
    assert stored.record is not None
    assert stored.record.constant_loss == math.log(3)
    experiment = stored.experiment
    assert isinstance(experiment, WatchedExperiment)
    assert experiment.model.watched == "torch.nn.modules.container.Sequential"
    assert experiment.model.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert (experiment.train.optimizer, experiment.train.lr) == ("SGD", 0.1)
    assert experiment.record.chance_loss == math.log(3)
    again = gradlab.load("mine", out=tmp_path)
    assert again.experiment == experiment
    assert again.verdict == stored.verdict
    np.testing.assert_array_equal(again.layers["log10_grad_norm"], stored.layers["log10_grad_norm"])
    manifest = json.loads((stored.path / "manifest.json").read_text())
    assert manifest["torch"] == torch.__version__
    assert manifest["started"] < manifest["finished"]
    assert manifest["watch"]["optimizer"] == ["SGD"]
    assert (manifest["watch"]["rank"], manifest["watch"]["world_size"]) == (0, 1)
    assert stored.timing.steps_per_second > 0


def test_each_watch_is_a_run_of_its_own(tmp_path: Path) -> None:
    ids = set()
    for _ in range(2):
        model = network()
        optimizer = sgd(model)
        with gradlab.watch(model, optimizer, out=tmp_path) as run:
            train(model, optimizer, run)
        assert run.stored is not None
        ids.add(run.stored.id)
    assert len(ids) == len(Store(tmp_path).handles()) == 2


def test_the_loss_counts_for_its_step_before_the_update_and_after(tmp_path: Path) -> None:
    told: list[list[float]] = []
    for late in (False, True):
        model = network()
        optimizer = sgd(model)
        with gradlab.watch(model, optimizer, out=tmp_path) as run:
            for batch in batches():
                loss = step(model, optimizer, batch, None if late else run)
                if late:
                    run.log(loss=loss, accuracy=0.5)
        assert run.stored is not None
        told.append(run.stored.steps["loss"].tolist())
        assert ("accuracy" in run.stored.steps) == late
    assert told[0] == told[1]
    assert len(told[0]) == 6


def test_no_loss_is_lost_where_steps_go_over_to_the_host(tmp_path: Path) -> None:
    """They do 64 at a time, between the update and its figures."""
    model = network()
    optimizer = sgd(model)
    told = []
    with gradlab.watch(model, optimizer, out=tmp_path, quantities="grad_norm") as run:
        for batch in batches(140):
            loss = step(model, optimizer, batch)
            assert run._watcher is not None
            if len(told) % 7 == 0:
                assert run._watcher.record() is not None  # as storing on the way does, which comes between the two too
            run.log(loss=loss)
            told.append(float(loss.detach()))
    assert run.stored is not None
    assert run.stored.steps["loss"].tolist() == told


@pytest.mark.parametrize("form", ["number", "tensor", "one entry", "numpy", "output", "mapping", "half"])
def test_a_loss_has_many_forms(form: str, tmp_path: Path) -> None:
    class Output:
        loss = torch.tensor(2.5, requires_grad=True)

    values: dict[str, Any] = {
        "number": 2.5,
        "tensor": torch.tensor(2.5, requires_grad=True),
        "one entry": torch.tensor([[2.5]]),
        "numpy": np.float32(2.5),
        "output": Output(),
        "mapping": {"loss": torch.tensor(2.5)},
        "half": torch.tensor(2.5, dtype=torch.bfloat16),
    }
    model = network()
    optimizer = sgd(model)
    with gradlab.watch(model, optimizer, out=tmp_path) as run:
        for batch in batches():
            step(model, optimizer, batch)
            run.log(loss=values[form])
    assert run.stored is not None
    assert run.stored.steps["loss"].tolist() == [2.5] * 6


def test_a_tensor_is_recorded_as_it_was_when_it_was_logged(tmp_path: Path) -> None:
    model = network()
    optimizer = sgd(model)
    total = torch.zeros(())
    with gradlab.watch(model, optimizer, out=tmp_path) as run:
        for batch in batches():
            total += 1
            step(model, optimizer, batch)
            run.log(loss=total)
    assert run.stored is not None
    assert run.stored.steps["loss"].tolist() == [1, 2, 3, 4, 5, 6]


def test_what_was_recorded_so_far_is_found_while_the_loop_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "FIRST_SAVE", 0.0)
    monkeypatch.setattr(watching, "SAVE_SHARE", math.inf)
    model = network()
    optimizer = sgd(model)
    found = []
    with gradlab.watch(model, optimizer, name="long", out=tmp_path) as run:
        for batch in batches():
            step(model, optimizer, batch, run)
            seen = gradlab.load("long", out=tmp_path)
            found.append((seen.outcome, len(seen.steps)))
            assert "killed" in (seen.summary.outcome.reason or "")
    assert found == [("interrupted", number) for number in range(1, 7)]
    assert run.stored is not None
    assert len(run.stored.steps) == 6
    assert weights(model) == unwatched()
    assert len(Store(tmp_path).handles()) == 1
    assert gradlab.load("long", out=tmp_path).outcome == "completed"


def test_storing_so_far_takes_a_bounded_share_of_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock of its own, on which storing takes a second: a save at 60 s, then each 100 s later."""
    clock = [0.0]
    model = network()
    optimizer = sgd(model)
    monkeypatch.setattr(watching.time, "monotonic", lambda: clock[0])
    saved = []

    def save(*_: Any) -> None:
        saved.append(clock[0])
        clock[0] += 1.0

    with gradlab.watch(model, optimizer, out=tmp_path) as run, monkeypatch.context() as slow:
        slow.setattr(run._run, "save", save)
        for batch in batches(400):
            clock[0] += 1.0
            step(model, optimizer, batch, run)
    assert saved == [60.0, 161.0, 262.0, 363.0]


def test_quantities_are_those_that_were_asked_for(tmp_path: Path) -> None:
    model = network()
    optimizer = sgd(model)
    with gradlab.watch(model, optimizer, out=tmp_path, quantities=["grad_norm"], every=2) as run:
        train(model, optimizer, run)
    assert run.stored is not None
    assert run.stored.record is not None
    assert list(run.stored.record.layers) == ["grad_norm"]
    assert run.stored.steps["step"].tolist() == [0, 2, 4]
    assert run.stored.experiment.record.quantities == ("grad_norm",)


def test_quantities_are_understood_and_that_is_said_once_where_the_watch_is_asked_for(tmp_path: Path) -> None:
    model = network()
    optimizer = sgd(model)
    with pytest.warns(UnderstoodWarning) as said:
        run = gradlab.watch(model, optimizer, out=tmp_path, quantities=["Grad-Norm"])
    assert [(str(one.message), one.filename) for one in said] == [
        ("watch  quantities: Grad-Norm is understood as grad_norm", __file__)
    ]
    train(model, optimizer, run)
    run.close()
    assert run.stored is not None
    assert run.stored.experiment.record.quantities == ("grad_norm",)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"quantities": ["grad_nrom"]}, "Did you mean 'grad_norm'?"),
        ({"quantities": 3}, "expected a group, a quantity or a list"),
        ({"every": 0}, "every: expected a whole number of steps >= 1"),
        ({"every": 1.5}, "every: expected a whole number of steps >= 1"),
        ({"every": True}, "every: expected a whole number of steps >= 1"),
        ({"name": "../else"}, "name: expected letters"),
        ({"name": ""}, "name: expected letters"),
        ({"name": "x" * 101}, "name: expected letters"),
        ({"chance_loss": math.nan}, "chance_loss: expected a number"),
        ({"chance_loss": "log 10"}, "chance_loss: expected a number"),
        ({"compiled": "yes"}, "compiled: expected True or False"),
        ({"out": 3}, "out: expected a path"),
    ],
)
def test_a_wrong_argument_is_an_error_before_anything_is_hooked(
    arguments: dict[str, Any], said: str, tmp_path: Path
) -> None:
    model = network()
    optimizer = sgd(model)
    with pytest.raises(UsageError, match=r"^watch  ") as caught:
        gradlab.watch(model, optimizer, **{"out": tmp_path, **arguments})
    assert said in str(caught.value)
    assert not hooks(model)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_an_error_before_training(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    model = network()
    with pytest.raises(UsageError, match="is not a directory"):
        gradlab.watch(model, sgd(model), out=tmp_path / "runs")
    assert not hooks(model)
    with gradlab.watch(model, optimizer := sgd(model), out=tmp_path / "else") as run:  # it is not watched yet
        train(model, optimizer, run)
    assert run.stored is not None


def hooks(model: nn.Module) -> int:
    """Hooks on any of its modules and parameters."""
    found = sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules())
    return found + sum(len(parameter._post_accumulate_grad_hooks or {}) for parameter in model.parameters())


@pytest.mark.slow
def test_products_are_left_as_the_user_has_them() -> None:
    """In a process of its own: how products are rounded is read at the first of them, and gradlab's own runs set it."""
    code = """
import os, gradlab, torch
model = torch.nn.Linear(3, 2)
watch = gradlab.watch(model, torch.optim.SGD(model.parameters()), out=OUT)
print(os.environ.get("MKL_CBWR"))
gradlab.run({"model": {"depth": 1, "width": 2, "activation": "tanh"}, "train": {"steps": 1},
             "data": {"source": "xor", "samples": 8, "batch_size": 2}}, out=OUT, device="cpu", rerun="always")
print(os.environ.get("MKL_CBWR"))
"""
    with tempfile.TemporaryDirectory() as out:
        for asked in (None, "COMPATIBLE"):
            environment = {key: value for key, value in os.environ.items() if key != "MKL_CBWR"}
            if asked:
                environment["MKL_CBWR"] = asked
            done = subprocess.run(
                [sys.executable, "-W", "ignore", "-c", code.replace("OUT", repr(out))],
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            assert done.stdout.split() == [str(asked), "AUTO,STRICT"], done.stderr


def test_a_warning_stands_at_the_line_of_the_loop(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def loop() -> None:
        with gradlab.watch(model, optimizer, out=tmp_path) as run:
            run.log(acc=0.5)
            optimizer.step()

    with pytest.warns(WatchWarning) as told:
        loop()
    assert len(told) == 2
    assert {each.filename for each in told} == {__file__}
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    assert [lines[each.lineno - 1].strip() for each in told] == ["run.log(acc=0.5)", "optimizer.step()"]
