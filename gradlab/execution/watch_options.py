"""What `gradlab.watch` was asked for, looked at before anything is hooked: a wrong argument is an error at once, never a warning later."""

import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, fields
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from gradlab.config.experiment import NAME_PATTERN
from gradlab.config.quantities import GROUPS, LAYER_NAMES
from gradlab.config.recording import quantity_meant
from gradlab.config.suggestion import suggestion
from gradlab.errors import UnderstoodWarning, UsageError

if TYPE_CHECKING:
    from torch.amp import GradScaler

_MAX_NAME = 100
_CALLER = 5
"""Calls between a warning of a name and the line that asks for the watch."""


class WatchArguments(TypedDict, total=False):
    """The arguments of `gradlab.watch` but for the module and its optimizer, as callbacks take them."""

    name: str
    scaler: "GradScaler | None"
    every: int
    quantities: str | Sequence[str]
    out: str | Path
    chance_loss: float | None
    compiled: bool


@dataclass(frozen=True)
class WatchOptions:
    """What `gradlab.watch` was asked for.

    Attributes:
        name: What the run is called.
        scaler: Scales the loss, where one does.
        every: Steps from one record to the next.
        quantities: A group, a quantity, or several.
        out: Directory of runs, None for the nearest (`results.place.runs_root`).
        chance_loss: Loss of the best answer that does not look at the inputs, None where it is not known.
        compiled: Whether the module will be compiled.

    Raises:
        UsageError: If one of them cannot be.
    """

    name: str = "watched"
    scaler: Any = None
    every: int = 1
    quantities: str | tuple[str, ...] = "default"
    out: str | Path | None = None
    chance_loss: float | None = None
    compiled: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not re.fullmatch(NAME_PATTERN, self.name) or len(self.name) > _MAX_NAME:
            raise UsageError(
                f"watch  name: expected letters, digits, '.', '_' and '-', at most {_MAX_NAME}, got {self.name!r:.120}"
            )
        if self.out is not None and not isinstance(self.out, str | Path):
            raise UsageError(f"watch  out: expected a path, got {type(self.out).__name__}")
        if not isinstance(self.compiled, bool):
            raise UsageError(f"watch  compiled: expected True or False, got {self.compiled!r:.60}")
        object.__setattr__(self, "every", _steps(self.every))
        object.__setattr__(self, "quantities", _known(self.quantities))
        object.__setattr__(self, "chance_loss", _finite(self.chance_loss))


def checked_names(arguments: "WatchArguments") -> "WatchArguments":
    """The arguments of a callback, which are used only when training begins: a wrong name or value is told now.

    Raises:
        UsageError: If one of them cannot be.
    """
    known = [field.name for field in fields(WatchOptions)]
    for name in arguments:
        if name not in known:
            raise UsageError(f"watch  unknown argument '{name[:60]}'{suggestion(name, known, all_of_them=True)}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnderstoodWarning)  # it is said when training begins
        WatchOptions(**arguments)  # type: ignore[arg-type]  # it takes any sequence of quantities
    return arguments


def _known(quantities: Any) -> str | tuple[str, ...]:
    """A group, a quantity, or a tuple of them."""
    if not isinstance(quantities, str | Sequence):
        raise UsageError(f"watch  quantities: expected a group, a quantity or a list, got {type(quantities).__name__}")
    meant = []
    for name in [quantities] if isinstance(quantities, str) else quantities:
        if not isinstance(name, str):
            raise UsageError(f"watch  quantities: expected names, got {name!r:.60}")
        own = quantity_meant(name)
        if own is None:
            near = suggestion(name, (*GROUPS, *LAYER_NAMES), all_of_them=True)
            raise UsageError(f"watch  quantities: unknown quantity or group '{name[:60]}'{near}")
        if own != name:
            warnings.warn(f"watch  quantities: {name} is understood as {own}", UnderstoodWarning, stacklevel=_CALLER)
        meant.append(own)
    return meant[0] if isinstance(quantities, str) else tuple(meant)


def _steps(every: Any) -> int:
    if isinstance(every, bool) or not isinstance(every, Integral) or every < 1:
        raise UsageError(f"watch  every: expected a whole number of steps >= 1, got {every!r:.60}")
    return int(every)


def _finite(chance_loss: Any) -> float | None:
    if chance_loss is None:
        return None
    if isinstance(chance_loss, bool) or not isinstance(chance_loss, Real) or not math.isfinite(chance_loss):
        raise UsageError(
            f"watch  chance_loss: expected a number, such as math.log(10) for ten even classes, got {chance_loss!r:.60}"
        )
    return float(chance_loss)
