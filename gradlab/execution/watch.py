"""A module of somebody's own, watched while its own loop trains it: opened, told figures, closed, stored as a run.

Nothing here may harm that loop. What is asked for wrongly is an error before training begins; after that, a fault of recording, judging or
storing is told once as a warning.
"""

import atexit
import os
import sys
import time
import traceback
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from gradlab.config.suggestion import suggestion
from gradlab.config.text import counted
from gradlab.errors import RunFailedError, UsageError, warn_of_watch
from gradlab.execution import interrupts
from gradlab.execution.executors.contract import brief
from gradlab.execution.watch_options import WatchOptions
from gradlab.execution.watched_run import Ending, WatchedRun
from gradlab.results.run_files import TRACEBACK
from gradlab.results.stored import StoredRun
from gradlab.training.watching.options import Options
from gradlab.training.watching.record import FIGURES
from gradlab.training.watching.watcher import Watcher

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

FIRST_SAVE = 60.0
"""Seconds after which what was recorded so far is stored for the first time, while the loop goes on, and at least between two times."""

SAVE_SHARE = 0.01
"""Most of the loop's time that storing what was recorded so far may take."""

_open: "weakref.WeakSet[Watch]" = weakref.WeakSet()


class Watch:
    """A module that is being watched; `gradlab.watch` gives one.

        with gradlab.watch(model, optimizer, name="mine") as run:
            ...
        run.stored.verdict

    It lives as long as the optimizer whose steps it counts, held or not.
    """

    def __init__(
        self,
        model: "nn.Module",
        optimizer: "Optimizer | Sequence[Optimizer]",
        options: WatchOptions,
        summary_md: Callable[[StoredRun], str],
    ) -> None:
        """Hook onto a module and its optimizer.

        Raises:
            UsageError: If they cannot be watched, or `out` cannot be written.
            RunFailedError: If `out` cannot be made, as on a full disk.
        """
        self._watcher: Watcher | None = None
        self._stored: StoredRun | None = None
        self._unsaved: str | None = None
        self._ending: Ending | None = None
        self._told: dict[str, str] = {}
        self._process, self._writes = os.getpid(), _rank() == 0
        self._called = f"{type(model).__name__} '{options.name}'"
        self._run = WatchedRun(options, summary_md)
        if self._writes:
            self._run.store.prepare()
        self._due = time.monotonic() + FIRST_SAVE
        self._watcher = Watcher(
            model,
            optimizer,
            options=Options(
                scaler=options.scaler,
                every=options.every,
                quantities=options.quantities,
                compiled=options.compiled,
            ),
        )
        # The optimizer's hook holds on to the watch. It comes after the watcher's own.
        self._hook = self._watcher.optimizers[0].register_step_post_hook(lambda *_: self._stepped())
        _open.add(self)

    def __repr__(self) -> str:
        if self._watcher is None:
            return f"<watch, closed: {self._stored!r}>"
        return f"<watch of {self._called}: {counted(self._watcher.facts['steps'], 'step')} so far>"

    def _repr_html_(self) -> str | None:
        """What a notebook shows once it is closed: the run; before that it is the line of `repr`."""
        return None if self._watcher is not None or self._stored is None else self._stored._repr_html_()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        elif isinstance(error, Exception):
            details = "".join(traceback.format_exception(kind, error, trace))
            self._close(Ending("failed", f"{brief(error)} (see {TRACEBACK})", details))
        else:  # Ctrl+C, sys.exit()
            self._close(Ending("interrupted", f"the loop was left by {brief(error)}"))

    def __del__(self) -> None:
        """The module and its optimizer were let go of, as where a cell of a notebook is run again."""
        if getattr(self, "_watcher", None) is not None:
            with suppress(Exception):  # nobody could catch it, not even a warning that is made an error
                self._close(Ending("interrupted", "the module was let go of while it was watched"))

    def __reduce__(self) -> Any:
        raise TypeError("a watch cannot be copied or sent to another process")

    def log(self, **figures: Any) -> None:
        """Take figures of the step whose loss was computed last: after `backward()`, before or after `optimizer.step()`.

        Nothing is read back from a device. A figure that is no number, or of another name, is told once and left out.

        Args:
            **figures: `loss` and `holdout_loss`: a number, a tensor of one entry, or an output that has a `.loss`; `accuracy` and
                `holdout_accuracy`, from 0 to 1. Of several in one step the mean is recorded.
        """
        if self._watcher is None:
            self._warn("closed", "figures that are logged after the watch was closed are left out")
            return
        taken = {}
        for name, value in figures.items():
            if name not in FIGURES:
                near = suggestion(name, FIGURES, all_of_them=True)
                self._warn(f"name {name}", f"log: unknown figure '{name[:60]}' is left out{near}")
                continue
            number = _number(value, name)
            if number is None:
                self._warn(f"value {name}", f"log: {name}: expected a number, got {_words(value)}; it is left out")
                continue
            taken[name] = number
        if taken:
            self._watcher.log(**taken)

    def close(self) -> None:
        """Take the hooks off, judge what was recorded and store it; after that, nothing, unless the run could not be written."""
        self._close(Ending())

    @property
    def stored(self) -> StoredRun | None:
        """The run as it lies on the disk; None on every rank but the first.

        Raises:
            UsageError: If the watch is open yet.
            RunFailedError: If the run could not be written.
        """
        if not self._writes:
            return None
        if self._unsaved is not None:
            raise RunFailedError(f"watch: the run is not stored ({self._unsaved}); `run.close()` tries again")
        if self._watcher is not None or self._stored is None:
            raise UsageError(
                "watch: it is open yet; there is a stored run once it is closed (`run.close()`, or after the `with`)"
            )
        return self._stored

    def _stepped(self) -> None:
        """After a step: store what was recorded so far, where it is time.

        A loop of hours may be killed, and whoever looks for its gradients then expects to find them.
        """
        now = time.monotonic()
        if now < self._due or self._watcher is None or not self._writes or os.getpid() != self._process:
            return
        reason = "it was training yet when this was written; if it does no longer, its process was killed"
        try:
            self._run.save(self._watcher, Ending("interrupted", reason), self._told.values())
        except Exception as error:
            self._warn(
                "save", f"what was recorded so far could not be stored ({brief(error)}); it goes on, and tries again"
            )
        cost = time.monotonic() - now
        self._due = now + cost + max(FIRST_SAVE, cost / SAVE_SHARE)

    def _close(self, ending: Ending) -> None:
        """Store the run and let go of the module; a fork of the process leaves both to the one that opened the watch."""
        watcher = self._watcher
        if watcher is None or os.getpid() != self._process:
            return
        self._ending = self._ending or ending
        with interrupts.held():
            self._hook.remove()
            watcher.close()
            try:
                if self._writes:  # gradients are the same on every rank
                    self._stored = self._run.save(watcher, self._ending, self._told.values())
            except Exception as error:
                self._unsaved = brief(error)
                self._warn(
                    f"unsaved {brief(error)}",
                    f"the run could not be stored ({brief(error)}); `run.close()` tries again",
                )
                return
            self._watcher = self._unsaved = None
            _open.discard(self)
            for fault in self._run.faults:
                self._warn(
                    f"fault {brief(fault)}", f"the run is stored, but could not be judged or rendered ({brief(fault)})"
                )

    def _warn(self, key: str, text: str) -> None:
        """Tell it once."""
        if key not in self._told:
            self._told[key] = text
            warn_of_watch(text)


def _rank() -> int:
    """Rank of this process among those that train the module together; 0 where it is alone."""
    from torch import distributed

    return distributed.get_rank() if distributed.is_available() and distributed.is_initialized() else 0


def _number(value: Any, name: str) -> "float | Tensor | None":
    """A figure as the watcher takes it: a tensor with its graph, which tells whose loss it is; None where it is none."""
    from torch import Tensor

    if name.endswith("loss") and not isinstance(value, Tensor):
        value = value.get("loss") if isinstance(value, Mapping) else getattr(value, "loss", value)
    if isinstance(value, Tensor):
        return value if value.numel() == 1 and not value.is_complex() else None
    if isinstance(value, bool | str | bytes):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _words(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return f"{type(value).__name__}" if shape is None else f"{type(value).__name__} of shape {tuple(shape)}"


@atexit.register
def _at_exit() -> None:
    """Store what is open yet."""
    error = getattr(sys, "last_value", None)
    reason = "the program ended while it was watched" + (f" ({brief(error)})" if error is not None else "")
    for watch in list(_open):
        watch._close(Ending("interrupted", reason))
