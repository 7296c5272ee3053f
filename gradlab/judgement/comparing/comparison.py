"""Runs side by side: figures, what changed in the config, profiles on relative depth, and gates against the first
side.

Runs that differ in nothing but their seed stand on one side; a side's spread over its seeds is what tells a difference
from chance.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from gradlab.config.catalogue import VERDICTS, OutcomeKind, Verdict
from gradlab.config.experiment import Experiment
from gradlab.config.modules import AnyExperiment, WatchedExperiment
from gradlab.config.sweeps.points import value_on_axis
from gradlab.config.text import flat, left_out
from gradlab.errors import UsageError
from gradlab.judgement.comparing.difference import Judgement
from gradlab.judgement.comparing.gates import ComparedGate, GatedSide, Gates, gate_notices, judge_gates
from gradlab.judgement.comparing.grouping import grouped
from gradlab.judgement.comparing.named_rows import NamedRows, named_rows
from gradlab.judgement.comparing.profiles import PROFILED, Moment, Profile, profile
from gradlab.judgement.comparing.rows import Row, figure_rows, term_rows
from gradlab.judgement.comparing.samples import depth_of
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


@dataclass(frozen=True, repr=False)
class Comparison:
    """Runs side by side, the first side being what the others are compared with.

    Attributes:
        rows: Figures, those that no side has left out, and after them whatever else gates name that is a number.
        judgements: One for each further side: `better` or `worse` where that holds of at least one telling figure and the opposite of
            none, `mixed` where both occur. Else what keeps it from being told: `not comparable`, `too few seeds`, `cannot tell` (also
            where no telling figure is on both sides). `same` where every telling figure is.
        profiles: For each quantity that some side has, its profile on each side at the last finite record.
        init_profiles: Likewise at the first record.
        named_rows: Rows of somebody's own modules, matched by their names.
        gates: The conditions that must not hold, for each further side; `passed` is false where one holds.
        notices: Sides that hold the first side's own runs, and what gates ask that can never fail, or always does.
    """

    html: ClassVar["Callable[[Comparison], str] | None"] = None
    """What a notebook shows of it, registered by the room that knows how it looks."""

    def _repr_html_(self) -> str | None:
        render = type(self).html
        return None if render is None else render(self)

    def __repr__(self) -> str:
        first, *others = self.sides
        found = (f"{side.label} {word}" for side, word in zip(others, self.judgements, strict=True))
        return f"<comparison with {first.label}: {', '.join(found)}>"

    sides: tuple[Side, ...]
    config: tuple[Changed, ...]
    rows: tuple[Row, ...]
    judgements: tuple[Overall, ...]
    profiles: tuple[tuple[Profile | None, ...], ...]
    gates: tuple[tuple[str, ComparedGate], ...]
    init_profiles: tuple[tuple[Profile | None, ...], ...] = ()
    named_rows: NamedRows = field(default_factory=NamedRows)
    notices: tuple[str, ...] = ()

    @property
    def telling(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.figure in _TELLING)

    @property
    def passed(self) -> bool:
        return all(gate.passed for _, gate in self.gates)

    @property
    def gated(self) -> frozenset[str]:
        """Rows that made a gate fail, or kept it from telling; `verdict` and `outcome` among them."""
        return frozenset(name for _, gate in self.gates for name in gate.rows)


def compare(
    runs: Sequence[StoredRun], fail_on: Sequence[str] = (), *, fail_on_any: Sequence[str] = (), apart: bool = False
) -> Comparison:
    """Compare runs with the first of them.

    Args:
        runs: Two or more; those that share everything but the seed are taken together.
        fail_on: Conditions that must not hold for a further side. Numbers are means over a side's runs, verdict and outcome the worst
            of them. A change is against the first side, and is met only where the figure is worse.
        fail_on_any: Conditions that must not hold either, in which a change is that of the means, whatever the seeds tell.
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
    return compare_sides(groups, fail_on, fail_on_any=fail_on_any)


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
        fail_on_any: Likewise.
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
    gates = Gates.read(fail_on, fail_on_any)
    gated = [
        GatedSide(side.label, group, side.verdict, side.outcome) for group, side in zip(groups, sides, strict=True)
    ]
    rows = (*figure_rows(groups), *term_rows(gates.conditions, groups))
    return Comparison(
        sides=sides,
        config=config,
        rows=rows,
        judgements=tuple(_overall(rows, index) for index in range(len(groups) - 1)),
        profiles=_profiles(groups, "final") if profiled else (),
        gates=judge_gates(gates, gated, rows),
        init_profiles=_profiles(groups, "init") if profiled else (),
        named_rows=named_rows(groups) if profiled else NamedRows(),
        notices=(*(() if labels else _same_runs(groups, sides)), *gate_notices(gates, gated)),
    )


def _same_runs(groups: Sequence[Sequence[StoredRun]], sides: Sequence[Side]) -> Iterator[str]:
    """That a side holds the runs of the first, of which no gate on a change can fail: a baseline that is compared with itself."""
    own = [frozenset((run.id, run.seed) for run in group) for group in groups]
    for group, side, ids in zip(groups[1:], sides[1:], own[1:], strict=True):
        if ids == own[0] and not changed([groups[0][0].experiment, group[0].experiment]):
            yield f"{side.label}: these are the runs of the first side, so nothing can differ"


def sides_of(runs: Sequence[StoredRun]) -> list[list[StoredRun]]:
    """Runs taken together as sides: those that share everything but the seed, or each alone where all of them do."""
    groups = grouped(runs)
    return [[run] for run in runs] if len(groups) == 1 else groups


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
    """A name for each side, none of them twice: with the fields that tell it from its namesakes, else with seed, place or number."""
    names = [group[0].name for group in groups]
    labels = []
    for index, name in enumerate(names):
        told = [f"{item.field}={item.values[index]}" for item in config if item.values[index] is not None]
        labels.append(name if names.count(name) == 1 or not told else f"{name} ({', '.join(told)})")
    for tell in (_seed_or_id, lambda group: f"in {group[0].path.parent}"):
        marks = [tell(group) for group in groups]
        twice = [labels.count(label) > 1 for label in labels]
        if len({mark for mark, own in zip(marks, twice, strict=True) if own}) > 1:
            labels = [
                f"{label} ({mark})" if own else label for label, mark, own in zip(labels, marks, twice, strict=True)
            ]
    return [
        f"{label} #{labels[: place + 1].count(label)}" if labels.count(label) > 1 else label
        for place, label in enumerate(labels)
    ]


def _seed_or_id(group: Sequence[StoredRun]) -> str:
    """What tells runs from others of their experiment: the smallest seed, or the beginning of an id where they have none."""
    seeds = [run.seed for run in group if run.seed is not None]
    return f"seed {min(seeds)}" if seeds else group[0].id[:6]


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


def _overall(rows: Sequence[Row], index: int) -> Overall:
    told = {item.judgement for row in rows if row.figure in _TELLING and (item := row.differences[index]) is not None}
    if {"better", "worse"} <= told:
        return "mixed"
    if told == {"not comparable"}:
        return "not comparable"
    for word in _STRONGEST:
        if word in told:
            return word
    return "cannot tell"  # no telling figure on both sides


_STRONGEST: tuple[Judgement, ...] = ("better", "worse", "too few seeds", "cannot tell", "not comparable", "same")
"""What a side comes to: the first of these that a telling figure comes to."""


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
