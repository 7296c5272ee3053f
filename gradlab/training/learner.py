"""What the training loop asks of what it trains, be it networks side by side or a module of somebody else's."""

from typing import Protocol

from gradlab.network.place import Place
from gradlab.results.record import Recent, Trained
from gradlab.training.step_threads import StepThreads


class SoFar(Protocol):
    """What was recorded so far; see `results.record.RecordedSoFar`."""

    def __call__(self, after: int, most: int) -> Recent:
        """At most so many steps recorded after a step, the latest among them."""

    def latest(self) -> Recent:
        """The last recorded step, or none."""

    def close(self) -> None:
        """Lets go of what was recorded."""


class Learner(Protocol):
    """One run or more that train together, step by step; it measures itself as it goes.

    A block of steps is `load_block`, `train_step` for each of them, `flush`.

    Attributes:
        names: Of the runs, R of them.
        num_steps: Steps to train.
        block_steps: Steps from one hand-over to the host to the next.
        place: Where it trains.
        threads: Sets how many threads each step has.
        so_far: Gives what was recorded so far.
        assessed_steps: Steps before which `assess` is called.
    """

    names: tuple[str, ...]
    num_steps: int
    block_steps: int
    place: Place
    threads: StepThreads

    @property
    def so_far(self) -> SoFar: ...

    @property
    def assessed_steps(self) -> tuple[int, ...]: ...

    def load_block(self, first: int, num_steps: int) -> None:
        """Hands what the next steps need to the device; no later block is longer than the first."""

    def assess(self, step: int) -> None:
        """Compares the networks with the best constant answer before a step is trained, one of `assessed_steps`."""

    def train_step(self, step: int) -> None:
        """Trains the next step, whose number the host knows too."""

    def abandon(self) -> None:
        """Forgets a step that was cut short."""

    def flush(self) -> bool:
        """Takes what was recorded in a block over to the host; says whether any run can still learn: it is finite."""

    def trained(self, steps_done: int, seconds: float, interrupted: bool) -> list[Trained]:
        """One result a run, after so many steps, ended early by the user where `interrupted`."""
