"""`gradlab run --live`: the training's picture in a terminal, at a rate that is bounded twice, by time and by what it costs."""

import time

import numpy as np

from gradlab.report.live.display import REFRESHES_PER_SECOND
from gradlab.report.live.history import History
from gradlab.report.live.picture import COLORS, SMALLEST, Picture, lay_out
from gradlab.report.live.region import Region
from gradlab.report.live.run_bar import ProgressDisplay
from gradlab.report.live.screen import Palette, Screen
from gradlab.report.terminal.console import Stream
from gradlab.results.record import Progress, Recent

MOST_SHARE = 0.01
"""Most of the time that drawing may take: the longer a frame took, a slow line to the terminal included, the later comes the next."""

VALUES_A_FRAME = 8192
"""Most layers × steps that are looked back at for a frame, at least one step."""

STEPS_A_FRAME = 128
"""Most steps that are looked back at for a frame."""


class LiveRunDisplay(ProgressDisplay):
    """Shows training as it goes: on a terminal its picture, which is gone at the end; elsewhere what `ProgressDisplay` does."""

    def __init__(self, stream: Stream, *, quiet: bool = False) -> None:
        super().__init__(stream, quiet=quiet)
        self._region = self._shown = Region(self._out) if self._live is not None else None
        self._live = None
        system = self._out.color_system
        encoding = self._out.encoding if self._unicode else "ascii"
        palette = Palette(system, COLORS)
        self._drawing = Picture(palette, color=system is not None, unicode=self._unicode, encoding=encoding)
        self._history = History()
        self._due = 0.0

    def update(self, progress: Progress) -> None:
        if self._region is None:
            super().update(progress)
            return
        now = time.monotonic()
        new_batch = progress.names != self._names or progress.step <= self._history.step
        if new_batch:
            self._names, self._history = progress.names, History()
        if new_batch or now >= self._due or progress.step == progress.num_steps:
            self._region.paint(self._frame(progress))
            took = time.monotonic() - now
            self._due = now + max(1 / REFRESHES_PER_SECOND, took / MOST_SHARE)

    def _frame(self, progress: Progress) -> Screen:
        recent = self._recent(progress)
        self._history.add(recent)
        width, height = self._out.size
        if self._history.step < 0 or width < SMALLEST[0] or height < SMALLEST[1]:
            return self._drawing.compact(width, height, progress)
        color = self._out.color_system is not None
        layout = lay_out(
            width, height, self._history.num_layers, progress.num_steps, color=color, unicode=self._unicode
        )
        past = self._history.picture(layout.lines, 2 if layout.halves else 1, layout.columns // layout.stretch)
        return self._drawing.draw(layout, width, progress, past, recent.quantity)

    def _recent(self, progress: Progress) -> Recent:
        """What was recorded since the last frame, or as much as a `Progress` from elsewhere tells."""
        profile = progress.log10_backward_rms
        if progress.recorded_so_far is None:
            layers = np.zeros((1, 0)) if profile is None else profile[None]
            quantity = None if profile is None else "log10_backward_rms"
            return Recent(np.array([max(progress.step - 1, 0)]), progress.loss[None], quantity, layers)
        num_layers = self._history.num_layers or (1 if profile is None else len(profile))
        most = max(1, min(STEPS_A_FRAME, VALUES_A_FRAME // num_layers))
        return progress.recorded_so_far(self._history.step, most)
