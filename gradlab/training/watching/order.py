"""The order in which rows are first used, and the chains along which depth is judged.

Gradients are accumulated in the reverse of the order in which parameters were first used; that order holds for modules too that are never
called themselves, as an attention's output projection. Rows without gradients stand beside what was called, or registered, before them.
"""

from collections.abc import Sequence

import numpy as np

from gradlab.results.record import ModuleRows
from gradlab.training.watching.rows import Rows

FEWEST_IN_CHAIN = 2
"""Rows with a signal, below which blocks make no chain."""

LEAST_SHARE = 0.5
"""Share of the layers that are in blocks, below which blocks are not what makes the network deep: several heads on a plain stack."""


def first_use(rows: Rows, accumulated: Sequence[int], called: Sequence[int], reverse: bool = True) -> list[int]:
    """All rows in order of first use, a block after the last of its members.

    Args:
        rows: The rows.
        accumulated: Parameters in the order in which their gradients came in the first step.
        called: Rows in the order of their calls in it.
        reverse: Whether the order of gradients is to be trusted; not so in compiled code.
    """
    by_call = _firsts(called)
    by_gradient = _firsts([rows.owner[place] for place in reversed(accumulated)]) if reverse else {}
    layers = [row for row in range(len(rows.rows)) if not rows.rows[row].is_block]
    placed = sorted((row for row in layers if row in by_gradient), key=by_gradient.__getitem__)
    for row in layers:
        if row in by_gradient:
            continue
        if row in by_call:
            earlier = [other for other in placed if by_call.get(other, np.inf) < by_call[row]]
            key = by_call.__getitem__
        else:
            earlier = [other for other in placed if other < row]
            key = int
        place = placed.index(max(earlier, key=key)) + 1 if earlier else 0
        placed.insert(place, row)
    return _with_blocks(rows, placed, by_call)


def _firsts(values: Sequence[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for place, value in enumerate(values):
        found.setdefault(value, place)
    return found


def _with_blocks(rows: Rows, placed: list[int], by_call: dict[int, int]) -> list[int]:
    """Puts each block behind the last of its members; one without rows of its own where it was called."""
    order = list(placed)
    for block in [row for row in range(len(rows.rows)) if rows.rows[row].is_block]:
        members = [place for place, row in enumerate(order) if rows.rows[row].block == block]
        if members:
            order.insert(max(members) + 1, block)
        else:
            earlier = [
                place for place, row in enumerate(order) if by_call.get(row, np.inf) < by_call.get(block, -np.inf)
            ]
            order.insert(max(earlier) + 1 if earlier else 0, block)
    return order


def described(
    rows: Rows, order: Sequence[int], has_signal: Sequence[bool], activations: Sequence[str | None]
) -> ModuleRows:
    """What the rows are, in order of first use.

    Args:
        rows: The rows.
        order: Row at each place of the record.
        has_signal: Of each row, by registration, whether a gradient of its output ever came.
        activations: Of each row likewise the activation module that reads it.
    """
    place_of = {row: place for place, row in enumerate(order)}
    numel = [sum(rows.parameters[p].numel() for p in row.parameters if rows.matrix[p]) for row in rows.rows]
    for index, row in enumerate(rows.rows):
        if row.block is not None:
            numel[row.block] += numel[index]
    readout = _readout(rows, order, has_signal)
    chains = [sorted(place_of[row] for row in group if has_signal[row]) for group in rows.groups]
    chains = [chain for chain in chains if len(chain) >= FEWEST_IN_CHAIN]
    layers = [row for row in order if has_signal[row] and rows.has_matrix(row) and not rows.rows[row].is_block]
    if sum(rows.rows[row].block is not None for row in layers) < LEAST_SHARE * len(layers):
        chains = []
    in_block = readout is not None and rows.rows[readout].block is not None
    axis = "blocks" if chains else "rows"
    if not chains:
        chain = [row for row in order if has_signal[row] and row != readout and not rows.rows[row].is_block]
        with_matrix = [row for row in chain if rows.has_matrix(row) or rows.rows[row].tied]
        chains = [[place_of[row] for row in with_matrix or chain]] if chain else []
    blocks = [rows.rows[row].block for row in order]
    return ModuleRows(
        names=tuple(rows.rows[row].name for row in order),
        kinds=tuple(rows.rows[row].kind for row in order),
        weights=np.array([numel[row] for row in order], dtype=np.int64),
        blocks=tuple(None if block is None else place_of[block] for block in blocks),
        chains=tuple(tuple(chain) for chain in chains),
        axis="blocks" if axis == "blocks" else "rows",
        readout=None if readout is None or (axis == "blocks" and in_block) else place_of[readout],
        tied={place_of[index]: row.tied for index, row in enumerate(rows.rows) if row.tied is not None},
        activations=tuple(activations[row] for row in order) if any(activations) else (),
    )


def _readout(rows: Rows, order: Sequence[int], has_signal: Sequence[bool]) -> int | None:
    """The layer that was used last, of those that have a signal where any has; one with a matrix where there is one."""
    layers = [row for row in order if not rows.rows[row].is_block]
    layers = [row for row in layers if has_signal[row]] or [row for row in layers if rows.rows[row].parameters]
    with_matrix = [row for row in layers if rows.has_matrix(row) or rows.rows[row].tied]
    found = with_matrix or layers
    return found[-1] if found else None
