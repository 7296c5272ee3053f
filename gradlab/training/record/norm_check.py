"""Rows whose fast measure cannot be trusted, and their exact measures (see `measures`).

Shapes: L layers of a block, R runs, M elements of a row, S slots, K rows.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradlab.network.place import Place
from gradlab.training.record import measures

NORMS = ("h_norm", "z_norm", "g_norm", "d_norm", "w_norm", "u_norm", "b_norm")
"""In their order in a frame, so that the norms of one phase lie side by side and one look checks them all."""

PHASES = {
    "forward": ("h_norm", "z_norm"),
    "readout": ("z_norm", "g_norm", "d_norm", "w_norm"),
    "backward": ("g_norm", "d_norm", "w_norm"),
    "pass": ("z_norm", "g_norm", "d_norm", "w_norm", "b_norm"),
    "update": ("u_norm",),
    "biases": ("b_norm",),
}
"""Which norms are known after which part of a step; those of a `pass` where no update is measured."""

OF_THE_SIGNAL = ("g_norm", "d_norm", "b_norm")
"""Norms that are zero where the backward signal is."""


class NormCheck:
    """Looks at the norms of a frame and notes what belongs in the place of those that cannot be trusted.

    A phase is a part of a step with the layers that it is about: its name, the first layer and the one after the last.
    """

    def __init__(self, frame_SLR: Tensor, slots: Mapping[str, int], place: Place) -> None:
        self._frame, self._slots, self._place = frame_SLR, slots, place
        self._phases = {phase: [slot for slot in slots if slot in names] for phase, names in PHASES.items()}
        self._trusted = measures.TRUSTED[frame_SLR.dtype]
        self._exact_norms = measures.ExactNorms(place.num_threads)
        self._spans: dict[tuple[str, int, int], Tensor] = {}
        self._found: list[tuple[int, Tensor, Tensor]] = []

    def is_sound(self, phase: str, start: int, stop: int) -> bool:
        """Whether all norms of a phase lie where squares neither underflow nor overflow."""
        if not self._place.may_read_back or not self._phases[phase]:
            return True
        smallest, largest = torch.aminmax(self._span(phase, start, stop))
        return smallest.item() >= self._trusted[0] and largest.item() <= self._trusted[1]

    def check(self, phase: str, start: int, stop: int, rows: Mapping[str, Tensor]) -> None:
        """Measures again, in float64, the norms of a phase that cannot be trusted; `rows` are what they are of, [L, R, M] a slot."""
        if not self.is_sound(phase, start, stop):
            self.mend(phase, start, stop, rows)

    def mend(self, phase: str, start: int, stop: int, rows: Mapping[str, Tensor], lowest: int = 0) -> None:
        """The same where it is known that some cannot be, in the layers from `lowest` up."""
        if not self._phases[phase]:
            return
        norms_SLR = self._span(phase, start, stop).cpu().numpy()
        suspect_SLR = self._suspect(norms_SLR)
        suspect_SLR[:, : max(0, lowest - start)] = False
        for slot, of_slot, norms_LR in zip(self._phases[phase], suspect_SLR, norms_SLR, strict=True):
            places = np.flatnonzero(of_slot)
            if len(places) and not self._are_zeros(rows[slot], norms_LR, places):
                self._note(slot, start, places, rows[slot], self._exact_norms)

    def mend_pass(self, phases: Iterable[tuple[str, int, int, Mapping[str, Tensor]]], stop: int, num_zero: int) -> None:
        """The same of the phases of a whole pass; δ is known to be zero in so many layers, the lowest."""
        norms_SLR = self._span("pass", 0, stop).cpu().numpy()
        of_the_signal = all(slot in OF_THE_SIGNAL for slot in self._phases["pass"])
        lowest = num_zero if of_the_signal and not norms_SLR[:, :num_zero].any() else 0
        is_layer: list[bool] = np.any(self._suspect(norms_SLR[:, lowest:]), axis=(0, 2)).tolist()
        for phase, first, last, rows in phases:
            if any(is_layer[max(0, first - lowest) : max(0, last - lowest)]):
                self.mend(phase, first, last, rows, lowest)

    def check_cancellation(self, start: int, stop: int, h_LRM: Tensor) -> None:
        """Takes sum and norm of h again, in float64, where the standard deviation is a small difference of the two."""
        if self._frame.dtype is not torch.float32 or "h_norm" not in self._slots:
            return
        sum_LR, norm_LR = (self._frame[self._slots[slot], start:stop] for slot in ("h_sum", "h_norm"))
        suspect = sum_LR.square() > norm_LR.square().mul_((1.0 - measures.CANCELLED) * h_LRM.shape[2])
        if suspect.any():
            places = np.flatnonzero(suspect.cpu().numpy())
            totals = partial(measures.exact_totals, num_threads=self._place.num_threads)
            self._note("h_sum", start, places, h_LRM, totals)
            self._note("h_norm", start, places, h_LRM, self._exact_norms)

    def mend_frame(self, frame_SLR: Tensor) -> None:
        """Puts what was noted of the step in its place."""
        for slot, places, values in self._found:
            frame_SLR[slot].view(-1).index_copy_(0, places, values)
        self._found.clear()

    def forget(self) -> None:
        """Drops what was noted of a step that was cut short."""
        self._found.clear()

    def _span(self, phase: str, start: int, stop: int) -> Tensor:
        """The norms of a phase, [S, L, R]."""
        key = (phase, start, stop)
        span = self._spans.get(key)
        if span is None:
            names = self._phases[phase]
            first = self._slots[names[0]]
            span = self._spans[key] = self._frame[first : first + len(names), start:stop]
        return span

    def _suspect(self, norms: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
        low, high = self._trusted
        return np.asarray(~((norms >= low) & (norms <= high)))

    def _are_zeros(self, rows_LRM: Tensor, norms_LR: NDArray[np.floating[Any]], places: NDArray[np.int64]) -> bool:
        """Whether norms of 0 at some places, from the first of them to the last, are those of nothing but zeros."""
        if norms_LR.reshape(-1)[places].any():
            return False
        smallest, largest = torch.aminmax(rows_LRM.flatten(0, 1)[places[0] : places[-1] + 1])
        return smallest.item() == 0 and largest.item() == 0

    def _note(
        self, slot: str, start: int, places: NDArray[np.int64], rows_LRM: Tensor, exact: Callable[[Tensor, Tensor], Tensor]
    ) -> None:  # fmt: skip
        """Measures the rows at some places exactly."""
        index_K = torch.from_numpy(places).to(self._place.device)
        values_K = exact(rows_LRM.flatten(0, 1), index_K)
        self._found.append((self._slots[slot], index_K + start * rows_LRM.shape[1], values_K))
