"""Every error that a user can cause, with the exit code that it leads to.

A gradlab error says what is wrong, where, and what would mend it. Anything else that escapes is gradlab's own bug.
"""

import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

_WITHIN = frozenset(
    {"gradlab", "torch", "contextlib", "functools", "lightning", "pytorch_lightning", "transformers", "accelerate"}
)
"""Packages whose frames are no place of a warning: whoever called them is told."""


class GradlabError(Exception):
    """A fault that the user can mend; the message is complete and needs no traceback."""

    exit_code: ClassVar[int] = 2


@dataclass(frozen=True)
class Fault:
    """One fault in a config: where it is and what is wrong.

    Attributes:
        place: ``file:line:column``, ``-s key=value``, or a name for what was read.
        path: Dotted path of the field, ``""`` for the document as a whole.
        message: What is wrong and, where there is one, the remedy.
    """

    place: str
    path: str
    message: str

    def __str__(self) -> str:
        """One line: place, path, message."""
        return f"{self.place}  {self.path}: {self.message}" if self.path else f"{self.place}  {self.message}"


class ConfigError(GradlabError):
    """One or more faults in a config; all of them are reported at once, and the first `MAX_WRITTEN` written out."""

    MAX_WRITTEN: ClassVar[int] = 50

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        lines = [str(fault) for fault in self.faults[: self.MAX_WRITTEN]]
        if len(self.faults) > len(lines):
            lines.append(f"and {len(self.faults) - len(lines):,} more")
        super().__init__("\n".join(lines))


class UsageError(GradlabError):
    """The command was asked for something that cannot be."""


class RunFailedError(GradlabError):
    """A run could not be carried out."""

    exit_code: ClassVar[int] = 3


class OwnCodeError(RunFailedError):
    """Code of the user's own cannot be used; what it raised is the cause of this."""


class SelectionError(GradlabError):
    """A selection matched nothing."""

    exit_code: ClassVar[int] = 5


class InterruptedRunError(GradlabError):
    """The user stopped the run; what was recorded is kept."""

    exit_code: ClassVar[int] = 130


class WatchWarning(UserWarning):
    """Something that a watch of somebody's own module cannot see, or that went wrong in it; training goes on."""


def warn_of_watch(text: str) -> None:
    """A `WatchWarning` at the line of the loop that led to it, however many hooks of torch and gradlab lie in between."""
    frame, level = sys._getframe(1), 2  # 1 is this function
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _WITHIN:
        frame, level = frame.f_back, level + 1
    warnings.warn(f"gradlab.watch: {text}", WatchWarning, stacklevel=level)


class UnderstoodWarning(UserWarning):
    """A config says something in another library's words, or one of its values replaces another; how it was understood."""


class UnreadableWarning(UserWarning):
    """A stored run that cannot be read is left out of several."""
