"""Wrong and hostile uses of `gradlab.watch`: each is told, and the weights become the bits that they become without it."""

import copy
import errno
import gc
import io
import math
import pickle
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import gradlab
from gradlab.errors import RunFailedError, UsageError, WatchWarning
from gradlab.execution import watch
from gradlab.execution.watch import Watch
from gradlab.results import crash_safe
from gradlab.results.store import Store
from tests.made.watched_loops import batches, network, sgd, step, train, unwatched, weights


def watched(model: nn.Module, optimizer: Any, out: Path, **arguments: Any) -> Watch:
    return gradlab.watch(model, optimizer, out=out, **arguments)


def runs(out: Path) -> list[gradlab.Run]:
    return [gradlab.load(handle.path) for handle in Store(out).handles().values()]


def losses(run: Watch) -> list[float | None]:
    assert run.stored is not None
    if "loss" not in run.stored.steps:
        return [None] * len(run.stored.steps)
    found: list[float | None] = (
        run.stored.steps["loss"].astype(object).where(run.stored.steps["loss"].notna(), None).tolist()
    )
    return found


# What cannot be watched is an error at once, and the loop goes on as it would.


def lazy() -> nn.Module:
    return nn.Sequential(nn.LazyLinear(3))


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (lambda: "a model", "Module"),
        (lambda: network, "Module"),
        (lambda: nn.ReLU(), "no parameters"),
        (lazy, "shape"),
        (lambda: nn.DataParallel(network()), "DataParallel"),
        (lambda: torch.jit.script(nn.Linear(3, 2)), "TorchScript"),
    ],
    ids=["a word", "a function", "no parameters", "lazy", "DataParallel", "TorchScript"],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_cannot_be_watched(model: Any, said: str, tmp_path: Path) -> None:
    parameter = nn.Parameter(torch.zeros(()))
    with pytest.raises(UsageError, match=r"^watch  ") as caught:
        watched(model(), torch.optim.SGD([parameter]), tmp_path)
    assert said in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "optimizer", [None, "sgd", [], lambda: None], ids=["nothing", "a word", "an empty list", "a function"]
)
def test_no_optimizer(optimizer: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^watch  optimizer"):
        watched(network(), optimizer, tmp_path)


def test_another_models_optimizer(tmp_path: Path) -> None:
    model, other = network(), network()
    with pytest.raises(UsageError, match="optimizer"):
        watched(model, sgd(other), tmp_path)
    train(model, sgd(model))
    assert weights(model) == unwatched()
    assert runs(tmp_path) == []


def test_two_watches_of_one_module(tmp_path: Path) -> None:
    model = network()
    optimizer = sgd(model)
    with watched(model, optimizer, tmp_path) as run:
        with pytest.raises(UsageError, match="watched already"):
            watched(model, optimizer, tmp_path)
        train(model, optimizer, run)
    assert weights(model) == unwatched()
    assert len(losses(run)) == 6
    with pytest.warns(WatchWarning, match="stepped before"), watched(model, optimizer, tmp_path) as again:
        train(model, optimizer, again)
    assert len(runs(tmp_path)) == 2


def test_sharded_parameters(tmp_path: Path) -> None:
    from torch import distributed
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    try:
        model = network()
        fully_shard(model, mesh=init_device_mesh("cpu", (1,)))
        with pytest.raises(UsageError, match="FSDP"):
            watched(model, torch.optim.SGD(model.parameters()), tmp_path)
    finally:
        distributed.destroy_process_group()


# What is done while it is watched.


def test_a_layer_is_replaced(tmp_path: Path) -> None:
    def loop(run: Watch | None, model: nn.Sequential, optimizer: torch.optim.Optimizer) -> bytes:
        for number, batch in enumerate(batches()):
            if number == 3:
                torch.manual_seed(9)
                model[2] = nn.Linear(8, 8)
                optimizer.add_param_group({"params": list(model[2].parameters())})
            step(model, optimizer, batch, run)
        return weights(model)

    model = network()
    optimizer = sgd(model)
    with pytest.warns(WatchWarning, match="parameters"), watched(model, optimizer, tmp_path) as run:
        after = loop(run, model, optimizer)
    model = network()
    assert after == loop(None, model, sgd(model))
    assert run.stored is not None
    assert run.stored.manifest["watch"]["warnings"]


def test_no_backward(tmp_path: Path) -> None:
    model = network()
    optimizer = sgd(model)
    before = weights(model)
    run = watched(model, optimizer, tmp_path)
    with pytest.warns(WatchWarning, match="backward"):
        optimizer.step()
    for x, _ in batches():
        model(x)
        optimizer.step()
    run.close()
    assert weights(model) == before
    assert run.stored is not None
    assert run.stored.verdict == "not_judged"
    assert "no gradient came" in run.stored.summary.findings[0].message


def test_never_stepped(tmp_path: Path) -> None:
    model = network()
    with pytest.warns(WatchWarning, match="never stepped"), watched(model, sgd(model), tmp_path) as run:
        model(torch.zeros(2, 8)).sum().backward()
    assert run.stored is not None
    assert run.stored.record is None
    assert gradlab.load(run.stored.path).verdict == run.stored.verdict


def test_an_exception_inside(tmp_path: Path) -> None:
    model = network()
    optimizer = sgd(model)
    run = watched(model, optimizer, tmp_path)

    def loop() -> None:
        with run:
            train(model, optimizer, run)
            1 / 0  # noqa: B018

    with pytest.raises(ZeroDivisionError) as caught:
        loop()
    assert weights(model) == unwatched()
    assert caught.value.__context__ is None
    assert run.stored is not None
    assert run.stored.outcome == "failed"
    assert "ZeroDivisionError" in (run.stored.summary.outcome.reason or "")
    assert "1 / 0" in (run.stored.path / "traceback.txt").read_text()
    assert len(losses(run)) == 6


def test_an_error_whose_words_raise(tmp_path: Path) -> None:
    class Unspeakable(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    model = network()
    optimizer = sgd(model)
    run = watched(model, optimizer, tmp_path)

    def loop() -> None:
        with run:
            raise Unspeakable

    with pytest.warns(WatchWarning, match="never stepped"), pytest.raises(Unspeakable):
        loop()
    assert run.stored is not None
    assert run.stored.summary.outcome.reason == "Unspeakable (see traceback.txt)"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_the_loop_is_left(error: type[BaseException], tmp_path: Path) -> None:
    model = network()
    optimizer = sgd(model)
    run = watched(model, optimizer, tmp_path)

    def loop() -> None:
        with run:
            train(model, optimizer, run)
            raise error

    with pytest.raises(error):
        loop()
    assert run.stored is not None
    assert (run.stored.outcome, run.stored.summary.outcome.step) == ("interrupted", 6)
    assert not (run.stored.path / "traceback.txt").exists()


def test_an_error_after_the_loss_became_nan(tmp_path: Path) -> None:
    """The run diverged, whatever its loop did about it."""
    model = network()
    optimizer = sgd(model)
    run = watched(model, optimizer, tmp_path)

    def loop() -> None:
        with run:
            for number, (x, target) in enumerate(batches()):
                loss = step(model, optimizer, (x * (torch.nan if number == 4 else 1), target), run)
                assert loss.isfinite(), "the loss is not finite"

    with pytest.raises(AssertionError):
        loop()
    assert run.stored is not None
    assert (run.stored.outcome, run.stored.summary.outcome.step) == ("diverged", 4)
    assert "the loss is not finite" in (run.stored.path / "traceback.txt").read_text()


def test_closed_twice(tmp_path: Path) -> None:
    model = network()
    optimizer = sgd(model)
    run = watched(model, optimizer, tmp_path)
    train(model, optimizer, run)
    run.close()
    first = run.stored
    with run:
        train(model, optimizer)
    run.close()
    assert run.stored is first
    assert len(runs(tmp_path)) == 1
    with pytest.warns(WatchWarning, match="after the watch was closed"):
        run.log(loss=1.0)


def test_stored_is_asked_for_too_early(tmp_path: Path) -> None:
    model = network()
    run = watched(model, sgd(model), tmp_path)
    with pytest.raises(UsageError, match="open yet"):
        _ = run.stored
    assert "Sequential 'watched': 0 steps" in repr(run)
    with pytest.warns(WatchWarning, match="never stepped"):
        run.close()


def test_figures_are_logged_before_backward(tmp_path: Path) -> None:
    def loop(model: nn.Module, optimizer: torch.optim.Optimizer, run: Watch | None) -> list[float]:
        told = []
        for x, target in batches():
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), target)
            told.append(float(loss.detach()))
            if run is not None:
                run.log(loss=loss)
            loss.backward()
            optimizer.step()
        return told

    model = network()
    optimizer = sgd(model)
    with watched(model, optimizer, tmp_path) as run:
        told = loop(model, optimizer, run)
    assert weights(model) == unwatched()
    assert losses(run) == pytest.approx(told)


