"""What is seen while runs train: a live bar with the backward profile on a terminal, a line now and then elsewhere."""

import time

import numpy as np
from numpy.typing import NDArray
from rich.console import Group
from rich.text import Text

from gradlab.config.text import cut
from gradlab.report.live.display import REFRESHES_PER_SECOND, LiveDisplay
from gradlab.report.terminal.console import Stream
from gradlab.report.words.values import duration, power, rate
from gradlab.results.record import Progress

SECONDS_BETWEEN_LINES, LATER_BETWEEN_LINES = 10.0, 60.0
"""In a log, of the first `NUM_SOON` lines and of what trains longer."""

NUM_SOON = 6

HEIGHTS = "▁▂▃▄▅▆▇█"
PLAIN_HEIGHTS = "_.-~=+*#"


def sparkline(profile: NDArray[np.float64], width: int, *, unicode: bool = True) -> str:
    """A backward profile, log10, [L], from the input to the readout in at most `width` characters.

    Zero is "0", and what is not finite "x".

    >>> import numpy as np
    >>> sparkline(np.array([-30.0, -20.0, -10.0, 0.0, -np.inf, np.nan]), 10)
    '▁▃▆█0x'
    """
    glyphs = HEIGHTS if unicode else PLAIN_HEIGHTS
    count = min(len(profile), width)
    picked = profile[np.linspace(0, len(profile) - 1, count).round().astype(int)] if count else profile[:0]
    finite = picked[np.isfinite(picked)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    span = max(high - low, 1.0)  # less than a decade is no profile: keep noise from filling the line
    levels = np.minimum((1 - (high - picked) / span) * len(glyphs), len(glyphs) - 1)
    return "".join(
        glyphs[int(level)] if np.isfinite(value) else "0" if np.isneginf(value) else "x"
        for value, level in zip(picked, levels, strict=True)
    )


class ProgressDisplay(LiveDisplay):
    """Shows training as it goes on a stream; a context manager.

    On a terminal one bar lives and is redrawn a few times a second; elsewhere a line is written at the start of each
    batch and then at most every ten seconds, of what trains longer than a minute every minute.
    """

    def __init__(self, stream: Stream, *, quiet: bool = False) -> None:
        super().__init__(stream, quiet=quiet)
        self._said = -SECONDS_BETWEEN_LINES
        self._drawn = 0.0
        self._num_said = 0
        self._names: tuple[str, ...] = ()

    def update(self, progress: Progress) -> None:
        if self._quiet:
            return
        now = time.monotonic()
        new_batch, self._names = progress.names != self._names, progress.names
        if self._live is not None:
            if new_batch or now - self._drawn >= 1 / REFRESHES_PER_SECOND or progress.step == progress.num_steps:
                self._drawn = now
                self._live.update(self._picture(progress), refresh=True)
        elif new_batch or now - self._said >= (
            SECONDS_BETWEEN_LINES if self._num_said < NUM_SOON else LATER_BETWEEN_LINES
        ):
            self._said = now
            self._num_said = 0 if new_batch else self._num_said + 1
            self._out.print(Text(progress_words(progress)))

    def _picture(self, progress: Progress) -> Group:
        lines = compact_lines(progress, self._out.width, unicode=self._unicode)
        return Group(*(Text.assemble(*parts, no_wrap=True, overflow="crop") for parts in lines))


def progress_words(progress: Progress) -> str:
    """How training gets on, in one line."""
    words = f"{_who(progress)}: step {progress.step} of {progress.num_steps}"
    loss = _loss(progress)
    return words + (f", {loss}" if loss else "") + _speed(progress)


def compact_lines(progress: Progress, width: int, *, unicode: bool) -> list[list[tuple[str, str]]]:
    """A bar with loss and speed, and the backward profile below it where there is one: texts of each and their styles."""
    lines = [bar_parts(progress, width, unicode=unicode)]
    if progress.log10_backward_rms is not None:
        lines.append(_profile_parts(progress.log10_backward_rms, width, unicode=unicode))
    return lines


def bar_parts(progress: Progress, width: int, *, unicode: bool) -> list[tuple[str, str]]:
    """A bar with what trains, steps, loss and speed: texts and their styles; a long name gives way to the figures."""
    state = f" {progress.step}/{progress.num_steps} {_loss(progress)}{_speed(progress)}"
    who = cut(_who(progress), max(width - len(state) - 10, 10))
    length = max(8, min(24, width - len(who) - len(state) - 2))
    done = round(length * progress.step / max(progress.num_steps, 1))
    full, rest = ("━", "─") if unicode else ("=", "-")
    return [(f"{who} ", "bold"), (full * done, "green"), (rest * (length - done), "dim"), (state, "")]


def _profile_parts(profile: NDArray[np.float64], width: int, *, unicode: bool) -> list[tuple[str, str]]:
    """The backward signal from the input to the readout, and its ends as powers of ten: texts and their styles."""
    label = "gradient, input to readout "
    first, last = f"{power(float(profile[0]))} ", f" {power(float(profile[-1]))}"
    room = max(8, min(len(profile), width - len(label) - len(first) - len(last) - 1))
    return [(label, "dim"), (first, ""), (sparkline(profile, room, unicode=unicode), "cyan"), (last, "")]


def _who(progress: Progress) -> str:
    return progress.names[0] if len(progress.names) == 1 else f"{len(progress.names)} runs"


def _loss(progress: Progress) -> str:
    loss = progress.loss[~np.isnan(progress.loss)]
    if not loss.size:
        return "loss not finite" if progress.step else ""
    return f"loss {_median(loss):.4g}" + ("" if len(progress.names) == 1 else " (median)")


def _median(values: NDArray[np.float64]) -> float:
    """The median; numpy's own loads a package that takes longer than to draw the display a few times."""
    ordered = np.sort(values)
    return float(ordered[(len(ordered) - 1) // 2] / 2 + ordered[len(ordered) // 2] / 2)


def _speed(progress: Progress) -> str:
    if progress.steps_per_second <= 0:
        return ""
    left = (progress.num_steps - progress.step) / progress.steps_per_second
    return f", {rate(progress.steps_per_second)}" + (f", {duration(left)} left" if left >= 1 else "")
