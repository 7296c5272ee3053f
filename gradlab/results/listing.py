"""A run as a list shows it, read from its `summary.json` alone: no table is opened and nothing heavy loaded."""

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradlab.results import declared
from gradlab.results.strict_json import loads, number

if TYPE_CHECKING:
    from gradlab.results.asked import Asked

SUMMARY = "summary.json"
"""Written last: the mark of a finished run."""


_OWN = frozenset({
    "id", "name", "seed", "outcome", "verdict", "rules_version", "learning_layers", "expected_backward_decades",
    "expected_spread", "skipped_steps", "started", "finished",
})  # fmt: skip
"""What a condition may name of a run itself."""


_NONE = type(None)

_KINDS: Mapping[str, tuple[type, ...]] = {
    "id": (str,), "name": (str,), "seed": (int, _NONE), "outcome": (str,), "verdict": (str,), "rules_version": (int,),
    "learning_layers": (int, _NONE), "started": (str, _NONE), "finished": (str, _NONE), "config": (dict,),
    "skipped_steps": (int, _NONE), "group": (str, _NONE), "over_layers": (dict, _NONE), "init": (dict,), "final": (dict,),
}  # fmt: skip
"""What a summary holds under these names."""

_seen_kinds: set[tuple[type, ...]] = set()
"""Kinds that were looked at and are right: the runs of a list are alike, and are looked at by the thousand."""


@dataclass(frozen=True)
class ListedRun:
    """One line of a list.

    Attributes:
        name: The first that it had.
        group: Digest of what its seeds have in common (`identity.group_id`); "" where an older version stored it.
        over_layers: What the summary holds of its quantities over the layers (`extremes`), None where an older version stored it.
        names: Those that it was asked for by, where that is known and there are others than `name`, the last one first.
    """

    id: str
    name: str
    path: Path
    seed: int | None
    outcome: str
    verdict: str
    rules_version: int
    learning_layers: int | None
    expected_backward_decades: float | None
    expected_spread: float | None
    init: Mapping[str, float | None]
    final: Mapping[str, float | None]
    started: str
    finished: str
    config: Mapping[str, Any]
    skipped_steps: int | None = None
    group: str = ""
    names: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    note: str = ""
    over_layers: Mapping[str, Any] | None = None

    def value(self, name: str) -> Any:
        """What a name means for this run, be it of its own, `init.*`, `final.*` or a config field's; a KeyError if nothing."""
        return getter(name)(self)


@lru_cache(maxsize=1024)
def getter(name: str) -> Callable[[ListedRun], Any]:
    """What looks a name up in a run, as `ListedRun.value` does; a long list asks each run for the same few names."""
    if name in _OWN:
        return attrgetter(name)
    head, _, figure = name.partition(".")
    if head == "init":
        return lambda run: run.init[figure]
    if head == "final":
        return lambda run: run.final[figure]
    keys = name.split(".")

    def configured(run: ListedRun) -> Any:
        found: Any = run.config
        for key in keys:
            if not isinstance(found, dict):
                raise KeyError(name)
            found = found[key]
        return found

    return configured


@contextmanager
def gc_paused() -> Iterator[None]:
    """While thousands of runs are read and shown: searching them for garbage, which is not there, doubles the time."""
    searches = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searches:
            gc.enable()


def read_line(path: Path, text: str | bytes, asked: "Asked | None" = None) -> ListedRun:
    """One line of a list, with what a journal knows of the run.

    Raises:
        ValueError: If it cannot be read; the message says why.
    """
    return line_of(path, loads(text), asked)


def line_of(path: Path, data: Mapping[str, Any], asked: "Asked | None" = None) -> ListedRun:
    """One line of a list, from what `summary.json` holds and what a journal knows of the run.

    Raises:
        ValueError: If it is not that.
    """
    try:
        run, name = data["id"], data["name"]
        kinds = tuple(map(type, map(data.get, _KINDS)))
        if kinds not in _seen_kinds:
            _check_kinds(data, kinds)
        names = () if asked is None else asked.names.get(run, ())
        return ListedRun(
            id=run,
            name=name,
            path=path,
            seed=data["seed"],
            outcome=data["outcome"],
            verdict=data["verdict"],
            rules_version=data["rules_version"],
            learning_layers=data["learning_layers"],
            expected_backward_decades=number(data["expected_backward_decades"]),
            expected_spread=number(data["expected_spread"]),
            init=figures(data["init"]),
            final=figures(data["final"]),
            started=data["started"] or "",
            finished=data["finished"] or "",
            config=data["config"],
            skipped_steps=data.get("skipped_steps"),
            over_layers=data.get("over_layers"),
            group=data.get("group") or "",
            names=() if names == (name,) else names,
            tags=() if asked is None else asked.tags.get(run, ()),
            note="" if asked is None else asked.notes.get(run, ""),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{SUMMARY} is not what gradlab writes ({declared.reason_of(error)})") from None


def _check_kinds(data: Mapping[str, Any], kinds: tuple[type, ...]) -> None:
    """Look whether what a summary holds is of the kinds that gradlab writes, and remember these if it is.

    Raises:
        ValueError: With the first that is not.
    """
    for (name, allowed), kind in zip(_KINDS.items(), kinds, strict=True):
        if kind not in allowed:
            reason = "of another kind" if name in data else "missing"
            raise ValueError(f"{SUMMARY} is not what gradlab writes ({name} is {reason})")
    _seen_kinds.add(kinds)


def figures(data: Mapping[str, Any]) -> dict[str, float | None]:
    """Summary figures as they were before they were written."""
    return {name: value if type(value) is float or value is None else number(value) for name, value in data.items()}
