"""How often a tool is right: misses, false alarms and balanced accuracy over labelled cases."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.diagnosis.case import LABELS, Case, Label
from benchmarks.diagnosis.peers import RULES
from benchmarks.diagnosis.trained import Kept
from gradlab.execution.rejudge import judged

EVERYTHING: frozenset[Label] = frozenset(LABELS)


@dataclass(frozen=True)
class Tool:
    """A tool that judges.

    Attributes:
        title: Its name.
        can_say: The classes that it can express.
        judge: What it says of a case.
    """

    title: str
    can_say: frozenset[Label]
    judge: Callable[[Case, Kept], str]


@dataclass(frozen=True)
class Score:
    """How a tool does on some cases.

    Attributes:
        tool: Which.
        counts: (label, what it said) -> cases.
    """

    tool: Tool
    counts: Mapping[tuple[str, str], int]

    def total(self, label: str) -> int:
        """Cases of a label."""
        return sum(count for (own, _), count in self.counts.items() if own == label)

    def recall(self, label: str) -> float:
        """Share of a label's cases that got it."""
        return self.counts.get((label, label), 0) / self.total(label)

    def missed(self, label: str) -> float:
        """Share of a label's cases that got another verdict."""
        return 1.0 - self.recall(label)

    def false_alarm(self, label: str) -> float:
        """Share of all other cases that got the label."""
        others = sum(count for (own, _), count in self.counts.items() if own != label)
        wrong = sum(count for (own, said), count in self.counts.items() if own != label and said == label)
        return wrong / others

    @property
    def alarms_on_healthy(self) -> float:
        """Share of the healthy cases that got any other verdict."""
        return self.missed("healthy")

    def balanced(self, among: frozenset[Label] = EVERYTHING) -> float:
        """Mean recall over the classes that there are cases of."""
        labels = [label for label in LABELS if label in among and self.total(label)]
        return sum(self.recall(label) for label in labels) / len(labels)


def tools() -> list[Tool]:
    """gradlab, then the others."""
    found = [Tool("gradlab", EVERYTHING, lambda case, kept: judged(case.experiment, kept.record, kept.outcome).verdict)]
    return found + [
        Tool(rule.title, rule.can_say, lambda case, kept, rule=rule: rule.judge(kept.peer).verdict)
        for rule in RULES.values()
    ]


def score(tool: Tool, cases: Sequence[Case], kept: Mapping[str, Kept]) -> Score:
    """Judges cases."""
    counts: dict[tuple[str, str], int] = {}
    for case in cases:
        pair = (case.label, tool.judge(case, kept[case.name]))
        counts[pair] = counts.get(pair, 0) + 1
    return Score(tool, counts)
