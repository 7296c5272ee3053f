"""Threads of each training step: one, or all that there are, whichever takes less time at that moment.

More threads are not always quicker. A small step loses more by waking them than it gains, and threads wait for each other by spinning:
where other work keeps the cores busy, a step with two takes ten times what it takes with one. Neither can be told in advance, so both
are timed as the training goes on. A run's numbers are the same with either (`network.reproducible`), so nothing but time depends on it.
"""

import statistics
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import torch

from gradlab.network.network import Shape
from gradlab.network.reproducible.buffers import GRAIN
from gradlab.training.idle import STARTED, Look, idle_seconds

TRIAL = 5
"""Steps that are timed before one number of threads is preferred to the other; their median leaves out the few that take longer, such as
a step at which a Jacobian is measured."""

ENOUGH = 3
"""Steps of a trial after which it is given up where all of them took longer than usual."""

GAIN = 0.95
"""Time of a step with the other number of threads over that with this one below which it is changed: less is noise."""

HOPELESS = 4.0
"""Times the usual above which a trial is given up at once: with busy cores a step with two threads takes 10 to 150 times the usual."""

SLOWED = 2.0
"""Times the usual above which two steps in a row say that other work has come, so that one thread is tried at once."""

INTERVAL = 0.5
"""Seconds of training from one trial to the next, at least."""

SHARE = 0.02
"""Most of the training's time that trials may lose, beyond the first ones."""

WINDOW = 0.1
"""Seconds over which it is looked how long cores were idle, at least: the kernel counts in hundredths."""

FRESH = 5.0
"""Seconds since the process has loaded torch for which that time says enough of the first steps' cores."""

IDLE = 0.6
"""Part of that time that each further thread's core has to have been idle for more threads to be tried."""

SMALL_PRODUCT = 200_000
"""Multiplications in a product of all runs up to which one thread is always quicker. Measured on two free cores of an AMD EPYC, batches of
64 and 32, one run: 32 wide (65,536) 1.27 ms with one thread for 1.41 with two, 64 wide (131,072) 0.92 for 0.96; 100 wide (640,000) 4.09
for 3.34; 32 runs of 16 wide (262,144) 0.30 a run for 0.23."""


def is_small(shape: Shape) -> bool:
    """Whether a step's calls have too little work for more than one thread: its products, and its elementwise functions."""
    products = sum(rows * columns for rows, columns in zip(shape.fan_in, shape.fan_out, strict=True))
    rows = shape.num_runs * shape.batch_size
    return rows * products <= SMALL_PRODUCT * len(shape.fan_in) and rows * max(shape.fan_out) <= GRAIN


@dataclass(frozen=True)
class Threads:
    """What a training is given.

    Attributes:
        most: Threads that it may use.
        are_chosen: Whether each step has fewer where that is quicker.
    """

    most: int
    are_chosen: bool

    def of_steps(self, shape: Shape, most: int) -> "StepThreads":
        """The threads of the steps of networks of a shape, of which `most` leave their numbers alone."""
        return StepThreads(1 if self.are_chosen and is_small(shape) else most, chooses=self.are_chosen)


class StepThreads:
    """Sets the number of threads before each step, from how long steps took."""

    def __init__(
        self, most: int, *, chooses: bool,
        clock: Callable[[], float] = time.perf_counter, idle: Callable[[], float | None] = idle_seconds,
    ) -> None:  # fmt: skip
        """Starts with one thread where it chooses, else with all.

        Args:
            most: Threads that the step may use without a change of its numbers.
            chooses: Whether fewer are used where that is quicker.
            clock: Seconds.
            idle: Seconds for which cores were idle, all together, or None where that is not known.
        """
        self._most, self._clock, self._idle = most, clock, idle
        self.chooses = chooses and most > 1
        self.count = 1 if self.chooses else most
        self._recent: deque[float] = deque(maxlen=TRIAL)
        self._trial: list[float] | None = None
        self._begun = self._elapsed = self._tried = self._lost = 0.0
        self._usual: float | None = None
        if self.chooses:
            now = clock()
            self._looked = STARTED if 0 <= now - STARTED.now < FRESH else Look(now, idle())

    def start(self) -> None:
        """Sets the threads of the first step."""
        torch.set_num_threads(self.count)

    def begin(self) -> None:
        """A step begins."""
        if self.chooses:
            self._begun = self._clock()

    def end(self) -> None:
        """A step has ended; the next is trained with the threads that are set now."""
        if not self.chooses:
            return
        seconds = self._clock() - self._begun
        self._elapsed += seconds
        if self._trial is not None:
            self._trial.append(seconds)
            self._judge(self._trial)
            return
        self._recent.append(seconds)
        if (self.count > 1 and self._has_slowed()) or (len(self._recent) == TRIAL and self._is_due()):
            self._usual = statistics.median(self._recent)
            self._trial = []
            self._use_other()

    def _has_slowed(self) -> bool:
        """Whether two steps in a row took far longer than usual; then they alone are what one thread is compared with."""
        assert self._usual is not None
        latest = list(self._recent)[-2:]
        if len(latest) < 2 or min(latest) < SLOWED * self._usual:
            return False
        self._recent.clear()
        self._recent.extend(latest)
        return True

    def _is_due(self) -> bool:
        if self._usual is not None:
            # With one thread a trial that a single long step has ended is soon made again.
            may_lose = SHARE * self._elapsed + (TRIAL * statistics.median(self._recent) if self.count == 1 else 0.0)
            if self._elapsed - self._tried < INTERVAL or self._lost > may_lose:
                return False
        return self.count > 1 or self._cores_are_idle()

    def _cores_are_idle(self) -> bool:
        """Whether there was a core for each further thread since it was last looked; as far as is known."""
        now, (then, before) = self._clock(), self._looked
        if before is None:
            return True
        if now - then < WINDOW:
            return False
        idle = self._idle()
        self._looked = Look(now, idle)
        return idle is None or idle - before >= IDLE * (self._most - 1) * (now - then)

    def _judge(self, trial: list[float]) -> None:
        """Ends a trial that has told enough."""
        usual = self._usual
        assert usual is not None
        hopeless = trial[-1] > HOPELESS * usual or (len(trial) >= ENOUGH and min(trial) > usual)
        if len(trial) < TRIAL and not hopeless:
            return
        self._lost += max(0.0, sum(trial) - usual * len(trial))
        self._tried, self._trial = self._elapsed, None
        self._recent.clear()
        if not hopeless and statistics.median(trial) < GAIN * usual:
            self._recent.extend(trial)
            self._usual = statistics.median(trial)
        else:
            self._use_other()

    def _use_other(self) -> None:
        self.count = self._most if self.count == 1 else 1
        torch.set_num_threads(self.count)
        if self.count == 1:
            self._looked = Look(self._clock(), self._idle())
