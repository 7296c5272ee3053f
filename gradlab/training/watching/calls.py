"""Whether the calls of a row read one another, as a cell's over time do, and those of a Siamese network do not."""

from typing import Any

from torch import Tensor

CALLS_LOOKED_AT = 4
"""Later calls of a row that are looked at: two or three sequences may go through a cell in turns."""

NODES_WALKED = 2000
"""Nodes of the graph that are walked from a call's output, so that a deep network's first step stays a fast one."""


class Calls:
    """Follows the graph from a row's call to its earlier calls, of those before the first backward pass.

    What a call returned is marked in the graph itself, so that nothing is kept alive by it.
    """

    def __init__(self) -> None:
        self._key = f"gradlab {id(self)}"
        self._looked_at: dict[int, int] = {}
        self._reading: set[int] = set()
        self._apart: set[int] = set()

    @property
    def parallel(self) -> frozenset[int]:
        """Rows with several calls of which none that was looked at reads an earlier one."""
        return frozenset(self._apart - self._reading)

    def clear(self) -> None:
        """A backward pass began: what is called after it belongs to another graph."""
        self._looked_at = {}

    def note(self, row: int, outputs: list[Tensor]) -> None:
        """A row was called and returned these tensors."""
        nodes: list[Any] = [node for tensor in outputs if (node := tensor.grad_fn) is not None]
        if not nodes or row in self._reading:
            return
        looked_at = self._looked_at.get(row, -1) + 1
        if looked_at > CALLS_LOOKED_AT:
            return
        self._looked_at[row] = looked_at
        if looked_at:
            (self._reading if self._reads(nodes, row) else self._apart).add(row)
        for node in nodes:
            node.metadata.setdefault(self._key, set()).add(row)

    def _reads(self, nodes: list[Any], row: int) -> bool:
        """Whether an earlier call of the row is behind some nodes, nearest nodes first."""
        seen, level = set(nodes), nodes
        while level and len(seen) <= NODES_WALKED:
            further = []
            for node in level:
                if row in node.metadata.get(self._key, ()):
                    return True
                for nearer, _ in node.next_functions:
                    if nearer is not None and nearer not in seen:
                        seen.add(nearer)
                        further.append(nearer)
            level = further
        return False
