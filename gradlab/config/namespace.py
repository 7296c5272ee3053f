"""Which fields a dotted key may name in a config of whatever kind: a network that gradlab builds, or a module of one's own."""

import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gradlab.config.condition import Kind
from gradlab.config.experiment import Experiment
from gradlab.config.fields import Field, Part, child_of, condition_names, field_at, fields, part_at, word_of
from gradlab.config.modules import ModuleData, ModuleExperiment, kind_of
from gradlab.config.spellings import folded


class OnOwnBatches(ModuleExperiment):
    """The fields of an experiment on a module that learns from batches of one's own; only they are read off it."""

    data: ModuleData


Root = type[Experiment] | type[ModuleExperiment]

ROOTS: tuple[Root, ...] = (Experiment, ModuleExperiment, OnOwnBatches)
"""Every set of fields that a config may have; what an earlier one has is called as it is there."""


def root_of(config: Any) -> Root:
    """Whose fields a config has, as its nested mappings say."""
    if kind_of(config) is not ModuleExperiment:
        return Experiment
    data = config.get("data")
    return OnOwnBatches if isinstance(data, Mapping) and data.get("source") == "module" else ModuleExperiment


def all_fields() -> dict[str, Field]:
    """Every leaf field that a config of some kind has, by dotted path."""
    found: dict[str, Field] = {}
    for root in ROOTS:
        found = {**fields(root), **found}
    return {path: found[path] for root in ROOTS for path in fields(root)}


@functools.cache
def keys_by_spelling() -> Mapping[tuple[str, str], str]:
    """(part, key without case and signs) -> the dotted key that a config of some kind has there.

    A key of `model`, `data`, `train` or `record` goes without its part too, by the part "", where no other part has one of its name.
    """
    found: dict[tuple[str, str], str] = {}
    bare: dict[str, set[str]] = {}
    parts: list[tuple[str, type[Part]]] = [("", root) for root in ROOTS]
    while parts:
        above, part = parts.pop(0)
        for key, info in part.model_fields.items():
            path, child = f"{above}.{key}".lstrip("."), child_of(info)
            found.setdefault((above, folded(key)), path)
            if above and "." not in above:
                bare.setdefault(folded(key), set()).add(path)
            if child is not None:
                parts.append((path, child))
    for key, paths in bare.items():
        if len(paths) == 1:
            found.setdefault(("", key), next(iter(paths)))
    return found


def argument_of(path: tuple[str | int, ...]) -> bool:
    """Whether a path is below the arguments of a function of one's own, where every name may stand.

    >>> argument_of(("model", "args", "depth")), argument_of(("model", "args"))
    (True, False)
    """
    return len(path) > 2 and path[1] == "args" and path[0] in ("model", "data")


def is_known(root: Root, path: tuple[str | int, ...]) -> bool:
    """Whether a config with these fields may have something at a path."""
    if argument_of(path) and is_known(root, path[:2]):
        return True
    key = ".".join(map(str, path))
    return key in fields(root) or field_at(root, key) is not None or part_at(root, path) is not None


def part_named(path: tuple[str | int, ...]) -> type[Part] | None:
    """The part at a path in a config of some kind, None where there is none."""
    return next((part for root in ROOTS if (part := part_at(root, path)) is not None), None)


def word_named(key: str) -> Field | None:
    """The leaf field that a bare word at a dotted key sets in a config of some kind, None where there is none."""
    return next((field for root in ROOTS if (field := word_of(root, key)) is not None), None)


def config_names() -> dict[str, Kind]:
    """What a condition may call the fields of a config of some kind."""
    found: dict[str, Kind] = {}
    for root in ROOTS:
        for name, kind in condition_names(root).items():
            before = found.setdefault(name, kind)
            if kind.words and before.words:
                found[name] = replace(before, words=tuple(dict.fromkeys((*before.words, *kind.words))))
    return found
