"""What all figures share: sizes of print, colours, and files with the same bytes for the same content.

matplotlib is used through its figures alone: no pyplot, so no display is asked for and nothing outlives a figure. It is imported where
one is drawn.
"""

import io
import os
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from gradlab.config.text import one_line
from gradlab.errors import UsageError
from gradlab.results import whole_file

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Entry: TypeAlias = "tuple[Artist, str]"
"""A line of a legend: a sample of what is drawn, and its words."""

FORMATS = ("svg", "png", "pdf")

COLUMN, PAGE = 3.5, 7.2
"""Inches: one column of a journal, and its whole page."""

BLUE, VERMILION, GREEN, SKY, ORANGE, PINK, YELLOW = (
    "#0072B2", "#D55E00", "#009E73", "#56B4E9", "#E69F00", "#CC79A7", "#F0E442",
)  # fmt: skip
"""Okabe and Ito's colours, which readers with any kind of colour vision tell apart; take them in this order."""

GREY = "#767676"
"""For what stands in the background; dark enough to be read on white."""

DIVERGING = "RdBu_r"
"""For quantities with a middle: blue below, red above, white where they meet."""

_DPI = 200

_SMALL = 5.5
"""Points of the small print."""

_GLYPH = 0.56
"""Mean width of a letter in its own height."""

_STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so figures are the same everywhere
    "font.size": 8.0,
    "axes.titlesize": 8.0,
    "axes.labelsize": 8.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 7.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.4,
    "legend.frameon": False,
    "savefig.dpi": _DPI,
    "svg.hashsalt": "gradlab",  # names inside the file do not differ from run to run
    "pdf.fonttype": 42,  # text stays text
}

# What would make two files of one figure differ.
_METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": "gradlab"},
    "pdf": {"CreationDate": None, "Creator": "gradlab"},
    "png": {"Software": "gradlab"},
}


@dataclass
class Kept:
    """Where a figure goes that is not written but handed back."""

    _figure: "Figure | None" = None

    @property
    def figure(self) -> "Figure":
        assert self._figure is not None  # it has been drawn
        return self._figure

    @figure.setter
    def figure(self, drawn: "Figure") -> None:
        self._figure = drawn


Target: TypeAlias = Path | Kept
"""Where a figure goes: a file, or back to whoever asked for it."""


def check_file(path: Path) -> None:
    """Refuse a file that no figure can be written to, before anything is computed for it.

    Raises:
        UsageError: If its ending is not one of `FORMATS`, or its directory is missing.
    """
    if _format(path) not in FORMATS:
        raise UsageError(f"{path}: a figure's name ends in .svg, .png or .pdf")
    if not os.path.isdir(path.parent):
        raise UsageError(f"{path}: there is no directory {path.parent}")
    if os.path.isdir(path):
        raise UsageError(f"{path}: is a directory")


