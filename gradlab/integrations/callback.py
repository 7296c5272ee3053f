"""What the callbacks share: the arguments of `gradlab.watch`, kept until training begins, and the watch."""

from typing import TYPE_CHECKING, Any, Unpack

from gradlab import api
from gradlab.errors import UsageError
from gradlab.execution.watch_options import WatchArguments, checked_names

if TYPE_CHECKING:
    from gradlab.execution.watch import Watch


class WatchingCallback:
    """Watches a module from when its training begins."""

    def __init__(self, **arguments: Unpack[WatchArguments]) -> None:
        """Keep the arguments of `gradlab.watch`.

        Raises:
            UsageError: If one of them cannot be.
        """
        super().__init__()
        self._arguments = checked_names(arguments)
        self._run: Watch | None = None

    @property
    def run(self) -> "Watch":
        """The watch of the last training.

        Raises:
            UsageError: If none has begun.
        """
        if self._run is None:
            raise UsageError("watch: training has not begun; there is a watch from then on")
        return self._run

    def _begin(self, model: Any, optimizer: Any, scaler: Any) -> None:
        """Watch a module; a scaler among the arguments counts before the trainer's own."""
        self._run = api.watch(model, optimizer, **{"scaler": scaler, **self._arguments})
