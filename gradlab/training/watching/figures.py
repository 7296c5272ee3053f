"""Figures that the loop logs, and which step each belongs to."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from gradlab.training.watching.passes import Passes

Logged = dict[str, list[Any]]


class Figures:
    """A figure belongs to the step whose backward pass was the last to begin.

    A loss that is logged before its own backward pass, when the update of the step before is done, is recognised by its gradient.
    """

    def __init__(self, passes: Passes) -> None:
        self._passes = passes
        self._next: Logged = {}
        self._last: Logged | None = self._next
        self._is_next = True

    def begin(self) -> None:
        """A backward pass begins: what is logged from now on is of the coming update."""
        self._is_next = True

    def end(self, line: Logged | None) -> None:
        """An update is done, recorded in a line where it was."""
        if line is not None:
            for name, values in self._next.items():
                line.setdefault(name, []).extend(values)
        self._last, self._next, self._is_next = line, {}, False

    def log(self, figures: Mapping[str, Any]) -> None:
        for name, given in figures.items():
            value = getattr(given, "loss", given) if name == "loss" else given
            into = self._next if self._is_next else self._last
            kept = _number(value)
            if into is not None:
                into.setdefault(name, []).append(kept)
            if not self._is_next and isinstance(value, Tensor) and value.requires_grad:
                value.register_hook(partial(self._move, name, kept, into))  # type: ignore[no-untyped-call]

    def _move(self, name: str, kept: Any, was_in: Logged | None, _: Tensor) -> None:
        """Its gradient comes after all: it was logged ahead of its step."""
        if torch._C._current_graph_task_id() != self._passes.task:
            self._passes.enter()
        if was_in is not None:
            was_in[name] = [each for each in was_in.get(name, []) if each is not kept]
            if not was_in[name]:
                del was_in[name]
        self._next.setdefault(name, []).append(kept)


def _number(value: Any) -> Any:
    """A float, or a tensor of one entry on its device."""
    if isinstance(value, Tensor):
        value = value.detach()
        value = value.double().mean() if value.numel() != 1 else value.reshape(()).clone()
        return float(value) if value.is_cpu else value
    return float(value)
