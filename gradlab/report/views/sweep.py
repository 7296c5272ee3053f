"""What there is to see of a sweep: computed once from its members' summaries, shown alike by every face."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gradlab.config.text import clean_line
from gradlab.report.views.blocks import Check, Checks, Files, Lines, Title
from gradlab.report.views.groups import Group, groups
from gradlab.report.views.verdict_map import VerdictMap, verdict_map
from gradlab.report.words.points import Point, member_words, ordered, point_words, seeds_words
from gradlab.report.words.values import counted, it_is
from gradlab.report.words.verdicts import STATES, badness, tally_words, word_of
from gradlab.results.run_files import TRACEBACK
from gradlab.results.stored import StoredRun
from gradlab.results.sweeps.directory import file_of

if TYPE_CHECKING:
    from gradlab.judgement.conditions.gates import GateResult

NUM_EXAMPLES = 3
"""Runs that are named of those that failed the same expectation."""

_OF_ALL = ("plan.json", "sweep.yaml")
_FILES = ("results.csv", "results.parquet", "summary.md", "sweep.json", "plan.json", "sweep.yaml")


@dataclass(frozen=True)
class FailedRun:
    """A run that failed or was interrupted: which member of the sweep it is, why in one line ("" where nothing is
    known), and where its files lie.
    """

    word: str
    name: str
    id: str
    member: str
    reason: str
    path: Path
    traceback: Path | None


@dataclass(frozen=True)
class FailedExpectation:
    """A condition that did not hold for some members, the first of them with what it is instead."""

    text: str
    num_failed: int
    num_judged: int
    examples: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Failures:
    """Runs that could not be carried out, as a block; a file has what a terminal has no room for, or what is more than `most`."""

    runs: Sequence[FailedRun]
    file: str
    most: int | None = None

    def whole(self) -> "Failures":
        """All of them, whatever the face."""
        return replace(self, most=len(self.runs))


@dataclass(frozen=True)
class Groups:
    """The groups, the worst first, as a block: the axes that vary, the others' values, the file that has all of them, and
    how many are shown whatever the face; None leaves it to that.
    """

    heading: str
    groups: Sequence[Group]
    axes: Sequence[str]
    constant: str
    file: str
    most: int | None = None

    def whole(self) -> "Groups":
        """All of them, whatever the face."""
        return replace(self, most=len(self.groups))


@dataclass(frozen=True)
class SweepView:
    """One sweep as every face shows it.

    Attributes:
        shard: Which part of the sweep this is, such as `1/4`; None where it is the whole.
        counts: What was done with its members, such as done, cached, failed.
        verdicts: What they came to with how many, the worst first.
        outcomes: How they ended with how many.
        expectations: Conditions that some members failed, those that most failed first.
        num_expectations: Conditions that were judged, over all members.
        num_unexpected: Members that failed any.
        axes: Axes that vary, in the sweep's order.
        constant: The value of the others, in words.
        groups: Members that differ only in their seed, worst first.
        map: Verdicts over the two axes that tell most, None where there is nothing to tell.
    """

    name: str
    id: str
    path: Path
    shard: str | None
    num_runs: int
    counts: Mapping[str, int]
    verdicts: tuple[tuple[str, int], ...]
    outcomes: tuple[tuple[str, int], ...]
    gates: "tuple[GateResult, ...]"
    failures: tuple[FailedRun, ...]
    expectations: tuple[FailedExpectation, ...]
    num_expectations: int
    num_unexpected: int
    axes: tuple[str, ...]
    constant: str
    groups: tuple[Group, ...]
    map: VerdictMap | None

    @property
    def failed_gates(self) -> "tuple[GateResult, ...]":
        """Gates that did not hold."""
        return tuple(gate for gate in self.gates if not gate.passed)

    @property
    def results(self) -> str:
        """Name of the file that has a row a member."""
        return file_of("results.csv", self.shard)

    @property
    def files(self) -> tuple[str, ...]:
        """Names of its files that are there."""
        names = [name if name in _OF_ALL else file_of(name, self.shard) for name in _FILES]
        return tuple(name for name in names if (self.path / name).is_file())

    @property
    def blocks(self) -> list[object]:
        """All of it in reading order."""
        gates = sorted(self.gates, key=lambda gate: gate.passed)
        return [
            Title(title(self)),
            Lines([tally_words(self.verdicts)] if self.verdicts else [], "strong"),
            Lines(head(self)),
            Failures(self.failures, self.results),
            Checks("gates", [gate_check(gate) for gate in gates], "sweep.json"),
            Checks("expectations", [_expectation_check(item) for item in self.expectations]),
            *([] if self.map is None else [self.map]),
            Groups(groups_title(self), self.groups, self.axes, self.constant, self.results),
            Files(self.path, self.files),
        ]


def sweep_view(
    name: str,
    id: str,
    path: Path,
    axes: Sequence[str],
    members: Sequence[tuple[Point, StoredRun]],
    *,
    gates: "Sequence[GateResult]" = (),
    counts: Mapping[str, int] | None = None,
    shard: str | None = None,
) -> SweepView:
    """Compute what there is to see of a sweep; no run's record is read.

    Args:
        name: Of the sweep.
        id: Identity.
        path: Its directory.
        axes: Dotted keys that the sweep sets, the seed not among them.
        members: What was set for each member, and its run.
        gates: Conditions over all members, judged.
        counts: What was done with the members, such as done, cached, failed.
        shard: Which part of the sweep this is, such as `1/4`.
    """
    values = {axis: ordered(point.get(axis) for point, _ in members) for axis in axes}
    varying = tuple(axis for axis in axes if len(values[axis]) > 1)
    fixed = [axis for axis in axes if axis not in varying] if members else []
    all_groups = groups(members, varying)
    return SweepView(
        name=name,
        id=id,
        path=path,
        shard=shard,
        num_runs=len(members),
        counts=dict(counts or {}),
        verdicts=_worst_first(Counter(word_of(run) for _, run in members)),
        outcomes=_worst_first(Counter(run.outcome for _, run in members)),
        gates=tuple(gates),
        failures=_failures(members, varying),
        expectations=_expectations(members, varying),
        num_expectations=sum(len(run.summary.expectations) for _, run in members),
        num_unexpected=sum(any(not item.passed for item in run.summary.expectations) for _, run in members),
        axes=varying,
        constant=point_words(members[0][0], fixed) if members else "",
        groups=all_groups,
        map=verdict_map(all_groups, {axis: values[axis] for axis in varying}),
    )


def _worst_first(counts: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda item: badness(item[0])))


def _failures(members: Sequence[tuple[Point, StoredRun]], axes: Sequence[str]) -> tuple[FailedRun, ...]:
    """Runs that could not be carried out, the failed ones before the interrupted ones."""
    failures = []
    for point, run in members:
        word = word_of(run)
        if word in STATES:
            traceback = run.path / TRACEBACK
            failures.append(
                FailedRun(
                    word=word,
                    name=run.name,
                    id=run.id,
                    member=member_words(run, point, axes),
                    reason=clean_line(run.summary.outcome.reason or ""),
                    path=run.path,
                    traceback=traceback if traceback.is_file() else None,
                )
            )
    return tuple(sorted(failures, key=lambda failure: badness(failure.word)))


def _expectations(members: Sequence[tuple[Point, StoredRun]], axes: Sequence[str]) -> tuple[FailedExpectation, ...]:
    judged: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    examples: dict[str, list[tuple[str, str, str]]] = {}
    for point, run in members:
        for item in run.summary.expectations:
            text = clean_line(item.text)
            judged[text] += 1
            if not item.passed:
                failed[text] += 1
                named = examples.setdefault(text, [])
                if len(named) < NUM_EXAMPLES:
                    named.append((f"{run.name}-{run.id}", member_words(run, point, axes), clean_line(item.actual)))
    return tuple(
        FailedExpectation(text, number, judged[text], tuple(examples[text])) for text, number in failed.most_common()
    )


def title(view: SweepView) -> str:
    """Which sweep, how many runs, and how they are grouped."""
    part = "" if view.shard is None else f", shard {view.shard}"
    said = f"{view.name}{part}: {counted(view.num_runs, 'run')}"
    if len(view.groups) == 1:
        return f"{said} of one experiment, {seeds_words([view.num_runs])}".removesuffix(" each")
    sizes = [len(group.runs) for group in view.groups]
    within = f" in {counted(len(sizes), 'group')}" if max(sizes, default=1) > 1 else ""
    return said + within + (f", {seeds_words(sizes)}" if sizes else "")


def head(view: SweepView) -> list[str]:
    """The sweep in a few lines: how the runs ended, what was done, which gates and expectations did not hold."""
    lines = []
    if view.outcomes:
        lines.append(f"outcomes: {tally_words(view.outcomes)}")
    done = tally_words((word.replace("_", " "), count) for word, count in view.counts.items())
    if done:
        lines.append(f"this time: {done}")
    if view.gates:
        failed = len(view.failed_gates)
        lines.append(f"gates: {f'{failed} of {len(view.gates)} FAILED' if failed else f'{len(view.gates)} ok'}")
    if view.num_expectations:
        failed = sum(item.num_failed for item in view.expectations)
        where = f" in {counted(view.num_unexpected, 'run')}" if failed else ""
        said = f"{failed:,} of {view.num_expectations:,} FAILED" if failed else f"{view.num_expectations:,} ok"
        lines.append(f"expectations: {said}{where}")
    return lines


def gate_words(gate: "GateResult") -> str:
    """What a gate found; of one that is judged by groups, which have their own values, in how many it fails."""
    if not gate.groups:
        return it_is(clean_line(gate.actual))
    number, failed = counted(len(gate.groups), "group"), sum(not group.passed for group in gate.groups)
    return f"it fails in {failed} of {number}" if failed else f"it holds in {number}"


def gate_check(gate: "GateResult") -> Check:
    """A gate with what it found; of one that is judged by groups, with each group that fails."""
    failed = [group for group in gate.groups if not group.passed]
    details = [
        f"{point_words(group.by, group.by)}: {it_is(clean_line(group.actual))}, of {counted(group.num_members, 'run')}"
        for group in failed
    ]
    return Check(clean_line(gate.text), gate.passed, gate_words(gate), details=details)


def _expectation_check(item: FailedExpectation) -> Check:
    hidden = item.num_failed - len(item.examples)
    return Check(
        item.text,
        passed=False,
        said=f"{item.num_failed:,} of {counted(item.num_judged, 'run')} fail",
        details=[f"{name}: {member}; {it_is(actual)}" for name, member, actual in item.examples],
        more=f"… and {counted(hidden, 'run')} more" if hidden else "",
    )


def groups_title(view: SweepView) -> str:
    """What the table of groups shows, and how it is to be read."""
    expected = (
        "; expected is theory's, of init.backward_decades" if any(group.expected for group in view.groups) else ""
    )
    if all(len(group.runs) == 1 for group in view.groups):
        return f"runs, worst first; one seed each, so there is no spread{expected}"
    return f"groups over their seeds, worst first; figures are median ± standard deviation{expected}"
