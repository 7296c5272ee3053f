"""What a tool says of a run, in its own words and in gradlab's seven classes."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks.diagnosis.case import Label
from benchmarks.diagnosis.peers.record import PeerRecord


@dataclass(frozen=True)
class Symptom:
    """One thing that a tool reports.

    Attributes:
        name: What the tool calls it.
        step: First step at which it held, or from which on the tool looked.
    """

    name: str
    step: int


@dataclass(frozen=True)
class Diagnosis:
    """All that a tool reports of a run.

    Attributes:
        symptoms: In the tool's own order, what leads first; one that stops at its first symptom has one.
        verdict: What the first symptom that has a counterpart among the seven classes comes to; `healthy` where there is none.
    """

    symptoms: tuple[Symptom, ...]
    verdict: Label

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the symptoms."""
        return tuple(symptom.name for symptom in self.symptoms)


@dataclass(frozen=True)
class Rule:
    """A tool's rules.

    Attributes:
        title: The tool's name.
        source: Where its rules were read.
        rules: A run's statistics -> what the tool reports.
        means: Symptom -> the class that it comes to, None for one that has no counterpart and so decides nothing.
    """

    title: str
    source: str
    rules: Callable[[PeerRecord], Diagnosis]
    means: Mapping[str, Label | None]

    def judge(self, record: PeerRecord) -> Diagnosis:
        """What the tool reports of a run; NaN and infinities of one that diverged go through its comparisons as they do there."""
        with np.errstate(all="ignore"):
            return self.rules(record)

    @property
    def can_say(self) -> frozenset[Label]:
        """The classes that the tool can express at all."""
        return frozenset(label for label in self.means.values() if label is not None) | {"healthy"}


def diagnosis(symptoms: Iterable[Symptom], means: Mapping[str, Label | None]) -> Diagnosis:
    """A diagnosis from the symptoms in the order in which they lead.

    A symptom without a counterpart is listed and decides nothing, which is the reading most favourable to the tool.
    """
    found = tuple(symptoms)
    classes = (means[symptom.name] for symptom in found)
    return Diagnosis(found, next((label for label in classes if label is not None), "healthy"))
