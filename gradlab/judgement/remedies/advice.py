"""Advice: settings to change as values, and the sentence that says them; both are made of the same figures at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from gradlab.config.experiment import Experiment
from gradlab.results.finding import Remedy


@dataclass(frozen=True)
class Advice:
    """What to do about a finding.

    Attributes:
        sentence: All of it in words, "" for nothing.
        remedies: Its alternatives, the leading one first; none where no setting helps.
    """

    sentence: str = ""
    remedies: tuple[Remedy, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.sentence)

    def after(self, reason: str) -> "Advice":
        """The same for a reason that is said first."""
        told = tuple(Remedy(one.settings, f"{reason}; {one.because}") for one in self.remedies)
        return Advice(f"{reason}: {self.sentence}", told)

    def along_with(self, other: "Advice", joint: str = "; ") -> "Advice":
        """Both at once."""
        if not self or not other:
            return self or other
        both = tuple(
            Remedy({**one.settings, **two.settings}, f"{one.because}; {two.because}")
            for one, two in product(self.remedies, other.remedies)
        )
        return Advice(f"{self.sentence}{joint}{other.sentence}", both or self.remedies or other.remedies)

    def or_else(self, other: "Advice", joint: str = "; or ") -> "Advice":
        """The one or, failing that, the other."""
        return Advice(f"{self.sentence}{joint}{other.sentence}", self.remedies + other.remedies)


def either(ways: Iterable[Advice]) -> Advice:
    """What there is of several ways, the leading one first.

    >>> either([Advice(), Advice("more steps"), Advice("a smaller rate")]).sentence
    'more steps; or a smaller rate'
    """
    found = Advice()
    for way in ways:
        found = found.or_else(way) if found and way else found or way
    return found


def change(settings: Mapping[str, Any], because: str, said: str = "{settings} ({because})") -> Advice:
    """One alternative.

    Args:
        settings: Dotted field -> value, as `-s` takes them; figures are said with two digits, fields to clear not at all.
        because: Why, or what they do.
        said: The sentence, with places for the two.

    >>> change({"model.activation": {"name": "relu"}, "model.init": {"scheme": "he"}}, "why not").sentence
    'model.activation: relu with model.init: he (why not)'
    """
    words = " with ".join(f"{key}: {_word(value)}" for key, value in settings.items() if value is not None)
    return Advice(said.format(settings=words, because=because), (Remedy(settings, because),))


def digits(value: float, number: int = 2) -> float:
    """A figure rounded to so many digits, as it is said."""
    return float(f"{value:.{number}g}")


def resized(experiment: Experiment, field: Literal["model.depth", "train.steps"], size: int) -> dict[str, Any]:
    """Settings for another depth or number of steps; what would contradict it is cleared."""
    settings: dict[str, Any] = {field: size}
    depth, steps = experiment.model.depth, experiment.train.steps
    if field == "train.steps" and experiment.train.epochs is not None:
        settings["train.epochs"] = None
    if experiment.record.jacobian_fault(*((size, steps) if field == "model.depth" else (depth, size))) is not None:
        settings |= dict.fromkeys(("record.spectrum", "record.jacobian_steps", "record.jacobian_examples"))
    return settings


def default_quantities(experiment: Experiment) -> dict[str, Any]:
    """Settings that record the default quantities; what belongs to others is cleared."""
    settings: dict[str, Any] = {"record.quantities": "default"}
    if experiment.record.takes_jacobian and experiment.record.spectrum is None:
        settings |= dict.fromkeys(("record.jacobian_steps", "record.jacobian_examples"))
    return settings


def _word(value: Any) -> str:
    """A value in a sentence: a mapping is its first entry, the rest in parentheses."""
    if isinstance(value, Mapping):
        name, *rest = value.items()
        return f"{name[1]}" + (f" ({', '.join(f'{key} {item:g}' for key, item in rest)})" if rest else "")
    if isinstance(value, bool):
        return str(value).lower()
    return f"{float(f'{value:.2g}'):g}" if isinstance(value, float) else str(value)  # 100 rather than 1e+02
