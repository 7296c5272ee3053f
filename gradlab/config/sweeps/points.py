"""A member's place in its sweep: what each axis stands at, as short values for tables."""

import functools
from typing import Any

from pydantic import ValidationError

from gradlab.config.fields import Part
from gradlab.config.modules import Trainable
from gradlab.config.namespace import part_named
from gradlab.config.text import value_text

Scalar = None | bool | int | float | str


def value_on_axis(experiment: Trainable, key: str) -> Scalar:
    """The value that an experiment has at a dotted key, None where it has none; a part in words.

    >>> from gradlab.config.experiment import Activation, Experiment, Init, Model
    >>> activation = Activation(name="leaky_relu", slope=0.2)
    >>> model = Model(depth=2, width=8, activation=activation, init=Init(sigma_w=1.5))
    >>> experiment = Experiment(model=model)
    >>> [value_on_axis(experiment, key) for key in ("model.depth", "model.activation", "model.init")]
    [2, 'leaky_relu slope=0.2', 'sigma_w=1.5']
    """
    value: Any = experiment
    path = tuple(key.split("."))
    around: Any = None
    for step in path:
        around, value = value, value.get(step) if isinstance(value, dict) else getattr(value, step, None)
    if value is None:
        part = part_named(path) if isinstance(around, Part) and path[-1] in type(around).model_fields else None
        return None if part is None else part.absent
    return value if isinstance(value, Scalar) else _in_words(value)


def _in_words(value: Any) -> str:
    if isinstance(value, Part):
        return part_in_words(value)
    if isinstance(value, dict):
        return ", ".join(f"{key}={_in_words(item)}" for key, item in value.items()) or "none"
    if isinstance(value, tuple | list):
        return ", ".join(_in_words(item) for item in value) or "none"
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15
    return value_text(int(value) if whole else value)


@functools.lru_cache(maxsize=4096)
def part_in_words(part: Part) -> str:
    """As few of a part's values as build an equal part; what it is called always, and without its key."""
    own = {key: getattr(part, key) for key in type(part).model_fields}
    name = part.shorthand or next(iter(own))
    needed = {key: value for key, value in own.items() if value is not None}
    for key in own:
        if key != name and key in needed:
            fewer = {kept: value for kept, value in needed.items() if kept != key}
            if _builds(part, fewer):
                needed = fewer
    words = [_in_words(needed[name])] if part.shorthand is not None and name in needed else []
    words += [f"{key}={_in_words(value)}" for key, value in needed.items() if not (words and key == name)]
    return " ".join(words)


def _builds(part: Part, values: dict[str, Any]) -> bool:
    try:
        return type(part).model_validate(values) == part
    except ValidationError:
        return False