def test_figures_that_are_none(tmp_path: Path) -> None:
    model = network()
    optimizer = sgd(model)

    def loop(run: Watch) -> None:
        for batch in batches():
            step(model, optimizer, batch)
            run.log(loss="low", accuracy=torch.zeros(3))
            run.log(loss=None, accuracy=True)
            run.log(acuracy=0.5)
            run.log(learning_rate=0.1)
            run.log()

    with (
        pytest.warns(WatchWarning, match=r"^gradlab\.watch: log: ") as told,
        watched(model, optimizer, tmp_path) as run,
    ):
        loop(run)
    assert weights(model) == unwatched()
    said = [str(one.message) for one in told]
    assert len(said) == 4  # each once
    assert any("loss: expected a number, got str" in one for one in said)
    assert any("Tensor of shape (3,)" in one for one in said)
    assert any("Did you mean 'accuracy'?" in one for one in said)
    assert losses(run) == [None] * 6
    assert run.stored is not None
    assert len(run.stored.manifest["watch"]["warnings"]) == 4


def test_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    model = network()
    optimizer = sgd(model)
    run = watched(model, optimizer, tmp_path)
    train(model, optimizer, run)
    with monkeypatch.context() as broken:
        broken.setattr(crash_safe, "_write", full)
        with pytest.warns(WatchWarning, match="free some space"):
            run.close()
    assert weights(model) == unwatched()
    with pytest.raises(RunFailedError, match="No space left"):
        _ = run.stored
    assert runs(tmp_path) == []
    run.close()
    assert len(losses(run)) == 6
    assert run.stored is not None
    assert run.stored.outcome == "completed"


