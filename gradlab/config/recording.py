"""What is recorded of a run, and at which steps."""

from typing import Annotated, Any, Self

from annotated_types import Ge
from pydantic import BeforeValidator, Field, model_validator

from gradlab.config.fields import Mark, Part, fault
from gradlab.config.quantities import GROUPS, JACOBIAN, LAYER_NAMES
from gradlab.config.spellings import word_meant
from gradlab.config.suggestion import suggestion
from gradlab.config.text import counted

SHAPE = Mark.SHAPE

JACOBIAN_EXAMPLES = 4
"""Examples whose Jacobian is taken, where the config does not say."""


def quantity_meant(name: str) -> str | None:
    """The quantity, or the group of them, that a name means, None where it means none.

    >>> quantity_meant("Grad-Norm"), quantity_meant("All"), quantity_meant("loss")
    ('grad_norm', 'all', None)
    """
    meant = word_meant("record.quantities", name, (*GROUPS, *LAYER_NAMES))
    return meant if isinstance(meant, str) else None


def _quantities(value: Any) -> Any:
    """A group, a quantity, or a list of either."""
    if not isinstance(value, str | list | tuple):
        return value  # the field's own type refuses it
    known = (*GROUPS, *LAYER_NAMES)
    for index, name in enumerate([value] if isinstance(value, str) else value):
        if not isinstance(name, str) or name not in known:
            reason = "expected the name of a quantity or of a group"
            if isinstance(name, str):
                reason = f"unknown quantity or group {name[:60]!r}{suggestion(name, known, all_of_them=True)}"
            raise fault("" if isinstance(value, str) else str(index), reason)
    return value if isinstance(value, str) else tuple(value)


def _whole_numbers(low: int) -> BeforeValidator:
    """Takes one whole number or a list of them, to be ascending and each there once; none of them is None."""

    def read(value: Any) -> Any:
        if not isinstance(value, list | tuple) and (isinstance(value, bool) or not isinstance(value, int)):
            return value  # the field's own type refuses it
        items = [value] if isinstance(value, int) else list(value)
        for index, item in enumerate(items):
            if isinstance(item, bool) or not isinstance(item, int) or not low <= item < 2**63:
                raise fault("" if isinstance(value, int) else str(index), f"expected a whole number >= {low}")
        return tuple(sorted(set(items))) or None

    return BeforeValidator(read)


class Recording(Part):
    """What is recorded and how often: `quantities` is a group or a list of names."""

    every: Annotated[int, SHAPE] = Field(
        default=1, ge=1, description="steps from one record to the next; the last is always recorded"
    )
    quantities: Annotated[str | tuple[str, ...], BeforeValidator(_quantities), SHAPE] = Field(
        default="default", description="a group (none, gradients, default, all), a quantity, or a list of them"
    )
    jacobian_examples: Annotated[int | None, SHAPE] = Field(
        default=None, ge=1, description="examples of a batch whose Jacobian is taken, from the first; 4 when absent"
    )
    jacobian_steps: Annotated[tuple[Annotated[int, Ge(0)], ...] | None, _whole_numbers(0), SHAPE] = Field(
        default=None, description="recorded steps at which the Jacobian is taken, beside the first and the last"
    )
    spectrum: Annotated[tuple[Annotated[int, Ge(1)], ...] | None, _whole_numbers(1), SHAPE] = Field(
        default=None,
        description="layers whose Jacobian's singular values are all kept; 1 is from the first layer to the top",
    )

    @property
    def _asked(self) -> tuple[str, ...]:
        return (self.quantities,) if isinstance(self.quantities, str) else self.quantities

    @property
    def takes_jacobian(self) -> bool:
        return self.spectrum is not None or any(name in JACOBIAN for name in self._asked)

    @property
    def takes_forward_change(self) -> bool:
        return "forward_change" in self._asked

    @model_validator(mode="after")
    def _jacobian(self) -> Self:
        if self.takes_jacobian:
            if self.jacobian_examples is None:
                object.__setattr__(self, "jacobian_examples", JACOBIAN_EXAMPLES)
            return self
        for key in ("jacobian_examples", "jacobian_steps"):
            if getattr(self, key) is not None:
                names = ", ".join(JACOBIAN)
                reason = f"nothing of the Jacobian is recorded; ask for one of {names} in record.quantities, or for record.spectrum"
                raise fault(key, reason, "quantities", "spectrum")
        return self

    def jacobian_fault(self, depth: int, num_steps: int | None) -> tuple[str, str] | None:
        """Which field asks for a Jacobian that there is not, and why there is none; None where all is well, or where only
        the data can tell the number of steps.
        """
        for layer in self.spectrum or ():
            if layer >= depth:
                own = "one hidden layer has none" if depth == 1 else f"layers 1 to {depth - 1} of {depth} have one"
                return "spectrum", f"layer {layer} has no Jacobian to the top hidden layer: {own}"
        for step in self.jacobian_steps or ():
            if num_steps is not None and step >= num_steps:
                return (
                    "jacobian_steps",
                    f"step {step} is not trained; with {counted(num_steps, 'step')} the last is {num_steps - 1}",
                )
            if step % self.every and step + 1 != num_steps:
                return "jacobian_steps", f"step {step} is not recorded; record.every is {self.every}"
        return None
