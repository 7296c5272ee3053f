"""One thing that the rules saw in a run, and what would mend it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal


@dataclass(frozen=True)
class Remedy:
    """Settings that would mend a run.

    Attributes:
        settings: Dotted field -> value, as `-s` takes them.
        because: Why, or what they do.
    """

    settings: Mapping[str, Any]
    because: str


_ADVICE = ("remedy", "remedies")


@dataclass(frozen=True)
class Finding:
    """One thing that the rules saw.

    What would mend a run takes forecasts of other runs, so it may be left open until it is read (`advised_later`).

    Attributes:
        rule: Name of the rule; a verdict's name where the finding supports that verdict.
        severity: `critical` (decides the verdict), `warning`, or `note`.
        layers: First and last layer concerned, 1-based, or None where it concerns the run.
        since_step: First step at which it held.
        value: The figure that was compared.
        limit: What it was compared with.
        message: One sentence with the figures in it.
        remedy: What would mend it in words, with a number where there is one; "" where nothing is to be mended.
        remedies: The alternatives in it as settings, the leading one first; none where it names no setting.
    """

    rule: str
    severity: Literal["critical", "warning", "note"]
    layers: tuple[int, int] | None
    since_step: int
    value: float
    limit: float
    message: str
    remedy: str
    # By a factory: a default would be an attribute of the class, which hides that a remedy is open.
    remedies: tuple[Remedy, ...] = field(default_factory=tuple)

    def advised_later(self, find: "Callable[[], Finding]") -> "Finding":
        """The same with the remedy of another finding, which is looked for when the remedy is read; what `find` raises is raised then."""
        other = object.__new__(Finding)
        seen = {name: value for name, value in vars(self).items() if name not in _ADVICE}
        vars(other).update(seen, _find=find)
        return other

    if not TYPE_CHECKING:  # types are those of the fields

        def __getattr__(self, name: str) -> Any:
            """Look for the remedy: only what is not there comes by here."""
            find = vars(self).get("_find")
            if find is None or name not in _ADVICE:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            found = find()
            vars(self).update({one: getattr(found, one) for one in _ADVICE})
            vars(self).pop("_find", None)  # and what it held
            return vars(self)[name]

    def __getstate__(self) -> dict[str, Any]:
        """What is copied or sent to another process: all of it."""
        return {one.name: getattr(self, one.name) for one in fields(self)}
