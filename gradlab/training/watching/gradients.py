"""Norms of the gradients of one optimizer's parameters: at the end of backward, and as the optimizer gets them."""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gradlab.training.watching.lines import Line
from gradlab.training.watching.norms import Norms, Split, norm, norms

KEPT_SPLITS = 64
"""Sets of parameters that have a gradient together, of which is kept how their norms are taken."""

FRAMES = 40
"""Calls that are looked through for the scaler that steps the optimizer."""

UNCHANGED = 1e-5
"""Relative change of a gradient's norm that is no clipping, but rounding."""


def loss_scale(scaler: Any) -> Any:
    """The present loss scale: a float on a CPU, a copy on a device; None without one."""
    scale = getattr(scaler, "_scale", None)
    if scale is None:
        return None
    return float(scale) if scale.is_cpu else scale.detach().double().clone()


def calling_scaler() -> Any:
    """The GradScaler in whose `step` this is called, None where there is none."""
    frame = sys._getframe(1)
    for _ in range(FRAMES):
        owner = frame.f_locals.get("self") if frame.f_code.co_name in ("step", "_maybe_opt_step") else None
        if hasattr(owner, "get_scale") and hasattr(owner, "unscale_"):
            return owner
        if frame.f_back is None:
            return None
        frame = frame.f_back
    return None


class Gradients:
    """What becomes of the gradients between the end of backward and the update.

    On a CPU norms are taken once, while nobody changes gradients in between: one parameter's norm at both times and the versions of all
    tell whether that stays so. Clipping by norm multiplies all by one factor, so the step in which it first bites has both as well; from
    then on both are taken. On other devices always both.

    Attributes:
        own: Places of the parameters.
        marker: Place of the one that is looked at for all, whose gradient comes first, nearest to the loss; None before the first step.
        last: Place of the one whose gradient comes last: as a pass begins it is that of the passes before. None before the first step.
        kept: Whether every pass since the last update found gradients there; None where none was looked at.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], own: Sequence[int]) -> None:
        self._parameters = parameters
        self.own = tuple(own)
        self.marker: int | None = None
        self.last: int | None = None
        self.kept: bool | None = None
        self._both = True
        self._before: tuple[Norms, tuple[int, ...]] | None = None
        self._reference: Any = None
        self._versions: list[int] = []
        self._ended = False
        self._places: tuple[int, ...] = ()
        self._splits: dict[tuple[int, ...], Split] = {}

    def _norms(self, grads: list[Tensor], places: tuple[int, ...]) -> Norms:
        """Norms of the gradients; how they are taken is found once for the parameters that have one."""
        split = self._splits.get(places)
        if split is None:
            split = Split.of(grads)
            if len(self._splits) < KEPT_SPLITS:
                self._splits[places] = split
        try:
            return norms(grads, split)
        except (RuntimeError, TypeError, NotImplementedError):  # a gradient is sparse that was not, or the like
            self._splits.pop(places, None)
            return norms(grads)

    def _present(self) -> tuple[list[Tensor], tuple[int, ...]]:
        parameters = self._parameters
        grads = [parameters[place].grad for place in self.own]
        found = [grad for grad in grads if grad is not None]
        if len(found) == len(grads):
            return found, self.own
        return found, tuple(place for place, grad in zip(self.own, grads, strict=True) if grad is not None)

    def is_fresh(self) -> bool:
        """Whether no gradient is there yet, or all are zero: the next backward pass begins a step.

        Where reading would wait for a device, a gradient that was changed since the last pass counts as one that was zeroed.
        """
        parameters = self._parameters
        if all(parameters[place].grad is None for place in self.own):
            return True
        marker = None if self.marker is None else self._parameters[self.marker].grad
        if marker is None:
            return False
        if not marker.is_cpu:
            place = self._places.index(self.marker) if self.marker in self._places else None
            return place is not None and self._versions[place] != marker._version
        return not norm(marker) and not any(grad.is_cpu and norm(grad) for grad in self._present()[0])

    def look_for_kept(self) -> None:
        """A pass begins: whether the gradients of those before are still there. One number is read, which a device is waited for.

        A pass that finds them gone settles it: between two updates of a network others may send gradients through it, as through a
        GAN's critic.
        """
        grad = None if self.last is None else self._parameters[self.last].grad
        try:
            kept = grad is not None and bool(norm(grad))
        except (RuntimeError, TypeError, NotImplementedError):  # of a kind of tensor that has no norm
            kept = False
        self.kept = self.kept is not False and kept

    def end(self) -> None:
        """A backward pass has ended."""
        grads, self._places = self._present()
        if not grads:
            return
        self._ended = True
        self._versions = [grad._version for grad in grads]
        marker = None if self.marker is None else self._parameters[self.marker].grad
        if self._both or marker is None or not marker.is_cpu:
            self._before = (self._norms(grads, self._places), self._places)
        else:
            self._before, self._reference = None, norm(marker)

    def update(self, line: Line, scale: Any, applied_scale: Any) -> bool:
        """The optimizer is about to use the gradients; their norms go to the line.

        Returns:
            Whether the end of backward was seen; if not, what is known is what the optimizer got.
        """
        grads, places = self._present()
        if not grads:
            return False
        applied, before = self._norms(grads, places), self._before
        known = before[0] if before is not None and before[1] == places else None
        found: Norms
        if isinstance(applied, Tensor):
            found = self._as_before(applied, scale, applied_scale) if known is None else known
        else:
            factor = (1.0 if scale is None else scale) / (1.0 if applied_scale is None else float(applied_scale))
            in_step = self._places == places and self._versions == [grad._version for grad in grads]
            as_before = applied if factor == 1.0 else applied * factor
            if isinstance(known, np.ndarray):
                found = known
                with np.errstate(invalid="ignore"):
                    self._both = not in_step or bool(np.any(np.abs(as_before - known) > UNCHANGED * known))
            else:
                ratio = self._ratio(as_before, places)
                found = as_before if ratio == 1.0 else as_before / ratio
                self._both = ratio != 1.0 or not in_step
        line.places += places
        _join(line.numbers, "applied", applied)
        _join(line.numbers, "before", found)
        ended, self._ended, self._before, self._reference = self._ended, False, None, None
        return ended

    def _ratio(self, norms_now: NDArray[np.float64], places: tuple[int, ...]) -> float:
        """What the marker's gradient was multiplied by since the end of backward."""
        reference = self._reference
        if not reference or self.marker not in places:
            return 1.0
        now = float(norms_now[places.index(self.marker)])
        return now / reference if now and abs(now - reference) > UNCHANGED * reference else 1.0

    @staticmethod
    def _as_before(applied: Tensor, scale: Any, applied_scale: Any) -> Tensor:
        found = applied if scale is None else applied * scale
        return found if applied_scale is None else found / applied_scale.double()


def _join(numbers: dict[str, Any], name: str, values: Norms) -> None:
    """Appends what another optimizer's parameters have."""
    known = numbers.get(name)
    if known is None or len(known) == 0:
        numbers[name] = values
    elif isinstance(known, Tensor) or isinstance(values, Tensor):
        both = [torch.as_tensor(each, dtype=torch.float64) for each in (known, values)]
        device = next((each.device for each in both if not each.is_cpu), torch.device("cpu"))
        numbers[name] = torch.cat([each.to(device) for each in both])
    else:
        numbers[name] = np.concatenate([known, values])
