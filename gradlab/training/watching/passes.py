"""When a backward pass begins and ends, told from hooks that run within it."""

from collections.abc import Callable

import torch

_current = torch._C._current_graph_task_id
_engine = torch.autograd.Variable._execution_engine
OUTSIDE = -1
"""What torch calls the pass that runs where none does."""


class Passes:
    """Watches for the two ends of a backward pass.

    The end comes after all gradients are accumulated and after whatever else was queued for the end, such as the last reduction of
    DistributedDataParallel. A pass within a pass, as checkpointing has them, belongs to the outer one.

    Attributes:
        task: The pass that a hook was last called in.
        open: Whether one has begun and not ended.
        count: Passes that ended.
    """

    def __init__(self, begun: Callable[[], None], ended: Callable[[], None]) -> None:
        """`begun` and `ended` are called at the two ends; they must not raise."""
        self.task = OUTSIDE
        self.open = False
        self.count = 0
        self._begun, self._ended = begun, ended

    def enter(self) -> None:
        """To be called by every hook within a pass whose number is not `task`."""
        self.task = _current()
        if self.open or self.task == OUTSIDE:
            return
        self.open = True
        self._begun()
        # Queued from within what was queued: so it comes after what others queue meanwhile.
        _engine.queue_callback(lambda: _engine.queue_callback(self._end))

    def _end(self) -> None:
        if not self.open:
            return
        self.forget()
        self.count += 1
        self._ended()

    def forget(self) -> None:
        """A pass that broke off with an exception never ends: the next one is not within it."""
        self.open = False
        self.task = OUTSIDE
