"""What is seen while a sweep runs: one live display on a terminal, a line a batch elsewhere."""

import time
from collections import Counter

import numpy as np
from rich.console import Group
from rich.text import Text

from gradlab.config.text import clean_line
from gradlab.report.live.display import REFRESHES_PER_SECOND, LiveDisplay
from gradlab.report.terminal.console import Stream
from gradlab.report.words.values import counted, duration
from gradlab.report.words.verdicts import APPEARANCES, badness, tally_words, word_of
from gradlab.results.record import Progress
from gradlab.results.stored import StoredRun

MOST_BATCHES = 4
"""Running batches that have a line of their own."""

_LONGEST_BAR = 40

MOST_LINES, SECONDS_BETWEEN_LINES = 20, 60.0
"""Lines that a log gets of batches that follow one another quickly, and how long it waits at most."""


class SweepDisplay(LiveDisplay):
    """Shows on a stream how a sweep gets on; a context manager.

    On a terminal one display lives and is redrawn a few times a second when something is told; elsewhere a line is
    written when a batch is done, of hundreds at each twentieth of the runs, and in any case once a minute. For one batch the
    order is `running`, `progress`, `stored` for each run, `landed`.
    """

    def __init__(self, stream: Stream, *, quiet: bool = False) -> None:
        super().__init__(stream, quiet=quiet)
        self._drawn = -1.0
        self._total = self._cached = self._num_batches = 0
        self._done = self._failed = 0  # runs that this call has stored, and how many of them failed
        self._landed_runs = self._landed_batches = 0
        self._running: dict[int, int] = {}
        self._progress: dict[int, Progress] = {}
        self._verdicts: Counter[str] = Counter()
        self._began = time.monotonic()
        self._said, self._said_at = 0, self._began  # runs that were done when a line was last written

    def begin(self, total: int, cached: int, batches: int) -> None:
        self._total, self._cached, self._num_batches = total, cached, batches
        self._began = time.monotonic()
        self.tick()

    def running(self, task: int, num_runs: int) -> None:
        if not self._running and not self._landed_batches:
            self._began = time.monotonic()  # reading what is cached is not work that tells how long the rest will take
        self._running[task] = num_runs
        self._progress.pop(task, None)
        self.tick()

    def progress(self, task: int, progress: Progress) -> None:
        if task in self._running:
            self._progress[task] = progress
            self.tick()

    def stored(self, run: StoredRun) -> None:
        """Tell that a run is on the disk: just written, or there already (`run.cached`)."""
        word = word_of(run)
        self._verdicts[word] += 1
        if not run.cached:
            self._done += 1
            self._failed += word == "failed"
        self.tick()

    def landed(self, task: int, num_runs: int, seconds: float) -> None:
        self._forget(task)
        self._landed_runs += num_runs
        self._landed_batches += 1
        self._num_batches = max(self._num_batches, self._landed_batches + len(self._running))
        if self._live is None and not self._quiet and self._is_due():
            self._said, self._said_at = self._landed_runs, time.monotonic()
            self._out.print(Text(self._line(seconds)))
        self.tick()

    def retried(self, task: int, text: str) -> None:
        self._forget(task)
        self.note_one(text, "and more batches that failed; those that fail in the end are told then")
        self.tick()

    def note(self, line: str) -> None:
        """Write a line that stays; what comes from a run may hold anything."""
        super().note(clean_line(line))

    def tick(self) -> None:
        """Redraw the live display, or write a line to a log, if that is due; who waits long for a batch may call this meanwhile."""
        if self._live is None:
            if not self._quiet and self._running and time.monotonic() - self._said_at >= SECONDS_BETWEEN_LINES:
                self._said_at = time.monotonic()
                self._out.print(Text(self._line()))
        else:
            now = time.monotonic()
            if now - self._drawn >= 1 / REFRESHES_PER_SECOND:
                self._drawn = now
                lines = [self._bar(now), self._counts(), self._verdict_line(), *self._batches()]
                self._live.update(Group(*lines), refresh=True)

    def _is_due(self) -> bool:
        """Whether a log is to have a line of the batch that is done: the one that ends the sweep always."""
        every = (self._total - self._cached) / MOST_LINES
        last = self._finished() >= self._total
        late = time.monotonic() - self._said_at >= SECONDS_BETWEEN_LINES
        return last or late or self._landed_runs - self._said >= every

    def _forget(self, task: int) -> None:
        self._running.pop(task, None)
        self._progress.pop(task, None)

    def _finished(self) -> int:
        return min(self._cached + self._done, self._total)

    def _worked(self) -> float:
        """Runs that this call has trained, those that train now by their share of steps."""
        partly = 0.0
        for task, progress in self._progress.items():
            partly += self._running[task] * progress.step / max(progress.num_steps, 1)
        return max(self._landed_runs + partly, float(self._done))

    def _rate(self, now: float) -> float:
        elapsed = now - self._began
        return self._worked() / elapsed if elapsed > 0 else 0.0

    def _time_left(self, now: float) -> str:
        """What is left at the speed so far, "" where nothing is left or known."""
        rate, todo = self._rate(now), self._total - self._cached - self._worked()
        if rate <= 0 or todo <= 0:
            return ""
        seconds = todo / rate  # of an estimate, tenths of a second say nothing
        return f"{f'{seconds:.0f} s' if 10 <= seconds < 59.5 else duration(seconds)} left"

    def _tally(self) -> list[tuple[str, int]]:
        return sorted(self._verdicts.items(), key=lambda item: badness(item[0]))

    def _line(self, seconds: float | None = None) -> str:
        """How far the sweep is, with the batch that took so long, or what trains meanwhile."""
        done = f"{self._finished()} of {counted(self._total, 'run')} done"
        done += f" ({self._cached} cached)" if self._cached else ""
        verdicts = tally_words(self._tally())
        if seconds is None:
            batch = f"{self._training()} of them running"
        else:
            batch = f"batch {self._landed_batches} of {self._num_batches} took {duration(seconds)}"
        left = self._time_left(time.monotonic())
        return f"{done}{f', {verdicts}' if verdicts else ''}; {batch}{f'; {left}' if left else ''}"

    def _bar(self, now: float) -> Text:
        rate, left = self._rate(now), self._time_left(now)
        parts = [f"{self._finished()} of {counted(self._total, 'run')}"]
        parts += [f"{rate:.3g} runs/s"] if rate > 0 else []
        parts += [left] if left else []
        said = f" {', '.join(parts)}"
        length = max(8, min(_LONGEST_BAR, self._out.width - len(said) - 1))
        worked = min(self._cached + self._worked(), self._total)
        full, rest = ("━", "─") if self._unicode else ("=", "-")
        filled = round(length * worked / self._total) if self._total else length
        return _cropped().append(full * filled, "green").append(rest * (length - filled), "dim").append(said)

    def _counts(self) -> Text:
        left, training = self._total - self._finished(), self._training()
        line = _cropped().append(f"{self._done - self._failed} done, {self._cached} cached, ")
        line.append(f"{self._failed} failed", APPEARANCES["failed"].style if self._failed else "")
        return line.append(f", {left} left, {training} of them running")

    def _training(self) -> int:
        return min(sum(self._running.values()), self._total - self._finished())

    def _verdict_line(self) -> Text:
        line = _cropped()
        for word, count in self._tally():
            line.append(", " if line else "").append(f"{count} ").append(word, APPEARANCES[word].style)
        return line or line.append("no verdict yet", "dim")

    def _batches(self) -> list[Text]:
        lines = []
        for task in sorted(self._running)[:MOST_BATCHES]:
            line = _cropped().append(f"  {counted(self._running[task], 'run')}", "bold")
            progress = self._progress.get(task)
            if progress is not None:
                line.append(f": step {progress.step} of {progress.num_steps}{_loss(progress)}")
            lines.append(line)
        more = len(self._running) - len(lines)
        return [*lines, _cropped().append(f"  … and {counted(more, 'batch')} more", "dim")] if more > 0 else lines


def _cropped() -> Text:
    return Text(no_wrap=True, overflow="crop")


def _loss(progress: Progress) -> str:
    loss = progress.loss[~np.isnan(progress.loss)]
    return f", loss {np.median(loss):.4g}{' (median)' if len(progress.names) > 1 else ''}" if loss.size else ""
