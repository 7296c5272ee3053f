"""Whether a value of `exclude` or `include` is the one that a member has."""

from collections.abc import Mapping, Sequence
from typing import Any

from gradlab.config.fields import child_of, part_at
from gradlab.config.namespace import Root, part_named, root_of
from gradlab.config.reading.tree import Tree
from gradlab.config.text import named


def has_value(resolved: Any, wanted: Any) -> bool:
    """Whether a resolved value is what is wanted.

    A word wants a part of that name, whatever its parameters; a mapping wants the keys that it has, whatever the others.

    >>> has_value({"name": "leaky_relu", "slope": 0.2}, "leaky_relu"), has_value(True, 1), has_value(2.0, 2)
    (True, False, True)
    """
    if isinstance(resolved, Mapping):
        if isinstance(wanted, Mapping):
            return all(key in resolved and has_value(resolved[key], value) for key, value in wanted.items())
        return wanted is not None and named(resolved) == wanted
    if isinstance(resolved, list | tuple) and isinstance(wanted, list | tuple):
        return len(resolved) == len(wanted) and all(map(has_value, resolved, wanted))
    return isinstance(resolved, bool) == isinstance(wanted, bool) and bool(resolved == wanted)


class Wanted:
    """Values of which a member has to have one; there may be thousands."""

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = values
        self._words = {(isinstance(value, bool), value) for value in values if isinstance(value, _WORDS)}
        self._others = [value for value in values if not isinstance(value, _WORDS)]

    def has(self, resolved: Any) -> bool:
        """Whether a resolved value is one of them, as `has_value` takes it.

        >>> [Wanted(["relu", 2]).has(value) for value in ({"name": "relu"}, 2.0, True, None)]
        [True, True, False, False]
        """
        own = named(resolved) if isinstance(resolved, Mapping) else resolved
        if isinstance(own, _WORDS) and (isinstance(own, bool), own) in self._words:
            return True
        return any(has_value(resolved, value) for value in self._others)


_WORDS = (str, int, float)


def is_same(path: tuple[str, ...], one: Any, other: Any) -> bool:
    """Whether two values as they are written say the same: `relu` and `{name: relu}` do, 1 and true do not."""
    part = part_named(path)
    if part is not None and part.shorthand is not None:
        one, other = map(part.spelled_out, (one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(is_same((*path, key), one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(is_same((), *pair) for pair in zip(one, other, strict=True))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def unchecked(tree: Tree) -> dict[str, Any]:
    """The values of a config that is not a valid one, as far as they are there: words spelled out, defaults filled in."""
    return _filled(tree.data, root_of(tree.data), ())


def _filled(given: Any, root: Root, path: tuple[str, ...]) -> dict[str, Any]:
    part = part_at(root, path)
    assert part is not None
    given = part.spelled_out(given)
    values: dict[str, Any] = {}
    for key, info in part.model_fields.items():
        value = given.get(key) if isinstance(given, Mapping) else None
        child = child_of(info)
        if child is not None and (child.absent is None or child.spelled_out(value) is not None):
            values[key] = _filled(value, root, (*path, key))
        else:
            default = None if info.is_required() else info.get_default(call_default_factory=True)
            values[key] = default if value is None or child is not None else value
    return values
