"""What a module's training has come to so far, for an observer while it goes on: its loss."""

import numpy as np

from gradlab.results.record import Recent


class LossesSoFar:
    """Gives the recorded steps with their losses; see `results.record.RecordedSoFar`. Signals are tabulated when training is over."""

    def __init__(self) -> None:
        self._steps: list[int] = []
        self._losses: list[float] = []

    def note(self, step: int, loss: float) -> None:
        """A step was recorded."""
        self._steps.append(step)
        self._losses.append(loss)

    def __call__(self, after: int, most: int) -> Recent:
        """At most so many steps recorded after a step (-1 for all), the latest among them, thinned evenly."""
        steps = np.array(self._steps, dtype=np.int64)
        first = int(np.searchsorted(steps, after, "right"))
        count = len(steps) - first
        back = np.linspace(0, max(count - 1, 0), min(count, most)).round().astype(np.int64)
        kept = len(steps) - 1 - back[::-1]
        losses = np.array(self._losses, dtype=np.float64)[kept]
        return Recent(steps[kept], losses[:, None], None, np.zeros((len(kept), 0)))

    def latest(self) -> Recent:
        """The last recorded step, or none."""
        return self(self._steps[-1] - 1 if self._steps else -1, 1)

    def close(self) -> None:
        """What was recorded so far stays: two numbers a step."""
