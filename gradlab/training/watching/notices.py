"""What a watch has to say while it goes on: each thing once, as a warning and in the facts of the run."""

import sys
from collections.abc import Callable
from typing import Any

from gradlab.errors import WatchWarning, warn_of_watch

DOUBLE = "gradients are differentiated again (a gradient penalty): signals of both passes are mixed in one row"
NO_GRADIENT = "the optimizer steps, and no parameter of the watched model has a gradient: backward was not called, or on another model"
KEPT = (
    "the gradients of a step are still there when the next one's are added to them, so that each step uses the sum of all before: call "
    "optimizer.zero_grad() before backward"
)
UNSEEN = (
    "gradients came and no module was seen to be called, so signals are not recorded: the model was compiled before it was watched "
    "(watch it before its first call, or give compiled=True; after torch.compiler.reset() where one of the same code was compiled "
    "unwatched), or its forward is called directly (call the module)"
)
CHANGED = (
    "the model's parameters are not those that it had when it was watched, new ones are not recorded: close this watch, and watch "
    "the model anew"
)
NOTHING = "nothing was recorded: the optimizer never stepped while the model was watched"


class Notices:
    """Says each thing once, and keeps exceptions of the recorder's own from reaching the loop.

    Attributes:
        texts: All that was said.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        """`stop` ends recording."""
        self.texts: list[str] = []
        self._stop = stop

    def warn(self, text: str) -> None:
        if text in self.texts:
            return
        self.texts.append(text)
        try:
            warn_of_watch(text)
        except WatchWarning as raised:  # where warnings are errors, training goes on all the same
            print(f"WatchWarning: {raised}", file=sys.stderr)

    def fault(self, error: Exception) -> None:
        """Something of the recorder's own went wrong: recording ends, training goes on."""
        self._stop()
        self.warn(f"recording stopped, training goes on: {type(error).__name__}: {error}")

    def guarded(self, function: Callable[..., None], *bound: Any) -> Callable[..., None]:
        """A hook that lets no exception out."""

        def hook(*_: Any) -> None:
            try:
                function(*bound)
            except Exception as error:
                self.fault(error)

        return hook
