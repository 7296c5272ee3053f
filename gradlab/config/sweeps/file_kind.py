"""Whether a file is a sweep or an experiment, from its top-level keys alone: commands ask before they load what either takes."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from gradlab.config import regular_files
from gradlab.config.reading import yaml12
from gradlab.config.suggestion import nearest

SOURCES = ("base", "bases", "experiment")
"""Keys of which a sweep has one: what it varies."""

MARKS = frozenset((*SOURCES, "grid", "zip", "random", "exclude", "include", "gates"))
"""Keys that only a sweep has."""

_OWN = frozenset(("data", "train", "record", "expect", "seed"))
"""Keys of an experiment beside its model; a name, every file may have."""


def is_sweep(config: str | os.PathLike[str] | Mapping[str, Any]) -> bool:
    """Whether the top-level keys of a mapping, or of a file as far as they can be read, are those of a sweep."""
    return not MARKS.isdisjoint(_keys_of(config))


def is_experiment(config: str | os.PathLike[str] | Mapping[str, Any]) -> bool:
    """Whether the top-level keys of a mapping, or of a file as far as they can be read, are those of an experiment and not of a sweep."""
    keys = _keys_of(config)
    return "model" in keys and MARKS.isdisjoint(keys)


def is_other(path: str | os.PathLike[str]) -> bool:
    """Whether a file is neither a sweep nor an experiment, nor one whose `model` is misspelled beside another key of its own."""
    keys = _keys_of(path)
    if "model" in keys or not MARKS.isdisjoint(keys):
        return False
    return keys.isdisjoint(_OWN) or nearest("model", keys - _OWN) is None


def _keys_of(config: str | os.PathLike[str] | Mapping[str, Any]) -> set[str]:
    """The top-level keys of a mapping, or of a file as far as they can be read."""
    if isinstance(config, Mapping):
        return {key for key in config if isinstance(key, str)}
    keys: set[str] = set()
    try:
        text = regular_files.source(config, yaml12.MAX_BYTES + 1).decode("utf-8", "replace")
        keys.update(_top_level_keys(text))
    except (OSError, ValueError, TypeError, yaml.YAMLError):
        pass
    return keys


def _top_level_keys(text: str) -> Iterator[str]:
    level, key_is_next = 0, True
    for event in yaml12.events(text):
        if isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            level += 1
            if level == 1 and isinstance(event, yaml.SequenceStartEvent):
                return
            continue
        if isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            level -= 1
        elif level == 1 and key_is_next and isinstance(event, yaml.ScalarEvent):
            yield event.value
        if level == 1:  # a key or a value of the outermost mapping is done
            key_is_next = not key_is_next
