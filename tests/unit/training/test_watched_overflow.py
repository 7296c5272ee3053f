"""A module that diverges leaves float32's range on the way: that is recorded to the end, and warns of nothing."""

import warnings

import pytest
import torch
from torch import nn

from gradlab.training.watching.options import Options
from gradlab.training.watching.watcher import Watcher


@pytest.mark.parametrize("width", [16, 120])
def test_a_run_that_overflows_is_recorded_without_a_warning(width: int) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2))
    optimizer = torch.optim.SGD(net.parameters(), 1e6)
    x, y = torch.randn(32, 8), torch.randn(32, 2)
    watcher = Watcher(net, optimizer, options=Options())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(12):
            optimizer.zero_grad()
            loss = (net(x) - y).square().mean()
            loss.backward()
            watcher.log(loss=loss)
            optimizer.step()
        watcher.close()
    assert watcher.outcome().kind == "diverged"
    record = watcher.record()
    assert record is not None
    assert len(record.steps) == 12
    assert watcher.facts["warnings"] == []
