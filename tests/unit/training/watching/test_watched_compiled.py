"""Compiled modules: signals come through taps in one graph; hooks that were set too late are said."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from gradlab.errors import WatchWarning
from gradlab.results.record import Record
from gradlab.training.watching.options import Options
from gradlab.training.watching.watcher import Watcher
from tests.made.own_modules import cases

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning"),
]
"""What torch.compile says of its own ways with autograd functions and with tensors that hooks are given."""


def _steps(model: nn.Module, called: Any, loss: Any, steps: int = 3, **options: Any) -> tuple[Record, Watcher]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    watcher = Watcher(called if options.pop("watches_wrapper", True) else model, optimizer, options=Options(**options))
    for _ in range(steps):
        optimizer.zero_grad()
        loss(called).backward()
        optimizer.step()
    watcher.close()
    record = watcher.record()
    assert record is not None
    return record, watcher


@pytest.mark.parametrize(
    ("name", "is_told", "graphs"),
    # The root of the transformer owns a parameter; torch compiles a root's hook by itself.
    [("mlp", False, 1), ("mlp", True, 1), pytest.param("pre_ln", False, 2, marks=pytest.mark.slow)],
)
def test_a_compiled_module_has_the_same_signals_in_one_graph(name: str, is_told: bool, graphs: int) -> None:
    from torch._dynamo.testing import (
        CompileCounterWithBackend,  # seconds, also where nothing but names of tests is collected
    )

    case = cases()[name]()
    right, _ = _steps(case.model, case.model, lambda m: case.loss(m, case.inputs))
    case = cases()[name]()
    torch._dynamo.reset()
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(case.model, backend=counter, fullgraph=True)
    record, watcher = _steps(
        case.model, compiled, lambda m: case.loss(m, case.inputs), watches_wrapper=not is_told, compiled=is_told
    )
    assert counter.frame_count == graphs
    assert watcher.facts["compiled"] is True
    assert watcher.facts["order"] == "registration"
    assert not watcher.facts["warnings"]
    assert record.rows is not None
    assert right.rows is not None
    assert set(record.rows.names) == set(right.rows.names)
    places = [right.rows.names.index(row) for row in record.rows.names]
    for quantity in (
        "log10_grad_norm",
        "log10_backward_norm",
        "log10_backward_rms",
        "forward_rms",
        "log10_update_ratio",
    ):
        one, other = record.layers[quantity], right.layers[quantity]
        np.testing.assert_array_equal(one.present, other.present[:, places], err_msg=quantity)
        np.testing.assert_allclose(one.values, other.values[:, places], atol=1e-4, err_msg=quantity)
    assert {frozenset(record.rows.names[i] for i in chain) for chain in record.rows.chains} == {
        frozenset(right.rows.names[i] for i in chain) for chain in right.rows.chains
    }


def test_a_module_that_was_compiled_before_it_was_watched_is_said() -> None:
    case = cases()["mlp"]()
    torch._dynamo.reset()
    compiled = torch.compile(case.model, backend="aot_eager")
    case.loss(compiled, case.inputs).backward()
    optimizer = torch.optim.SGD(case.model.parameters(), lr=0.05)
    optimizer.zero_grad()
    watcher = Watcher(compiled, optimizer)
    case.loss(compiled, case.inputs).backward()
    optimizer.step()
    with pytest.warns(WatchWarning, match="compiled before it was watched"):
        watcher.close()
    record = watcher.record()
    assert record is not None
    assert record.layers["log10_grad_norm"].present.all()
    assert not record.layers["log10_backward_norm"].present.any()


def test_a_module_that_is_compiled_after_it_was_watched_trains_as_without() -> None:
    case, twin = cases()["mlp"](), cases()["mlp"]()
    losses: dict[bool, list[torch.Tensor]] = {True: [], False: []}
    for each, is_watched in ((case, True), (twin, False)):
        torch._dynamo.reset()
        optimizer = torch.optim.SGD(each.model.parameters(), lr=0.05)
        watcher = Watcher(each.model, optimizer, options=Options(quantities="gradients")) if is_watched else None
        compiled = torch.compile(each.model, backend="aot_eager")
        for _ in range(3):
            optimizer.zero_grad()
            loss = each.loss(compiled, each.inputs)
            losses[is_watched].append(loss.detach())
            loss.backward()
            if watcher is not None and not watcher.facts["warnings"]:
                with pytest.warns(WatchWarning):
                    optimizer.step()
            else:
                optimizer.step()
        if watcher is not None:
            watcher.close()
            assert not watcher.record().layers["log10_backward_norm"].present.any()  # type: ignore[union-attr]
    assert all(torch.equal(a, b) for a, b in zip(case.model.parameters(), twin.model.parameters(), strict=True))
    assert copy.deepcopy(losses[True]) == losses[False]
