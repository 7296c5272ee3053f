"""On a device nothing is read back between two hand-overs to the host, and the numbers are those of the CPU."""

import copy
import subprocess
import sys
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gradlab.results.record import Record
from gradlab.training.watching.options import Options
from gradlab.training.watching.watcher import Watcher
from tests.fakes.pretend_device import pretend_device, watched
from tests.made.own_modules import mlp


def _steps(model: nn.Module, x: Tensor, y: Tensor, counts: bool) -> tuple[Record, list[list[str]]]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher = Watcher(model, optimizer, options=Options(quantities="all", keep=4))
    reads = []

    def step() -> None:
        optimizer.zero_grad()
        loss = (model(x) - y).square().mean()
        loss.backward()
        for p in model.parameters():
            p.grad.mul_(0.5)  # type: ignore[union-attr]
        watcher.log(loss=loss)
        optimizer.step()

    for _ in range(7):
        if counts:
            with watched() as seen:
                step()
            reads.append(list(seen.reads))
        else:
            step()
    watcher.close()
    record = watcher.record()
    assert record is not None
    return record, reads


def test_nothing_is_read_back_between_hand_overs() -> None:
    """In a process of its own: torch's engine counts devices once, at the first backward pass."""
    code = "from tests.unit.training.watching.test_watch_on_device import compare; compare()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def compare() -> None:
    torch.manual_seed(0)
    model: Any = mlp(3, 12, nn.ReLU)
    x, y = torch.randn(10, 8), torch.randn(10, 4)
    with pretend_device() as device:
        record, reads = _steps(copy.deepcopy(model).to(device), x.to(device), y.to(device), counts=True)
    right, _ = _steps(model, x, y, counts=False)
    assert [bool(each) for each in reads] == [False, False, False, False, True, False, False], reads
    assert len(reads[4]) == 1
    assert list(record.layers) == list(right.layers)
    for name, column in right.layers.items():
        np.testing.assert_array_equal(record.layers[name].present, column.present, err_msg=name)
        np.testing.assert_allclose(record.layers[name].values, column.values, rtol=1e-5, atol=1e-6, err_msg=name)
    for name, column in right.figures.items():
        np.testing.assert_allclose(record.figures[name].values, column.values, rtol=1e-5, err_msg=name)
