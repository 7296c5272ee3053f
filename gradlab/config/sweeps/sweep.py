"""Sweeps: a file that varies an experiment, to a list of checked members.

    base: ../deep_sigmoid.yaml
    seeds: 0-4
    grid: {model.depth: [10, 50], model.activation: [sigmoid, tanh]}

The file is read by `sweep_file`, crossed by `expansion`, and each member checked by `members`; docs/sweep.md is its
reference.
"""

import functools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gradlab.config import regular_files
from gradlab.config.logic import field_value, in_words
from gradlab.config.modules import Trainable
from gradlab.config.reading import document, yaml12
from gradlab.config.reading.document import Document
from gradlab.config.reading.faults import key_problem
from gradlab.config.reading.overrides import read_overrides
from gradlab.config.reading.tree import SWEEP, Problem, Tree, from_python
from gradlab.config.seeds import seeds_of
from gradlab.config.sweeps.expansion import Combination, expand
from gradlab.config.sweeps.gates import parse_gate
from gradlab.config.sweeps.limits import refusal
from gradlab.config.sweeps.members import Builder, Findings
from gradlab.config.sweeps.points import Scalar, value_on_axis
from gradlab.config.sweeps.sections import Sections
from gradlab.config.sweeps.sweep_file import SweepFile, read_sections
from gradlab.config.sweeps.understood import understand_sweep
from gradlab.errors import ConfigError

__all__ = ["Sweep", "SweepMember", "from_mapping", "load"]

Overrides = Iterable[str] | Mapping[str, Any]


@dataclass(frozen=True)
class SweepMember:
    """One run of a sweep, checked, with its value on each axis in the order of the axes."""

    experiment: Trainable
    point: Mapping[str, Scalar]


@dataclass(frozen=True)
class Sweep:
    """What a sweep comes to.

    Attributes:
        members: All different, in the order of expansion: the last key of the grid fastest, seeds fastest of all.
        axes: Dotted keys that are varied, in the order of the file, `seed` not among them. With several bases `name`
            comes first; keys that only `include` sets come last.
        num_repeated: Members that repeated another and were dropped.
        source: The file's text, "" where there is none.
        notices: What a person should know of how values were understood, a line each.
    """

    name: str
    members: tuple[SweepMember, ...]
    axes: tuple[str, ...]
    gates: tuple[str, ...]
    num_repeated: int
    source: str
    notices: tuple[str, ...] = ()
    _tree: Callable[[int], Tree] | None = field(default=None, repr=False, compare=False)

    def document_of(self, experiment: Trainable) -> Document:
        """A member with the places of its values; a ValueError if the sweep has no such member."""
        index = self._places.get(experiment)
        if index is None or self._tree is None:
            raise ValueError("the experiment is not a member of a sweep that was read")
        return Document(experiment, self._tree(index))

    @functools.cached_property
    def _places(self) -> dict[Trainable, int]:
        return {member.experiment: index for index, member in enumerate(self.members)}

    def locate(self, error: ConfigError, experiment: Trainable) -> ConfigError:
        """`Document.locate` for a member: its faults at the places in the sweep's or the base's file that caused them."""
        return self.document_of(experiment).locate(error)


def load(
    path: str | os.PathLike[str], overrides: Overrides = (), seeds: str | None = None, trains: bool = True
) -> Sweep:
    """Read a sweep from a YAML file.

    Args:
        path: The file. Its stem is the sweep's name where it gives none; what it names is relative to its folder.
        overrides: Texts `key=value` (dotted keys of an experiment, YAML values), or values by dotted key; they are laid
            over every member, last of all. A name is that of a sweep of one base too.
        seeds: Seeds as they are typed, instead of the file's own.
        trains: Whether its members are to be trained; else they need not fit in memory.

    Raises:
        ConfigError: With all that is wrong with the file, its bases and its members, each fault with its place.
        UsageError: If `seeds` cannot be read.
    """
    path = Path(path)
    tree = document.from_file(path, SWEEP, "a sweep")
    sweep = _sweep(tree, overrides, seeds, document.folder_of(path), document.name_of(path) or "sweep", trains)
    return replace(sweep, source=regular_files.source(path, yaml12.MAX_BYTES + 1).decode())


def from_mapping(
    mapping: Mapping[str, Any],
    overrides: Overrides = (),
    seeds: str | None = None,
    folder: str | os.PathLike[str] = ".",
) -> Sweep:
    """A sweep from nested mappings, as a YAML file would give them.

    Raises:
        ConfigError: With all that is wrong.
        UsageError: If `seeds` cannot be read.

    >>> model = {"depth": 2, "width": 8, "activation": "tanh"}
    >>> sweep = from_mapping({"experiment": {"model": model}, "seeds": "0-1", "grid": {"model.depth": [2, 4]}})
    >>> [(member.experiment.seed, dict(member.point)) for member in sweep.members]
    [(0, {'model.depth': 2}), (1, {'model.depth': 2}), (0, {'model.depth': 4}), (1, {'model.depth': 4})]
    """
    return _sweep(from_python(mapping, "sweep", SWEEP), overrides, seeds, Path(folder), "sweep")


