"""Recorded steps as numbers of rows, block by block.

T steps, P parameters, R rows in order of registration.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradlab.results.record import Column
from gradlab.training.watching.lines import PER_ACTIVATION, PER_ROW, Float, Line, signals_of
from gradlab.training.watching.rows import Rows

NORMS = ("grad", "applied", "bias", "gain", "weight", "update")
"""Norms of a row: of its matrices' gradients before clipping, as the optimizer got them; of the other gradients of a row with a matrix, and
of one without; of the weights; of what the update changed."""


@dataclass(frozen=True)
class Block:
    """Some recorded steps.

    Attributes:
        steps: int64 [T].
        norms: Name in `NORMS` -> [T, R], NaN where there is none.
        signals: [T, len(PER_ROW), R], gradients unscaled.
        activations: [T, len(PER_ACTIVATION), R], NaN where there are none.
        total: Norm of all gradients before clipping, [T].
        total_applied: The same as the optimizer got them, [T].
        lr: [T].
        figures: What was logged: name -> [T], null where it was not.
    """

    steps: NDArray[np.int64]
    norms: dict[str, Float]
    signals: Float
    activations: Float
    total: Float
    total_applied: Float
    lr: Float
    figures: dict[str, Column]


class Tabulator:
    """Turns lines, whose numbers are on the host, into blocks."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        R = len(rows.rows)
        self._matrix = np.array(rows.matrix, dtype=np.bool_)
        self._with_matrix = np.array([rows.has_matrix(row) for row in range(R)], dtype=np.bool_)
        owner = np.array(rows.owner, dtype=np.int64)
        self._owners, self._starts = np.unique(owner, return_index=True)
        self._of_matrix_row = self._with_matrix[owner]
        # Members of blocks, the innermost blocks first.
        members = [[row for row in range(R) if rows.rows[row].block == block] for block in range(R)]
        self._members = {block: found for block, found in enumerate(members) if found}

    def block(self, lines: Sequence[Line]) -> Block:
        T, P, R = len(lines), len(self.rows.parameters), len(self.rows.rows)
        of = _spread(lines, P)
        scale = np.array([1.0 if line.scale is None else line.scale for line in lines], dtype=np.float64)
        matrix, matrix_row = self._matrix, self._of_matrix_row
        own = matrix | ~matrix_row
        with np.errstate(all="ignore"):
            norms = {
                "grad": self._rows_of(of["before"], matrix),
                "applied": self._rows_of(of["applied"], matrix),
                "bias": self._rows_of(of["before"], ~matrix & matrix_row),
                "gain": self._rows_of(of["before"], ~matrix_row),
                "weight": self._rows_of(of["weight"], own),
                "update": self._rows_of(of["update"], own),
            }
            signals = np.zeros((T, len(PER_ROW), R))
            activations = np.full((T, len(PER_ACTIVATION), R), np.nan)
            for t, line in enumerate(lines):
                found = line.of_rows or (
                    signals_of(line, R) if line.taps is None else (_tapped(line.taps, R), activations[t])
                )
                signals[t], activations[t] = found
            for name in ("backward", "first", "last"):
                signals[:, PER_ROW.index(name)] /= scale[:, None]
            total, total_applied = (_norm_over(of[name]) for name in ("before", "applied"))
        names = sorted({name for line in lines for name in line.figures})
        return Block(
            np.array([line.step for line in lines], dtype=np.int64),
            {name: _compact(values) for name, values in norms.items()},
            signals,
            _compact(activations),
            total,
            total_applied,
            np.array([line.lr for line in lines], dtype=np.float64),
            {name: _logged(lines, name) for name in names},
        )

    def _rows_of(self, values_TP: Float, wanted_P: NDArray[np.bool_]) -> Float:
        """l2 norm over the wanted parameters of each row, of a block with its members' too, [T, R]; NaN where none of them has a value."""
        T, R = len(values_TP), len(self.rows.rows)
        there = ~np.isnan(values_TP) & wanted_P
        found, any_there = np.zeros((T, R)), np.zeros((T, R), dtype=np.bool_)
        if len(self._owners):
            found[:, self._owners] = np.hypot.reduceat(np.where(there, values_TP, 0.0), self._starts, axis=1)
            any_there[:, self._owners] = np.logical_or.reduceat(there, self._starts, axis=1)
        for block, members in self._members.items():
            several = [block, *members]
            found[:, block] = np.hypot.reduce(found[:, several], axis=1)
            any_there[:, block] = any_there[:, several].any(axis=1)
        return np.where(any_there, found, np.nan)


def _spread(lines: Sequence[Line], num_parameters: int) -> dict[str, Float]:
    """The lines' norms where their parameters are, unscaled, [T, P]; NaN where there is none. What is not a number counts as infinite."""
    found = {}
    for name in ("before", "applied", "weight", "update"):
        values = [line.numbers.get(name, ()) for line in lines]
        places = [
            range(num_parameters) if name == "weight" else line.stepped if name == "update" else line.places
            for line in lines
        ]
        if all(len(each) == num_parameters for each in values) and all(len(each) == num_parameters for each in places):
            table = np.array(values, dtype=np.float64).reshape(len(lines), num_parameters)
            in_order = all(tuple(each) == tuple(range(num_parameters)) for each in set(map(tuple, places)))
            if not in_order:
                for row, into in zip(table, places, strict=True):
                    row[list(into)] = row.copy()
            table[np.isnan(table)] = np.inf
        else:
            table = np.full((len(lines), num_parameters), np.nan)
            for row, one, into in zip(table, values, places, strict=True):
                if len(one):
                    row[list(into)] = np.where(np.isnan(one), np.inf, one)
        found[name] = table
    for name, of in (("before", "scale"), ("applied", "applied_scale")):
        scales = [getattr(line, of) for line in lines]
        if any(scale is not None for scale in scales):
            found[name] /= np.array([1.0 if scale is None else scale for scale in scales])[:, None]
    return found


def _compact(values: Float) -> Float:
    """The same, in the memory of one number where there is nothing in it."""
    return values if values.size and not np.isnan(values).all() else np.broadcast_to(np.array(np.nan), values.shape)


def _norm_over(values_TP: Float) -> Float:
    there = ~np.isnan(values_TP)
    found = np.hypot.reduce(np.where(there, values_TP, 0.0), axis=1) if values_TP.shape[1] else np.zeros(len(there))
    return np.where(there.any(axis=1), found, np.nan)


def _tapped(flat: Float, num_rows: int) -> Float:
    """What taps saw, as `signals_of` would have it; the first and the last call are not told apart."""
    squares, back_squares, entries, calls = np.asarray(flat).reshape(num_rows, 4).T
    nothing = np.zeros(num_rows)
    return np.stack([np.sqrt(squares), np.sqrt(back_squares), entries, calls, nothing, nothing])


def _logged(lines: Sequence[Line], name: str) -> Column:
    """The mean of what was logged for each step."""
    given = [line.figures.get(name) for line in lines]
    values = np.array([float(np.mean(each)) if each else np.nan for each in given])
    return Column(values, np.array([bool(each) for each in given], dtype=np.bool_))
