"""Along what depth is judged: healthy networks show no growth along it. And memory that does not grow with the steps."""

import gc
import tracemalloc
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gradlab.results.record import Record
from gradlab.training.watching.options import Options
from gradlab.training.watching.watcher import Watcher
from tests.made.own_modules import ResNet, Transformer, mlp


def start(model: nn.Module, inputs: Tensor, loss: Any) -> Record:
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    watcher = Watcher(model, optimizer, options=Options(quantities="gradients"))
    loss(model(inputs)).backward()
    optimizer.step()
    watcher.close()
    record = watcher.record()
    assert record is not None
    return record


def decades(record: Record, name: str = "log10_backward_norm") -> list[float]:
    """From the last row of each chain to its first."""
    assert record.rows is not None
    values = record.layers[name].values[0]
    return [float(values[chain[0]] - values[chain[-1]]) for chain in record.rows.chains]


def classes(z: Tensor) -> Tensor:
    return nn.functional.cross_entropy(z.flatten(1), torch.arange(len(z)) % z.flatten(1).shape[1])


def test_a_pyramid_of_convolutions_with_hes_start_neither_grows_nor_shrinks() -> None:
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    width = 3
    for stage, out in enumerate((16, 32, 64, 128)):
        for index in range(3):
            conv = nn.Conv2d(
                width, out, 3, 2 if stage and not index else 1, 1, padding_mode="circular"
            )  # loses nothing
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            layers += [conv, nn.ReLU()]
            width = out
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10))
    record = start(model, torch.randn(16, 3, 16, 16), classes)
    (l2,) = decades(record)
    (rms,) = decades(record, "log10_backward_rms")
    assert abs(l2) < 0.2
    assert rms < l2 - 0.3


@pytest.mark.parametrize("pre_norm", [True, False])
def test_a_deep_transformer_is_flat_along_its_blocks(pre_norm: bool) -> None:
    torch.manual_seed(0)
    model = Transformer(pre_norm, depth=24, size=16)
    record = start(model, torch.randint(11, (8, 6)), lambda z: z.logsumexp(2).sub(z[..., 0]).mean())
    (along_blocks,) = decades(record)
    assert abs(along_blocks) < 1.0
    assert record.rows is not None
    assert len(record.rows.chains[0]) == 24


def test_blocks_of_a_residual_network_are_one_chain_however_many_stages() -> None:
    torch.manual_seed(0)
    record = start(ResNet(4, (3, 2, 3)), torch.randn(8, 1, 16, 16), classes)
    assert record.rows is not None
    assert [len(chain) for chain in record.rows.chains] == [8]


def test_memory_does_not_grow_but_for_the_record() -> None:
    model = mlp(4, 8)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    watcher = Watcher(model, optimizer, options=Options(keep=16))
    x = torch.randn(8, 8)

    def steps(count: int) -> tuple[int, int]:
        for _ in range(count):
            optimizer.zero_grad()
            loss = model(x).square().mean()
            loss.backward()
            watcher.log(loss=loss.detach())
            optimizer.step()
        gc.collect()
        return tracemalloc.get_traced_memory()[0], len(gc.get_objects())

    steps(40)  # more than twice what is kept
    tracemalloc.start()
    try:
        bytes_before, objects_before = steps(80)
        bytes_after, objects_after = steps(320)
    finally:
        tracemalloc.stop()
    watcher.close()
    record = watcher.record()
    assert record is not None
    per_step = 5 * 8 * 20  # rows, bytes of a number, numbers of a row
    assert (bytes_after - bytes_before) / 320 < per_step + 300
    assert objects_after - objects_before < 320