@contextmanager
def panels(
    num_panels: int, most_columns: int = 4, height: float = 1.35, width: float | None = None, **shared: Any
) -> "Iterator[tuple[Figure, list[Axes]]]":
    """A figure of small multiples in the house's style, which holds until the block ends.

    Args:
        num_panels: How many axes are wanted; up to two fit a column of a journal, more take its page.
        most_columns: Panels side by side at most.
        height: Inches of a row; half as much again where one panel has the column to itself.
        width: Inches of the figure, where not as above; a row then has its height as given.
        shared: What the axes share, as `matplotlib.figure.Figure.subplots` has it.
    """
    import matplotlib

    from gradlab.report.figures.shown import ShownFigure

    rows = -(-num_panels // most_columns)
    columns = -(-num_panels // rows)  # as even as can be
    size = (COLUMN if columns <= 2 else PAGE, rows * height * (1.6 if columns == 1 else 1.0) + 0.35)
    if width is not None:
        size = (width, rows * height + 0.35)
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # whatever the user's own settings are
        settings: Any = matplotlib.rcParams
        settings.update(_STYLE)
        figure = ShownFigure(figsize=size, layout="constrained")
        axes = list(figure.subplots(rows, columns, squeeze=False, **shared).flat)
        for spare in axes[num_panels:]:
            spare.remove()
        for lowest in axes[max(num_panels - columns, 0) : num_panels]:  # nothing stands below them
            lowest.xaxis.set_tick_params(labelbottom=True)
        yield figure, axes[:num_panels]


def print_small(figure: "Figure", lines: "Sequence[str]") -> None:
    """Write under a figure what it shows and what it leaves out, a paragraph each; empty ones are left out."""
    room = int(figure.get_figwidth() * 72.0 / (_SMALL * _GLYPH))
    folded = [part for line in lines if line for part in textwrap.wrap(legible(line), room)]
    _grow(figure, len(folded) * _SMALL * 1.25 / 72.0)
    text = figure.supxlabel("\n".join(folded), x=0.01, ha="left", fontsize=_SMALL, color=GREY, linespacing=1.25)
    text.set_parse_math(False)


def sample(words: str, **style: Any) -> Entry:
    """A line or mark as it is drawn, for a legend."""
    from matplotlib.lines import Line2D

    return Line2D([], [], **style), words


def key(figure: "Figure", entries: Sequence[Entry], **settings: Any) -> None:
    """A legend above a figure, in which names are shown as they are; `settings` are those of `Figure.legend`."""
    if not entries:
        return
    # What a label begins with decides whether matplotlib shows it, so the words come after.
    told: dict[str, Any] = {"loc": "outside upper center", "handlelength": 2.2, "columnspacing": 1.2} | settings
    _grow(figure, (-(-len(entries) // told.get("ncols", 1)) - 1) * 0.15)
    legend = figure.legend(handles=[handle for handle, _ in entries], labels=["label"] * len(entries), **told)
    for text, (_, words) in zip(legend.get_texts(), entries, strict=True):
        text.set_text(legible(words))
        text.set_parse_math(False)


def _grow(figure: "Figure", inches: float) -> None:
    """So that no panel shrinks for more lines of text."""
    figure.set_figheight(figure.get_figheight() + inches)


def head(ax: "Axes", words: str, **settings: Any) -> None:
    """Give axes a title that is shown as it is, whatever it holds."""
    ax.set_title(legible(words), parse_math=False, **settings)


def say_inside(ax: "Axes", words: str, color: str = GREY) -> None:
    """Say in the middle of axes why nothing is drawn on them."""
    ax.text(0.5, 0.5, words, ha="center", va="center", transform=ax.transAxes, color=color)


def legible(text: str) -> str:
    """A text on one line of which every letter is in the figures' font; others become a replacement character."""
    known = _letters()
    return "".join(char if ord(char) in known else "\ufffd" for char in one_line(text))


def shortened(text: str, most: int) -> str:
    """A text without its middle where it has more letters than there is room for.

    >>> shortened("a_very_long_name", 9)
    'a_ve…name'
    """
    if len(text) <= most:
        return text
    return f"{text[: most // 2]}…{text[len(text) - (most - 1) // 2 :]}"


@lru_cache(maxsize=1)
def _letters() -> frozenset[int]:
    from matplotlib import font_manager

    return frozenset(font_manager.get_font(font_manager.findfont(_STYLE["font.family"])).get_charmap())


def save(figure: "Figure", path: Target) -> None:
    """Write a figure in the format of its file's ending; the file is whole or not there. One that is kept is laid out, and handed back.

    Must be called while the figure's `panels` block is open.

    Raises:
        UsageError: If the file cannot be written.
    """
    if isinstance(path, Kept):
        figure.draw_without_rendering()  # while the style holds: what is laid out keeps it
        path.figure = figure
        return
    drawn = io.BytesIO()
    figure.savefig(drawn, format=_format(path), metadata=_METADATA[_format(path)])
    whole_file.write(path, drawn.getbuffer(), replace=True, refusal="cannot write {}: {}")


def _format(path: Path) -> str:
    return path.suffix.removeprefix(".").lower()
