"""A sweep in at most thirty lines, as a pipe gets it: what it came to, what failed, what would mend it, its worst groups, its files."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from gradlab.config.reading.document import flow
from gradlab.config.text import clean_line
from gradlab.report.views.blocks import MOST_LINES, Check, Checks, Files, Lines, Title
from gradlab.report.views.sweep import (
    FailedExpectation,
    FailedRun,
    Failures,
    Groups,
    SweepView,
    gate_check,
    groups_title,
    head,
    title,
)
from gradlab.report.words.values import counted
from gradlab.report.words.verdicts import STATES, badness, tally_words, word_of

if TYPE_CHECKING:
    from gradlab.judgement.conditions.gates import GateResult

_WORST, _LEAST = 10, 3
"""Groups that are shown: at most, and where much else has to be said."""

_BESIDE_MAP = 5
"""Groups that have to have room beside the verdict map, or it is left out."""

_MOST_FAILURES, _MOST_CHECKS, _MOST_REMEDIES = 2, 2, 2
"""Failed runs, failed gates and as many failed expectations, and verdicts with their remedy."""

_REMEDY = 120
"""Letters of a remedy."""


def short_blocks(view: SweepView) -> list[object]:
    """What is said first, in reading order; `results.csv` and `sweep.json` have the rest, and `--full` prints it."""
    told = _most_told(view.failures)
    shown: list[object] = [Title(title(view))]
    shown += [Lines([tally_words(view.verdicts)], "strong")] if view.verdicts else []
    said = [*head(view), *_remedies(view)]
    shown += [Lines(said), *([Failures(told, view.results, _MOST_FAILURES)] if told else [])]
    used = 1 + bool(view.verdicts) + len(said) + _num_lines(told)
    failed = [
        *_checks("gates", [_gate(gate) for gate in view.failed_gates]),
        *_checks("expectations", [_expectation(item) for item in view.expectations]),
    ]
    used += sum(len(block.texts) if isinstance(block, Lines) else 1 + len(block.checks) for block in failed)
    shown += failed
    files = Files(view.path, view.files)
    if not view.groups:
        return [*shown, files]
    rows = MOST_LINES - used - 5  # the heading and the files, each a line apart, and the columns' names
    map_lines = 0 if view.map is None else len(view.map.rows) + 4
    least = min(len(view.groups), _BESIDE_MAP + 1) + bool(view.constant)
    if view.map is not None and rows - map_lines >= least:
        shown.append(view.map)
        rows -= map_lines
    constant = view.constant if rows - 1 > _LEAST else ""
    rows -= bool(constant)
    most = len(view.groups) if len(view.groups) <= min(rows, _WORST + 2) else max(1, min(rows - 1, _WORST))
    return [*shown, Groups(groups_title(view), view.groups, view.axes, constant, view.results, most), files]


def in_a_line(view: SweepView) -> str:
    """What the sweep came to, with how many gates and expectations fail."""
    said = [tally_words(view.verdicts)] if view.verdicts else []
    said += [line for line in head(view) if line.startswith(("gates: ", "expectations: "))]
    return f"{title(view)}: {'; '.join(said)}" if said else title(view)


def _most_told(failures: Sequence[FailedRun]) -> list[FailedRun]:
    """Failed runs of which those with reasons of their own come first; the place of a traceback is left to the file."""
    first: dict[tuple[str, str], int] = {}
    for place, one in enumerate(failures):
        first.setdefault((one.word, one.reason), place)
    own = set(first.values())
    ordered = [failures[place] for place in sorted(range(len(failures)), key=lambda place: place not in own)]
    return [replace(one, traceback=None) for one in ordered]


def _num_lines(failures: Sequence[FailedRun]) -> int:
    if not failures:
        return 0
    shown = failures if len(failures) <= _MOST_FAILURES else failures[:_MOST_FAILURES]
    return 2 + sum(1 + bool(one.reason) for one in shown) + (len(shown) < len(failures))


def _checks(heading: Literal["gates", "expectations"], checks: Sequence[Check]) -> list[Checks | Lines]:
    """Those that fail, and how many more there are where that saves lines."""
    kept = checks if len(checks) <= _MOST_CHECKS + 1 else checks[:_MOST_CHECKS]
    noun = "gate" if heading == "gates" else "expectation"
    left = len(checks) - len(kept)
    more = [Lines([f"and {counted(left, f'more {noun}')} FAILED"])] if left else []
    return [Checks(heading, kept), *more] if checks else []


def _gate(gate: "GateResult") -> Check:
    """A failed gate in one line; of one that is judged by groups, with the first group that fails."""
    check = gate_check(gate)
    return replace(check, aside="; ".join([check.aside, *check.details[:1]]), details=())


def _expectation(item: FailedExpectation) -> Check:
    said = f"{item.num_failed:,} of {counted(item.num_judged, 'run')} fail"
    if item.examples:
        name, member, actual = item.examples[0]
        said += f", the first is {name} ({member}): {actual}"
    return Check(item.text, passed=False, said=said)


def _remedies(view: SweepView) -> list[str]:
    """For the worst verdicts the settings that most of their runs are advised to change."""
    advised: dict[str, Counter[str]] = {}
    total: Counter[str] = Counter()
    for group in view.groups:
        for run in group.runs:
            word = word_of(run)
            if word in STATES or word == "healthy":
                continue
            total[word] += 1
            leading = next((one.remedies[0] for one in run.summary.findings if one.remedies), None)
            if leading is not None:
                advised.setdefault(word, Counter())[_settings(leading.settings)] += 1
    lines = []
    for word in sorted(advised, key=badness)[:_MOST_REMEDIES]:
        said, number = advised[word].most_common(1)[0]
        share = f" ({number:,} of {counted(total[word], 'run')})" if total[word] > 1 else ""
        lines.append(f"remedy for {word}{share}: {said}")
    return lines


def _settings(settings: Mapping[str, Any]) -> str:
    """Settings as the remedies of runs say them: a mapping of one entry is its value."""
    words = []
    for key, value in settings.items():
        if value is not None:
            named = isinstance(value, Mapping) and len(value) == 1
            words.append(f"{key}: {next(iter(value.values())) if named else flow(value)}")
    said = clean_line(", ".join(words))
    return said if len(said) <= _REMEDY else f"{said[: _REMEDY - 1]}…"
