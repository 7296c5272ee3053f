"""What all figures share: sizes of print, colours, and files with the same bytes for the same content.

matplotlib is used through its figures alone: no pyplot, so no display is asked for and nothing outlives a figure. It is imported where
one is drawn.
"""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradlab.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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


def check_file(path: Path) -> None:
    """Refuse a file that no figure can be written to, before anything is computed for it.

    Raises:
        UsageError: If its ending is not one of `FORMATS`, or its directory is missing.
    """
    if _format(path) not in FORMATS:
        raise UsageError(f"{path}: a figure's name ends in .svg, .png or .pdf")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no directory {path.parent}")
    if path.is_dir():
        raise UsageError(f"{path}: is a directory")


@contextmanager
def panels(
    num_panels: int, most_columns: int = 4, height: float = 1.35, **shared: Any
) -> "Iterator[tuple[Figure, list[Axes]]]":
    """A figure of small multiples in the house's style, which holds until the block ends.

    Args:
        num_panels: How many axes are wanted; up to two fit a column of a journal, more take its page.
        most_columns: Panels side by side at most.
        height: Inches of a row; half as much again where one panel has the column to itself.
        shared: What the axes share, as `matplotlib.figure.Figure.subplots` has it.
    """
    import matplotlib
    from matplotlib.figure import Figure

    rows = -(-num_panels // most_columns)
    columns = -(-num_panels // rows)  # as even as can be
    size = (COLUMN if columns <= 2 else PAGE, rows * height * (1.6 if columns == 1 else 1.0) + 0.35)
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # whatever the user's own settings are
        settings: Any = matplotlib.rcParams
        settings.update(_STYLE)
        figure = Figure(figsize=size, layout="constrained")
        axes = list(figure.subplots(rows, columns, squeeze=False, **shared).flat)
        for spare in axes[num_panels:]:
            spare.remove()
        for lowest in axes[max(num_panels - columns, 0) : num_panels]:  # nothing stands below them
            lowest.xaxis.set_tick_params(labelbottom=True)
        yield figure, axes[:num_panels]


def save(figure: "Figure", path: Path) -> None:
    """Write a figure in the format of its file's ending; the file is whole or not there.

    Must be called while the figure's `panels` block is open.

    Raises:
        UsageError: If the file cannot be written.
    """
    drawn = io.BytesIO()
    figure.savefig(drawn, format=_format(path), metadata=_METADATA[_format(path)])
    temporary = path.with_name(f".tmp-{path.name}-{os.getpid()}")
    try:
        temporary.write_bytes(drawn.getbuffer())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def _format(path: Path) -> str:
    """The format that a file's ending asks for."""
    return path.suffix.removeprefix(".").lower()
