"""Norms of the gradients of one optimizer's parameters: at the end of backward, and as the optimizer gets them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gradlab.training.watching.lines import Line
from gradlab.training.watching.norms import Norms, norm, norms

UNCHANGED = 1e-5
"""Relative change of a gradient's norm that is no clipping, but rounding."""


def loss_scale(scaler: Any) -> Any:
    """The present loss scale: a float on a CPU, a copy on a device; None without one."""
    scale = getattr(scaler, "_scale", None)
    if scale is None:
        return None
    return float(scale) if scale.is_cpu else scale.detach().double().clone()


class Gradients:
    """What becomes of the gradients between the end of backward and the update.

    On a CPU norms are taken once, while nobody changes gradients in between: one parameter's norm at both times and the versions of all
    tell whether that stays so. Clipping by norm multiplies all by one factor, so the step in which it first bites has both as well; from
    then on both are taken. On other devices always both.

    Attributes:
        own: Places of the parameters.
        marker: Place of the one that is looked at for all, whose gradient comes first, nearest to the loss; None before the first step.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], own: Sequence[int]) -> None:
        self._parameters = parameters
        self.own = tuple(own)
        self.marker: int | None = None
        self._both = True
        self._before: tuple[Norms, tuple[int, ...]] | None = None
        self._reference: Any = None
        self._versions: list[int] = []
        self._ended = False

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

    _places: tuple[int, ...] = ()

    def end(self) -> None:
        """A backward pass has ended."""
        grads, self._places = self._present()
        if not grads:
            return
        self._ended = True
        self._versions = [grad._version for grad in grads]
        marker = None if self.marker is None else self._parameters[self.marker].grad
        if self._both or marker is None or not marker.is_cpu:
            self._before = (norms(grads), self._places)
        else:
            self._before, self._reference = None, norm(marker)

    def update(self, line: Line, scale: Any, applied_scale: Any) -> bool:
        """The optimizer is about to use the gradients; their norms go to the line.

        Returns:
            Whether the end of backward was seen; if not, what is known is what the optimizer got.
        """
        grads, places = self._present()
        applied = norms(grads) if grads else []
        before = self._before
        if isinstance(applied, list):
            per_scale = 1.0 if scale is None else scale
            per_applied = 1.0 if applied_scale is None else float(applied_scale)
            in_step = self._places == places and self._versions == [grad._version for grad in grads]
            if before is None or before[1] != places:
                ratio = self._ratio(applied, places, per_scale / per_applied)
                self._both = ratio != 1.0 or not in_step
                factor = per_scale / per_applied / ratio
                found: Norms = applied if factor == 1.0 else [one * factor for one in applied]
            else:
                found = before[0]
                factor = per_scale / per_applied
                changed = any(_differ(one * factor, was) for one, was in zip(applied, found, strict=True))
                self._both = changed or not in_step
        else:
            found = (
                before[0]
                if before is not None and before[1] == places
                else self._as_before(applied, scale, applied_scale)
            )
        line.places += places
        _join(line.numbers, "applied", applied)
        _join(line.numbers, "before", found)
        ended, self._ended, self._before, self._reference = self._ended, False, None, None
        return ended

    def _ratio(self, applied: list[float], places: tuple[int, ...], factor: float) -> float:
        """What the marker's gradient was multiplied by since the end of backward."""
        reference = self._reference
        if reference is None or not reference or self.marker not in places:
            return 1.0
        now = applied[places.index(self.marker)] * factor
        return float(now / reference) if now and _differ(now, reference) else 1.0

    @staticmethod
    def _as_before(applied: Tensor, scale: Any, applied_scale: Any) -> Tensor:
        found = applied if scale is None else applied * scale
        return found if applied_scale is None else found / applied_scale.double()


def _differ(one: float, other: float) -> bool:
    """Whether two norms differ by more than rounding; NaNs do not."""
    return abs(one - other) > UNCHANGED * abs(other)


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
        numbers[name] = [*known, *values]
