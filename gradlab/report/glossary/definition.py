"""What a definition is."""

from dataclasses import dataclass

KINDS = (
    "verdict", "outcome", "finding", "figure", "quantity of a layer", "quantity of a step", "comparison", "theory", "term", "column",
    "config field", "config value",
)  # fmt: skip
"""What a word can be, in the order in which they are listed."""


@dataclass(frozen=True)
class Definition:
    """What a word means.

    Attributes:
        name: The word, as conditions, JSON and tables have it.
        kind: What it is, one of `KINDS`.
        text: What it means, as a clause that begins small and ends without a stop.
        symbol: How the field writes it, "" where it has no sign of its own.
        unit: What it is measured in, "" where it is no number.
        reads: How it is read.
        rule: When a verdict, finding or judgement is given, with the limits as the code has them.
        values: What a config field takes.
        default: What it is where a config does not say.
        also: Other words for it that are understood.
        see: Names of definitions that go with it.
        page: Page of docs/ that has more, "" where there is none.
    """

    name: str
    kind: str
    text: str
    symbol: str = ""
    unit: str = ""
    reads: str = ""
    rule: str = ""
    values: str = ""
    default: str = ""
    also: tuple[str, ...] = ()
    see: tuple[str, ...] = ()
    page: str = ""

    @property
    def sentence(self) -> str:
        """What it means, as a sentence; a formula keeps its first letter."""
        if self.text[1:2] == " " and self.text[:1] != "a":
            return f"{self.text}."
        return f"{self.text[:1].upper()}{self.text[1:]}."

    @property
    def tip(self) -> str:
        """What a reader is told in passing: what it means, and how it is read or when it is given."""
        reads = f" {self.reads[:1].upper()}{self.reads[1:]}." if self.reads else ""
        return self.sentence + reads + (f" Rule: {self.rule}." if self.rule else "")
