"""Whether frozen values that were read from a file hold what their classes declare: a number where a number is declared, and so on.

Files may have been written by anything. What passes here is of the declared types all through, so that nobody behind has to ask again.
"""

import dataclasses
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from gradlab.config.text import one_line

MOST = 1 << 63
"""A whole number beyond this is none that gradlab writes."""


def check(value: Any) -> None:
    """Look through an instance of a dataclass and all that it holds.

    Raises:
        ValueError: With the first field that holds something else than it declares.
    """
    declared: Any = type(value)
    for name, hint in _hints(declared).items():
        found = getattr(value, name)
        if not _is(found, hint):
            raise ValueError(f"{name} is {_said(found)}")


@contextmanager
def foreign(name: str) -> Iterator[None]:
    """Whatever goes wrong while a file's content is taken apart is the content's fault: anything may have written it.

    Raises:
        ValueError: In place of it.
    """
    try:
        yield
    except (OSError, MemoryError):
        raise
    except Exception as error:
        raise ValueError(f"{name} is not what gradlab writes ({reason_of(error)})") from error


def reason_of(error: Exception) -> str:
    """What is wrong with a content, from what went wrong while it was taken apart.

    >>> reason_of(KeyError("verdict")), reason_of(TypeError("'int' object is not iterable"))
    ('verdict is missing', 'a value in it is of another kind')
    """
    match error:
        case KeyError(args=(str(name),)):
            reason = f"{name} is missing"
        case KeyError() | TypeError() | AttributeError() | IndexError():
            return "a value in it is of another kind"  # its own words are of Python's objects, which no user knows
        case ValueError():
            reason = str(error)
        case _:
            reason = f"{type(error).__name__}: {error}"
    return one_line(reason, 200)


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number of a size that gradlab writes."""
    return type(value) is int and -MOST <= value < MOST


def _is(value: Any, hint: Any) -> bool:
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin in (Union, types.UnionType):
        return any(_is(value, one) for one in inner)
    if origin is Literal:
        return isinstance(value, str | int) and value in inner
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if len(inner) == 2 and inner[1] is Ellipsis:
            return all(_is(item, inner[0]) for item in value)
        return len(value) == len(inner) and all(map(_is, value, inner))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(
            _is(key, inner[0]) and _is(item, inner[1]) for key, item in value.items()
        )
    if hint is float:
        return type(value) is float or is_whole(value)
    if hint is int:
        return is_whole(value)
    if dataclasses.is_dataclass(hint):
        if isinstance(value, hint):  # type: ignore[arg-type]  # a class
            check(value)
            return True
        return False
    return type(value) is hint if hint in (str, bool, type(None)) else True  # arrays are looked at by who reads them


@cache
def _hints(declared: Any) -> Mapping[str, Any]:
    from gradlab.datasets.profile import DataProfile  # named in annotations alone

    hints = get_type_hints(declared, localns={"DataProfile": DataProfile})
    return {field.name: hints[field.name] for field in dataclasses.fields(declared)}


def _said(value: Any) -> str:
    """A value of the wrong kind in a few letters."""
    if isinstance(value, list | tuple | Mapping):
        return "an object" if isinstance(value, Mapping) else "a list"
    if isinstance(value, int) and not isinstance(value, bool) and not is_whole(value):
        return "too large"
    return repr(value)[:60]
