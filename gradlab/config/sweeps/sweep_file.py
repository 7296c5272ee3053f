"""A sweep's file, section by section: what it varies, from where, and what is expected of the whole."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gradlab.config import spellings
from gradlab.config.condition import ConditionError, parse
from gradlab.config.expected import run_names, too_many
from gradlab.config.experiment import NAME_PATTERN, Experiment
from gradlab.config.namespace import all_fields
from gradlab.config.reading.overrides import Setting, setting_at
from gradlab.config.reading.tree import Path as TreePath
from gradlab.config.reading.tree import Place
from gradlab.config.suggestion import suggestion
from gradlab.config.sweeps.axes import Factor, read_factors, read_seeds
from gradlab.config.sweeps.bases import Base, read_bases
from gradlab.config.sweeps.file_kind import SOURCES
from gradlab.config.sweeps.gates import parse_gate
from gradlab.config.sweeps.keys import KEYS
from gradlab.config.sweeps.sections import Sections


@dataclass(frozen=True)
class Selector:
    """One mapping of `exclude` or `include`."""

    path: TreePath
    settings: tuple[Setting, ...]


@dataclass(frozen=True)
class SweepFile:
    """What a sweep's file says.

    Attributes:
        seeds: Of the replicates, None where there are none; a base may have its own (`seeds_of`).
        axes: Dotted keys that these vary, each with its place.
        expect: Conditions on every member, each with its place.
        whole: Whether all that varies could be read.
    """

    name: str
    bases: tuple[Base, ...]
    seeds: tuple[int, ...] | None
    factors: tuple[Factor, ...]
    axes: Mapping[str, Place]
    exclude: tuple[Selector, ...]
    include: tuple[Selector, ...]
    expect: tuple[Setting, ...]
    gates: tuple[str, ...]
    whole: bool

    def seeds_of(self, base: int) -> tuple[int, ...] | None:
        """Seeds of a base's replicates, None where there are none."""
        own = self.bases[base].seeds
        return self.seeds if own is None else own

    @property
    def has_seeds(self) -> bool:
        return self.seeds is not None or any(base.seeds is not None for base in self.bases)


def read_sections(sections: Sections, folder: Path, name: str) -> SweepFile:
    """What a sweep's file says; what it should not say is added to the sections' problems."""
    for key in sections.tree.data:
        if key not in KEYS:
            sections.complain((key,), f"unknown key{_meant(key)}", key=True)
    name = _name(sections, name)
    bases = read_bases(sections, folder, name)
    seeds, factors = read_seeds(sections), read_factors(sections)
    return SweepFile(
        name=name,
        bases=tuple(bases),
        seeds=seeds,
        factors=tuple(factors),
        axes=sections.axes,
        whole=not sections.problems and not sections.tree.problems,
        exclude=_entries(sections, "exclude"),
        include=_entries(sections, "include"),
        expect=tuple(
            setting_at(sections.tree, "expect", path)
            for path, _ in _conditions(sections, "expect", lambda text: parse(text, run_names()))
        ),
        gates=tuple(text for _, text in _conditions(sections, "gates", parse_gate)),
    )


_OTHERWISE = spellings.by_folded(
    {
        "matrix parameters params search_space": "grid",
        "repeats replicates num_seeds n_seeds": "seeds",
        "random_search trials n_trials": "random",
        "assertions checks": "gates",
    }
)
"""What other tools call a section -> what it is called here."""


def _meant(key: str) -> str:
    other = _OTHERWISE.get(spellings.folded(key))
    near = suggestion(key, KEYS) if other is None else f". Did you mean '{other}'?"
    if near:
        return near
    if key in Experiment.model_fields:
        return f"; put it into the {' or '.join((SOURCES[0], SOURCES[2]))}, or its values into grid"
    if key in all_fields():
        return f"; put it into grid: {{{key}: [...]}}"
    return f" (known here: {', '.join(KEYS)})"


def _name(sections: Sections, name: str) -> str:
    path: TreePath = ("name",)
    if not sections.has(path):
        return name
    given = sections.tree.at(path)
    if isinstance(given, str) and re.fullmatch(NAME_PATTERN, given) and len(given) <= 100:
        return given
    what = "at most 100 letters, digits, '.', '_' or '-', beginning with a letter, a digit or '_'"
    sections.complain(path, f"expected {what}, got {sections.got(path)}")
    return name


def _entries(sections: Sections, section: str) -> tuple[Selector, ...]:
    """The mappings of `exclude` or `include`; one with a fault is left out."""
    what = "a list of mappings of dotted keys to values"
    found = []
    for index in range(len(sections.items((section,), what))):
        path: TreePath = (section, index)
        values = sections.mapping(path, "a mapping of dotted keys to values")
        readable = [sections.check_field(key, (*path, key)) for key in values]
        for key, value in values.items():
            if section == "exclude" and value == []:
                sections.complain((*path, key), "an empty list matches nothing; give at least one value")
                readable.append(False)
        if values and all(readable) and not any(sections.is_broken((*path, key)) for key in values):
            settings = tuple(setting_at(sections.tree, key, (*path, key)) for key in values)
            found.append(Selector(path, settings))
    return tuple(found)


def _conditions(sections: Sections, section: str, read: Callable[[str], object]) -> list[tuple[TreePath, str]]:
    found: list[tuple[TreePath, str]] = []
    texts = sections.texts((section,), f"a list of {'gates' if section == 'gates' else 'conditions'}")
    refused = too_many(texts)
    if refused is not None:
        sections.complain((section,), refused)
        return found
    for path, text in texts:
        try:
            read(text)
        except ConditionError as error:
            sections.complain(path, f"{text[:60]!r}, character {error.column}: {error.reason}")
        else:
            found.append((path, text))
    return found