def test_the_disk_is_full_on_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(watch, "FIRST_SAVE", 0.0)
    monkeypatch.setattr(watch, "SAVE_SHARE", math.inf)
    model = network()
    optimizer = sgd(model)
    run = watched(model, optimizer, tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr(crash_safe, "_write", full)
        with pytest.warns(WatchWarning, match="so far could not be stored") as told:
            train(model, optimizer, run)
    assert len(told) == 1
    assert runs(tmp_path) == []
    assert weights(model) == unwatched()
    run.close()
    assert len(losses(run)) == 6


def test_the_rules_break(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ArithmeticError("a rule")

    model = network()
    optimizer = sgd(model)
    run = watched(model, optimizer, tmp_path)
    train(model, optimizer, run)
    with monkeypatch.context() as rules:
        rules.setattr("gradlab.execution.storing.judged", broken)
        with pytest.warns(WatchWarning, match="a rule"):
            run.close()
    assert run.stored is not None
    assert run.stored.verdict == "not_judged"
    assert len(losses(run)) == 6


def test_two_modules_side_by_side(tmp_path: Path) -> None:
    first, second = network(), network(depth=2, seed=5)
    one, two = sgd(first), sgd(second)
    with watched(first, one, tmp_path, name="first") as a, watched(second, two, tmp_path, name="second") as b:
        for batch in batches():
            step(first, one, batch, a)
            step(second, two, batch, b)
    assert weights(first) == unwatched()
    assert a.stored is not None
    assert b.stored is not None
    assert [len(run.stored.record.rows.names) for run in (a, b)] == [5, 3]
    assert losses(a) != losses(b)


def test_a_part_of_a_module(tmp_path: Path) -> None:
    model = network()
    optimizer = sgd(model)
    with watched(model[4], optimizer, tmp_path) as run:
        train(model, optimizer, run)
    assert weights(model) == unwatched()
    assert run.stored is not None
    assert run.stored.record.rows.names == ("model",)


def test_workers_that_fork(tmp_path: Path) -> None:
    def loop(model: nn.Module, optimizer: torch.optim.Optimizer, run: Watch | None, workers: int) -> bytes:
        data = TensorDataset(torch.randn(64, 8, generator=torch.Generator().manual_seed(3)), torch.arange(64) % 3)
        for batch in DataLoader(data, batch_size=16, num_workers=workers):
            step(model, optimizer, batch, run)
        return weights(model)

    model = network()
    optimizer = sgd(model)
    with watched(model, optimizer, tmp_path) as run:
        after = loop(model, optimizer, run, 2)
    other = network()
    assert after == loop(other, sgd(other), None, 0)
    assert len(runs(tmp_path)) == 1
    assert len(losses(run)) == 4


def test_a_thread_trains(tmp_path: Path) -> None:
    model = network()
    optimizer = sgd(model)
    run = watched(model, optimizer, tmp_path)
    thread = threading.Thread(target=lambda: (train(model, optimizer, run), run.close()))
    thread.start()
    thread.join()
    assert weights(model) == unwatched()
    assert len(losses(run)) == 6


def test_it_is_opened_without_gradients(tmp_path: Path) -> None:
    model = network()
    optimizer = sgd(model)
    with torch.no_grad():
        run = watched(model, optimizer, tmp_path)
    train(model, optimizer, run)
    with torch.inference_mode():
        run.close()
    assert weights(model) == unwatched()
    assert len(losses(run)) == 6


def test_an_optimizer_that_stepped_before(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.Adam(model.parameters())
    train(model, optimizer)
    with pytest.warns(WatchWarning, match="stepped before"), watched(model, optimizer, tmp_path) as run:
        train(model, optimizer, run)
    other = network()
    plain = torch.optim.Adam(other.parameters())
    train(other, plain)
    train(other, plain)
    assert weights(model) == weights(other)
    assert run.stored is not None
    assert set(run.stored.summary.init.values()) == {None}
    assert set(gradlab.load(run.stored.path).summary.init.values()) == {None}


def test_the_module_is_let_go_of(tmp_path: Path) -> None:
    """As where a cell of a notebook is run again: the first watch ends, and holds on to nothing."""
    model = network()
    optimizer = sgd(model)
    watched(model, optimizer, tmp_path)  # not held either
    train(model, optimizer)
    assert runs(tmp_path) == []
    del model, optimizer
    gc.collect()
    (run,) = runs(tmp_path)
    assert run.outcome == "interrupted"
    assert "let go of" in (run.summary.outcome.reason or "")
    assert len(run.steps) == 6


def test_a_closed_watch_holds_on_to_nothing(tmp_path: Path) -> None:
    model = network()
    optimizer = sgd(model)
    with watched(model, optimizer, tmp_path) as run:
        train(model, optimizer, run)
    import weakref

    gone = weakref.ref(model[0])
    del model, optimizer
    gc.collect()
    assert gone() is None
    assert len(losses(run)) == 6


def test_copies_of_what_is_watched(tmp_path: Path) -> None:
    model = network()
    optimizer = sgd(model)
    with watched(model, optimizer, tmp_path) as run:
        train(model, optimizer, run)
        copies = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
        file = io.BytesIO()
        torch.save([model, optimizer], file)
        file.seek(0)
        copies.append(torch.load(file, weights_only=False)[0])
        copy.deepcopy(optimizer)
        for one in copies:
            train(one, sgd(one))
        for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match="cannot be copied"):
                attempt(run)
    assert weights(model) == unwatched()
    assert len(losses(run)) == 6


@pytest.fixture(autouse=True)
def nothing_stays_open() -> Iterator[None]:
    """What a test left open is closed before the next one."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()