def _sweep(tree: Tree, overrides: Overrides, seeds: str | None, folder: Path, name: str, trains: bool = True) -> Sweep:
    replaced = None if seeds is None else tuple(seeds_of(seeds))
    settings, problems = read_overrides(overrides)
    unknown = {id(setting): key_problem(setting.key, setting.place) for setting in settings}
    problems = [*problems, *(problem for problem in unknown.values() if problem is not None)]
    if () in tree.broken:
        raise ConfigError(Findings().faults([*tree.problems, *problems]))
    understand_sweep(tree)
    problems = [*tree.problems, *problems]
    sections = Sections(tree)
    file = read_sections(sections, folder, name)
    if replaced is not None:
        file = replace(file, seeds=replaced, bases=tuple(replace(base, seeds=None) for base in file.bases))
    _refuse_contradictions(file, sections)
    builder = Builder(file, [setting for setting in settings if unknown[id(setting)] is None], folder, trains)
    combinations: list[Combination] = []
    num_repeated = 0
    too_large = refusal(file)
    if too_large is not None:
        sections.complain(*too_large)
    else:
        combinations, num_repeated = expand(file, sections, builder.resolve)
        if not combinations and not sections.problems and not problems:
            sections.complain(("exclude",), "no member is left", key=True)
    experiments, findings = _checked(combinations, builder)
    if len(experiments) == len(combinations) and not problems and not sections.problems:
        _refuse_flat_slopes(file, experiments, sections)
    faults = findings.faults([*problems, *sections.problems])
    if faults:
        raise ConfigError(faults)
    kept = _distinct(experiments)
    axes = _axes(file)
    renamed = len(file.bases) == 1 and any(setting.key == "name" for setting in settings)
    return Sweep(
        name=experiments[0].name if renamed else file.name,
        members=tuple(
            SweepMember(experiments[index], _point(experiments[index], combinations[index], file, axes))
            for index in kept
        ),
        axes=axes,
        gates=file.gates,
        num_repeated=num_repeated + len(combinations) - len(kept),
        source="",
        notices=tuple({**tree.notices, **builder.notices}),
        _tree=lambda index: builder.tree(combinations[kept[index]]),
    )


def _refuse_contradictions(file: SweepFile, sections: Sections) -> None:
    """Report keys that are varied and given by something else as well."""
    if "seed" in file.axes and file.has_seeds:
        message = "the seeds are given by 'seeds' or --seeds already; leave one of the two out"
        sections.problems.append(Problem(file.axes["seed"], ("seed",), message))
    if "name" in file.axes and len(file.bases) > 1:
        message = "each of several bases keeps its own name; leave 'name' out"
        sections.problems.append(Problem(file.axes["name"], ("name",), message))


def _refuse_flat_slopes(file: SweepFile, experiments: Sequence[Trainable], sections: Sections) -> None:
    """Report slopes of gates that can have no value, because their field does not vary or has no logarithm in a member."""
    sloped = [(index, parse_gate(text)) for index, text in enumerate(file.gates)]
    if not any(gate.slope_fields for _, gate in sloped):
        return
    configs = [experiment.model_dump(mode="json") for experiment in experiments]
    for index, gate in sloped:
        for key in gate.slope_fields:
            numbers = {
                value for value in (field_value(config, key) for config in configs) if isinstance(value, int | float)
            }
            if len(numbers) < 2:
                found = f"is {in_words(next(iter(numbers)))} in every member" if numbers else "has a value in no member"
                remedy = f"give it two values or more, as in grid: {{{key}: [...]}}"
                sections.complain(("gates", index), f"{key} {found}, and a slope needs it to vary; {remedy}")
            elif gate.where is None and min(numbers) <= 0:
                found = f"{key} is {in_words(min(numbers))} in a member, and a slope is of logarithms"
                sections.complain(("gates", index), f"{found}; leave these members out by: where {key} > 0")


def _checked(combinations: Iterable[Combination], builder: Builder) -> tuple[list[Trainable], Findings]:
    """The experiments of the combinations that are valid, and what is wrong with the others."""
    experiments, findings = [], Findings()
    for combination in combinations:
        found = builder.check(combination)
        if not isinstance(found, list):
            experiments.append(found)
        findings.note(combination.point, found if isinstance(found, list) else [])
    return experiments, findings


def _distinct(experiments: Sequence[Trainable]) -> list[int]:
    """The numbers of the experiments that repeat none before them, labels aside."""
    first: dict[object, int] = {}
    for index, one in enumerate(experiments):
        first.setdefault((one.seed, one.model, one.data, one.train, one.record), index)
    return list(first.values())


def _axes(file: SweepFile) -> tuple[str, ...]:
    """The dotted keys that members are told apart by, seeds aside."""
    included = [setting.key for entry in file.include for setting in entry.settings]
    names = ["name"] if len(file.bases) > 1 else []
    keys = dict.fromkeys([*names, *file.axes, *included])
    return tuple(key for key in keys if key not in ("seed", "expect"))


def _point(experiment: Trainable, combination: Combination, file: SweepFile, axes: Sequence[str]) -> dict[str, Scalar]:
    """What a member has on each axis; of several bases the name that its own base has."""
    point = {key: value_on_axis(experiment, key) for key in axes}
    if len(file.bases) > 1:
        point["name"] = file.bases[combination.point.base].name
    return point
