"""Watches in processes of their own: left open, killed, and several processes that train together."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gradlab
from gradlab.results.store import Store

ROOT = Path(__file__).parents[2]
ALONE = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}

LEFT_OPEN = """
import sys
import gradlab
from tests.made.watched_loops import network, sgd, train
model = network()
optimizer = sgd(model)
run = gradlab.watch(model, optimizer, name="left", out=sys.argv[1])
train(model, optimizer, run)
{end}
"""


@pytest.mark.parametrize(
    ("end", "code", "reason"),
    [
        pytest.param("", 0, "the program ended while it was watched", marks=pytest.mark.slow),
        pytest.param("sys.exit(3)", 3, "the program ended while it was watched", marks=pytest.mark.slow),
        ("raise ValueError('on purpose')", 1, "the program ended while it was watched (ValueError: on purpose)"),
        pytest.param(
            "import os; os.fork(); sys.exit()", 0, "the program ended while it was watched", marks=pytest.mark.slow
        ),
    ],
    ids=["the end", "sys.exit", "an error", "a fork"],
)
def test_left_open(end: str, code: int, reason: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LEFT_OPEN.format(end=end), str(tmp_path)],
        env=ALONE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "gradlab" not in done.stderr
    (run,) = [gradlab.load(handle.path) for handle in Store(tmp_path).handles().values()]
    assert (run.outcome, run.summary.outcome.reason, run.summary.outcome.step) == ("interrupted", reason, 6)
    assert len(run.steps) == 6


SAME_BITS = """
import contextlib, hashlib, sys
if sys.argv[1] == "watched":
    import gradlab
import torch
from torch import nn
torch.manual_seed(0)
model = nn.Sequential(
    nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(inplace=True), nn.Dropout(0.1), nn.Flatten(),
    nn.Linear(384, 101), nn.Tanh(), nn.Linear(101, 99), nn.ReLU(), nn.Linear(99, 10),
)
optimizer = torch.optim.Adam(model.parameters())
open_ = gradlab.watch(model, optimizer, out=sys.argv[2]) if sys.argv[1] == "watched" else contextlib.nullcontext()
with open_:
    for _ in range(50):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(torch.randn(37, 1, 8, 8)), torch.randint(10, (37,)))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
digest = hashlib.sha256()
for tensor in model.state_dict().values():
    digest.update(tensor.numpy().tobytes())
print(digest.hexdigest(), torch.rand(()).item())
"""


@pytest.mark.slow
def test_weights_and_random_numbers_are_the_same_bits_as_in_a_process_without_gradlab(tmp_path: Path) -> None:
    alone = {name: value for name, value in ALONE.items() if name != "MKL_CBWR"}
    said = [
        subprocess.run(
            [sys.executable, "-c", SAME_BITS, how, str(tmp_path)], env=alone, capture_output=True, text=True, check=True
        ).stdout
        for how in ("watched", "not watched")
    ]
    assert said[0] == said[1]
    (run,) = [gradlab.load(handle.path) for handle in Store(tmp_path).handles().values()]
    assert len(run.steps) == 50


KILLED = """
import sys
import gradlab
from gradlab.execution import watch
from tests.made.watched_loops import batches, network, sgd, step
watch.FIRST_SAVE = float(sys.argv[2])
watch.SAVE_SHARE = 1.0
model = network()
optimizer = sgd(model)
with gradlab.watch(model, optimizer, name="killed", out=sys.argv[1]) as run:
    for number, batch in enumerate(batches(1_000_000)):
        step(model, optimizer, batch, run)
        if number == 200:
            print("training", flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("first", [0.0, 1000.0], ids=["stored so far", "nothing stored so far"])
def test_killed(first: float, tmp_path: Path) -> None:
    """At whatever moment: there is a whole run or none, and lists, loads and cleaning find nothing half."""
    found = 0
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path), str(first)], env=ALONE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "training\n"
        process.send_signal(signal.SIGKILL)
        process.communicate()
    store = Store(tmp_path)
    broken: list[str] = []
    lines = store.runs(lambda path, reason: broken.append(f"{path}: {reason}"))
    assert broken == []
    for line in lines:
        run = gradlab.load(line.path)
        assert run.outcome == "interrupted"
        assert "killed" in (run.summary.outcome.reason or "")
        assert len(run.steps) > 0
        found += 1
    assert found == (3 if first == 0.0 else 0)
    store.clean()
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith((".tmp", ".old"))]


TOGETHER = """
import sys
import torch
from torch import distributed, nn
import gradlab
from tests.made.watched_loops import batches, network, sgd
rank, size, out, place = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
torch.set_num_threads(1)
store = distributed.FileStore(place, size)
distributed.init_process_group("gloo", store=store, rank=rank, world_size=size)
model = network()
whole = nn.parallel.DistributedDataParallel(model) if size > 1 else model
optimizer = sgd(model)
with gradlab.watch(whole, optimizer, name=f"of{size}", out=out) as run:
    for x, target in batches():
        share = slice(rank * 16 // size, (rank + 1) * 16 // size)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(whole(x[share]), target[share])
        loss.backward()
        run.log(loss=loss)
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
print("stored" if run.stored is not None else "not stored", flush=True)
distributed.barrier()
distributed.destroy_process_group()
"""


@pytest.mark.slow
def test_two_processes_that_train_together_write_one_run_with_the_norms_of_one(tmp_path: Path) -> None:
    said = {}
    for size in (1, 2):
        started = [
            subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    TOGETHER,
                    str(rank),
                    str(size),
                    str(tmp_path / "runs"),
                    str(tmp_path / f"at{size}"),
                ],
                env=ALONE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for rank in range(size)
        ]
        ended = [process.communicate(timeout=120) for process in started]
        assert [process.returncode for process in started] == [0] * size, ended
        said[size] = [out.strip() for out, _ in ended]
    assert said == {1: ["stored"], 2: ["stored", "not stored"]}
    assert sorted(handle.name for handle in Store(tmp_path / "runs").handles().values()) == ["of1", "of2"]
    one, two = (gradlab.load(name, out=tmp_path / "runs") for name in ("of1", "of2"))
    assert one.record is not None
    assert two.record is not None
    assert one.record.rows is not None
    assert two.record.rows is not None
    assert one.record.rows.names == two.record.rows.names
    for name in ("log10_grad_norm", "log10_grad_norm_applied", "bias_grad_norm", "log10_update_ratio", "weight_norm"):
        if name not in one.record.layers:
            continue
        # Two sums of half a batch each differ from one in the order of float32's additions.
        np.testing.assert_allclose(two.record.layers[name].line, one.record.layers[name].line, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(two.steps["log10_grad_norm_total"], one.steps["log10_grad_norm_total"], atol=1e-5)
    np.testing.assert_allclose(two.steps["clip_factor"], one.steps["clip_factor"], rtol=1e-5)
    facts = json.loads((two.path / "manifest.json").read_text())["watch"]
    assert (facts["world_size"], facts["rank"]) == (2, 0)
