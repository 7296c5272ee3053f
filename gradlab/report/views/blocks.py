"""What a view shows, as blocks in reading order; the terminal and Markdown render each kind of block once.

A block without content is not shown, nor is one of a kind that a face does not have.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from gradlab.report.views.series import Grid
from gradlab.report.words.table import Fold, Table
from gradlab.results.finding import Finding

MOST_LINES = 30
"""Lines of a result in a pipe, unless all of it is asked for."""


@runtime_checkable
class Folded(Protocol):
    """A block of which some faces show a part."""

    def whole(self) -> object:
        """The same with all that it has, whatever the face."""


def in_full(blocks: Iterable[object]) -> list[object]:
    """Blocks with every row and detail, where a terminal would fold them."""
    return [block.whole() if isinstance(block, Folded) else block for block in blocks]


@dataclass(frozen=True)
class Title:
    """What the experiment `name` came to and why, what was trained, and on a terminal the verdict so far of an interrupted run."""

    said: str
    why: str = ""
    name: str = ""
    id: str = ""
    setting: str = ""
    so_far: str = ""


@dataclass(frozen=True)
class Lines:
    """Sentences: one of weight, a list, or one aside."""

    texts: Sequence[str]
    style: Literal["strong", "list", "aside"] = "list"


@dataclass(frozen=True)
class TableBlock:
    """A table.

    Attributes:
        heading: What it shows.
        table: Its rows, all of them.
        headed: Whether a terminal shows the heading too.
        order: How its rows are ordered; part of a terminal's heading.
        reading: How it is to be read: above it in Markdown, below it on a terminal.
        note: What is to be said below it.
        noun: What a row is.
        rows: All rows, or what is shown of them, in the order in which they are shown; as they come where it is None.
        shorter: The same in fewer letters, for a terminal that has no room for the column `needed` else; None where there is no such form.
        few: Those that a person is shown unless all are asked for, and folds; all where it is None.
    """

    heading: str
    table: Table
    headed: bool = True
    order: str = ""
    reading: str = ""
    note: str = ""
    noun: str = "row"
    rows: Sequence[int | Fold] | None = None
    few: Sequence[int | Fold] | None = None
    shorter: Table | None = None
    needed: str = ""

    def chosen(self, *, every: bool) -> tuple[Sequence[int | Fold], str]:
        """The rows to show, and how many these are of all where no fold says it."""
        number = len(self.table.rows)
        shown: Sequence[int | Fold] = range(number) if self.rows is None else self.rows
        if not every and self.few is not None:
            shown = self.few
        told = len(shown) == number or any(isinstance(row, Fold) for row in shown)
        return shown, "" if told else f", {len(shown)} of {number} {self.noun}s"

    def whole(self) -> "TableBlock":
        """Without the folds of a terminal."""
        return replace(self, few=None)


@dataclass(frozen=True)
class Check:
    """A condition and whether it held: what is said of it in brackets and behind a colon, and where it did not hold.

    `more` says on a terminal how many of these are not named.
    """

    text: str
    passed: bool
    aside: str = ""
    said: str = ""
    details: Sequence[str] = ()
    more: str = ""


@dataclass(frozen=True)
class Checks:
    """Conditions; `file` has the details that a terminal has no room for."""

    heading: Literal["expectations", "gates"]
    checks: Sequence[Check]
    file: str | None = None

    def whole(self) -> "Checks":
        """With all details."""
        return replace(self, file=None)


@dataclass(frozen=True)
class Findings:
    """What the rules found; a terminal does not repeat the message that the title has said. Rows of somebody's own
    module go by `names`.
    """

    findings: Sequence[Finding]
    said: str
    names: Sequence[str] | None = None


@dataclass(frozen=True)
class Heatmap:
    """A quantity over layers and steps; rows with names of their own go by `labels`."""

    grid: Grid
    noun: str = "layer"
    labels: Sequence[str] = ()


@dataclass(frozen=True)
class Profiles:
    """Name -> log10 by layer."""

    profiles: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Files:
    """Where everything is; `apart` leaves a line above on a terminal."""

    path: Path
    names: Sequence[str]
    apart: bool = True


@dataclass(frozen=True)
class Only:
    """A block that one face alone shows at this place."""

    face: Literal["terminal", "markdown"]
    block: object
