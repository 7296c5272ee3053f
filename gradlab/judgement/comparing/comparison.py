"""Runs side by side: figures, what changed in the config, profiles on relative depth, and gates against the first
side.

Runs that differ in nothing but their seed stand on one side; a side's spread over its seeds is what tells a difference
from chance.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from gradlab.config.catalogue import FIGURES, VERDICTS, OutcomeKind, Verdict
from gradlab.config.condition import parse
from gradlab.config.experiment import Experiment, run_names
from gradlab.config.logic import Looked, Lookup, evaluate
from gradlab.config.modules import AnyExperiment, WatchedExperiment
from gradlab.config.sweeps.points import value_on_axis
from gradlab.config.text import flat, left_out
from gradlab.errors import UsageError
from gradlab.judgement.comparing.difference import Difference, Judgement, mean
from gradlab.judgement.comparing.named_rows import NamedRows, named_rows
from gradlab.judgement.comparing.profiles import PROFILED, Moment, Profile, profile
from gradlab.judgement.comparing.samples import depth_of, difference_of, figure_of
from gradlab.judgement.conditions.expectations import lookup
from gradlab.results.record import Expectation
from gradlab.results.stored import StoredRun

Overall = Judgement | Literal["mixed"]
"""What a side comes to as a whole against the first one."""

_OUTCOMES: tuple[OutcomeKind, ...] = ("failed", "diverged", "interrupted", "completed")
"""The worst first."""

_TELLING = (
    "final.loss", "final.accuracy", "final.holdout_loss", "final.holdout_accuracy", "final.backward_decades",
    "learning_share",
)  # fmt: skip
"""Figures that an overall judgement rests on."""


@dataclass(frozen=True)
class Side:
    """Runs that differ in nothing but their seed.

    Attributes:
        label: Name, with the fields that tell it from others of the same name.
        verdict: The worst among its runs, as is `outcome`.
        name: What it goes by: what it was asked for by, or its runs' name.
        ids: Of its runs.
        place: The directory that holds them, of several that of the first.
    """

    label: str
    seeds: tuple[int, ...]
    depth: int
    verdict: Verdict
    verdicts: tuple[Verdict, ...]
    outcome: OutcomeKind
    name: str = ""
    ids: tuple[str, ...] = ()
    place: str = ""


@dataclass(frozen=True)
class Changed:
    """A config field that is not the same on all sides; None where a side has no such field or no value for it."""

    field: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Row:
    """One figure on all sides.

    Attributes:
        figure: `init.*`, `final.*`, `learning_layers` or `learning_share` (of the hidden layers).
        values: Mean over each side's runs, None where a side has no value.
        differences: Against the first side, one for each further side; None where one of the two has no value.
    """

    figure: str
    values: tuple[float | None, ...]
    differences: tuple[Difference | None, ...]

    @property
    def changed(self) -> bool:
        """Whether it is not simply the same on all sides."""
        missing = {value is None for value in self.values}
        return len(missing) > 1 or any(
            item is not None
            and (item.judgement in ("better", "worse") or (item.judgement is None and item.amount != 0))
            for item in self.differences
        )


@dataclass(frozen=True)
class Comparison:
    """Runs side by side, the first side being what the others are compared with.

    Attributes:
        rows: Figures, those that no side has left out.
        judgements: One for each further side: `better` or `worse` where that holds of at least one telling figure and
            the opposite of none, `mixed` where both occur, else `same`.
        profiles: For each quantity that some side has, its profile on each side at the last finite record.
        init_profiles: Likewise at the first record.
        named_rows: Rows of somebody's own modules, matched by their names.
        gates: The conditions that must not hold, for each further side; `passed` is false where one holds.
    """

    sides: tuple[Side, ...]
    config: tuple[Changed, ...]
    rows: tuple[Row, ...]
    judgements: tuple[Overall, ...]
    profiles: tuple[tuple[Profile | None, ...], ...]
    gates: tuple[tuple[str, Expectation], ...]
    init_profiles: tuple[tuple[Profile | None, ...], ...] = ()
    named_rows: NamedRows = field(default_factory=NamedRows)

    @property
    def telling(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.figure in _TELLING)

    @property
    def passed(self) -> bool:
        return all(gate.passed for _, gate in self.gates)


def compare(runs: Sequence[StoredRun], fail_on: Sequence[str] = (), *, apart: bool = False) -> Comparison:
    """Compare runs with the first of them.

    Args:
        runs: Two or more; those that share everything but the seed are taken together.
        fail_on: Conditions that must not hold for a further side; a change in one is against the first side. Numbers
            are means over a side's runs, verdict and outcome the worst of them.
        apart: Compare runs that differ only in their seed too, each on a side of its own where all of them do. So watched modules
            always are: what differs in their loops is not known.

    Raises:
        UsageError: If there are fewer than two runs, or all of them differ only in their seed and are not kept apart.
        ConditionError: If a condition cannot be read.
    """
    apart = apart or all(isinstance(run.experiment, WatchedExperiment) for run in runs)
    groups = sides_of(runs) if apart else grouped(runs)
    if len(groups) < 2:
        raise UsageError("compare needs two runs that differ in more than their seed")
    return compare_sides(groups, fail_on)


def compare_sides(
    groups: Sequence[Sequence[StoredRun]],
    fail_on: Sequence[str] = (),
    *,
    fail_on_any: Sequence[str] = (),
    labels: Sequence[str] = (),
    profiled: bool = True,
) -> Comparison:
    """Compare sides as they are given: two of them may hold the same runs, or the same experiment from two places.

    Args:
        groups: Two or more sides, the first being what the others are compared with; at least one run each.
        fail_on: As of `compare`.
        fail_on_any: Conditions that must not hold either, judged by the bare figures.
        labels: What the sides are called; by default their runs' names with what tells them apart.
        profiled: Compare layer by layer too, which reads the tables of all runs.

    Raises:
        ConditionError: If a condition cannot be read.
    """
    config = changed([group[0].experiment for group in groups])
    names = labels or _labels(groups, config)
    sides = tuple(
        _side(group, label, label if labels else group[0].name) for group, label in zip(groups, names, strict=True)
    )
    rows = _rows(groups)
    return Comparison(
        sides=sides,
        config=config,
        rows=rows,
        judgements=tuple(_overall(rows, index) for index in range(len(groups) - 1)),
        profiles=_profiles(groups, "final") if profiled else (),
        gates=_gates(groups, sides, (*fail_on, *fail_on_any)),
        init_profiles=_profiles(groups, "init") if profiled else (),
        named_rows=named_rows(groups) if profiled else NamedRows(),
    )


def sides_of(runs: Sequence[StoredRun]) -> list[list[StoredRun]]:
    """Runs taken together as sides: those that share everything but the seed, or each alone where all of them do."""
    groups = grouped(runs)
    return [[run] for run in runs] if len(groups) == 1 else groups


def grouped(runs: Sequence[StoredRun]) -> list[list[StoredRun]]:
    """Runs taken together that share everything but the seed, in order of appearance; of watched modules, runs with the same rows."""
    groups: dict[str, list[StoredRun]] = {}
    for run in runs:
        shared = {key: value for key, value in run.experiment.canonical().items() if key != "seed"}
        rows = None if isinstance(run.experiment, Experiment) or run.record is None else run.record.rows
        key = [shared, None if rows is None else [rows.names, rows.chains, rows.readout]]
        groups.setdefault(json.dumps(key, sort_keys=True), []).append(run)
    return list(groups.values())


def changed(experiments: Sequence[AnyExperiment]) -> tuple[Changed, ...]:
    """Config fields, the seed aside, that are not the same everywhere; a part that some of them have not goes by one line.

    Of experiments of several kinds, which have hardly a field in common, those of the model and those that all of them have.
    """
    whole = [experiment.canonical() for experiment in experiments]
    configs = [flat(one) for one in whole]
    paths = dict.fromkeys(path for config in configs for path in config if path not in ("seed", "name"))
    if len({type(experiment) for experiment in experiments}) > 1:
        paths = dict.fromkeys(
            path for path in paths if path.startswith("model.") or all(path in config for config in configs)
        )
    found = {}
    for path in paths:
        part = next((part for part in ("model.norm", "model.residual") if path.startswith(f"{part}.")), None)
        if part is not None and any(path not in config for config in configs):
            own = [value_on_axis(one, part) if isinstance(one, Experiment) else None for one in experiments]
            found[part] = Changed(part, tuple(own))
        else:
            found[path] = Changed(
                path, tuple(config.get(path, left_out(one, path)) for config, one in zip(configs, whole, strict=True))
            )
    return tuple(item for item in found.values() if any(value != item.values[0] for value in item.values))


def _labels(groups: Sequence[Sequence[StoredRun]], config: Sequence[Changed]) -> list[str]:
    names = [group[0].name for group in groups]
    if not config and len(set(names)) == len(names):
        return names
    if not config:
        return [f"{group[0].name} ({seed_or_id(group[0])})" for group in groups]
    labels = []
    for index, name in enumerate(names):
        told = [f"{item.field}={item.values[index]}" for item in config if item.values[index] is not None]
        labels.append(name if names.count(name) == 1 or not told else f"{name} ({', '.join(told)})")
    return labels


def seed_or_id(run: StoredRun) -> str:
    """What tells a run from others of its experiment: its seed, or the beginning of its id where it has none."""
    return run.id[:6] if run.seed is None else f"seed {run.seed}"


def _side(group: Sequence[StoredRun], label: str, name: str) -> Side:
    verdicts = tuple(run.summary.verdict for run in group)
    outcomes = [run.summary.outcome.kind for run in group]
    return Side(
        label=label,
        seeds=tuple(run.seed for run in group if run.seed is not None),
        depth=depth_of(group[0]),
        verdict=min(verdicts, key=VERDICTS.index),
        verdicts=verdicts,
        outcome=min(outcomes, key=_OUTCOMES.index),
        name=name,
        ids=tuple(run.id for run in group),
        place=str(group[0].path.parent),
    )


def _rows(groups: Sequence[Sequence[StoredRun]]) -> tuple[Row, ...]:
    names = [f"{moment}.{figure}" for figure in FIGURES for moment in ("init", "final")]
    rows = (_row(name, groups) for name in [*names, "learning_layers", "learning_share"])
    return tuple(row for row in rows if any(value is not None for value in row.values))


def _row(name: str, groups: Sequence[Sequence[StoredRun]]) -> Row:
    samples = [[value for run in group if (value := figure_of(run, name)) is not None] for group in groups]
    return Row(
        figure=name,
        values=tuple(mean(sample) if sample else None for sample in samples),
        differences=tuple(
            difference_of(name, lambda run: figure_of(run, name), groups[0], group) for group in groups[1:]
        ),
    )


def _overall(rows: Sequence[Row], index: int) -> Overall:
    told = {item.judgement for row in rows if row.figure in _TELLING and (item := row.differences[index]) is not None}
    if {"better", "worse"} <= told:
        return "mixed"
    return "better" if "better" in told else "worse" if "worse" in told else "same"


def _profiles(groups: Sequence[Sequence[StoredRun]], moment: Moment) -> tuple[tuple[Profile | None, ...], ...]:
    found = []
    modules = any(run.record is not None and run.record.rows is not None for group in groups for run in group)
    left_out = "log10_backward_rms" if modules else "log10_backward_norm"
    for quantity in PROFILED:
        if quantity == left_out:
            continue
        sides = tuple(
            profile([run.record for run in group if run.record is not None], quantity, moment) for group in groups
        )
        if any(side is not None for side in sides):
            found.append(sides)
    return tuple(found)


def _gates(
    groups: Sequence[Sequence[StoredRun]], sides: Sequence[Side], fail_on: Sequence[str]
) -> tuple[tuple[str, Expectation], ...]:
    conditions = [(text, parse(text, run_names(), changes=True)) for text in fail_on]
    looks = [_look(group, side) for group, side in zip(groups, sides, strict=True)] if conditions else []
    gates = []
    for side, look in zip(sides[1:], looks[1:], strict=False):
        for text, condition in conditions:
            holds, actual = evaluate(condition, look, looks[0])
            gates.append((side.label, Expectation(text, not holds, actual)))
    return tuple(gates)


def _look(group: Sequence[StoredRun], side: Side) -> Lookup:
    looks = [lookup(run.experiment, run.record, run.summary) for run in group]

    def look(name: str) -> Looked:
        if name == "verdict":
            return side.verdict
        if name == "outcome":
            return side.outcome
        values = [each(name) for each in looks]
        if isinstance(values[0], list):
            return [value for layers in values if isinstance(layers, list) for value in layers]
        numbers = [float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
        return mean(numbers) if numbers and len(values) > 1 else values[0]

    return look
