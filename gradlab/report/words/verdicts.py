"""What a run can come to: one word, how it is shown wherever it is shown, and what shows why."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gradlab.config.catalogue import VERDICTS

if TYPE_CHECKING:  # a list of runs is said without what a stored run takes to load
    from gradlab.results.listing import ListedRun
    from gradlab.results.stored import StoredRun

STATES = ("failed", "interrupted")
"""The words of a run that was not carried out; they are said in place of its verdict."""

Picture = tuple[Literal["profile", "heatmap", "curve", "data"], str]
"""A kind of picture, and the quantity that it shows; of the data, what of them."""


@dataclass(frozen=True)
class Appearance:
    """How a word is shown.

    Attributes:
        letter: Where there is room for no more: trouble in capitals, so that it is seen without colours.
        glyph: Beside the word in pages, so that colour never speaks alone.
        symbol: Plotly's marker of the same shape.
        style: In the terminal.
        dash: Of a line in a page's figure.
        ink: Colour of text on white.
        light: Colour in a figure on white.
        dark: Colour of both on dark.
        worst_by: What orders the layers of such a run: a quantity, and which end of it is worst.
        pictures: Where a finding of that name can be seen, the best first.
    """

    letter: str
    glyph: str
    symbol: str
    style: str
    dash: str
    ink: str
    light: str
    dark: str
    worst_by: tuple[str, Literal["smallest", "largest", "furthest from the median"]] = (
        "log10_backward_rms", "furthest from the median",
    )  # fmt: skip
    pictures: tuple[Picture, ...] = ()


_GRADIENTS: tuple[Picture, ...] = (("profile", "log10_backward_rms"), ("profile", "log10_grad_norm"))

_TABLE = {
    "failed": Appearance("F", "✕", "x-thin-open", "bold white on red", "2px,4px", "#1b1f23", "#1b1f23", "#ffffff"),
    "interrupted": Appearance("I", "–", "line-ew-open", "bold yellow", "2px,4px", "#54595f", "#54595f", "#adb5bd"),
    "diverged": Appearance(
        "D", "✖", "x", "bold white on red", "dot", "#a63c00", "#d55e00", "#ff9d66",
        ("log10_backward_rms", "largest"), (("curve", "loss"), ("heatmap", "log10_grad_norm")),
    ),
    "dead": Appearance(
        "X", "○", "circle-open", "bold red", "longdash", "#54391f", "#54391f", "#d8b48c",
        ("dead_fraction", "largest"), (("heatmap", "dead_fraction"), ("heatmap", "mean_slope")),
    ),
    "exploding": Appearance(
        "E", "▲", "triangle-up", "bold red", "dashdot", "#8a5a00", "#b47800", "#f5b942",
        ("log10_backward_rms", "largest"), _GRADIENTS,
    ),
    "vanishing": Appearance(
        "V", "▼", "triangle-down", "bold magenta", "dash", "#00609c", "#0072b2", "#74c0fc",
        ("log10_backward_rms", "smallest"), _GRADIENTS,
    ),
    "saturated": Appearance(
        "S", "■", "square", "bold yellow", "longdashdot", "#9b3f75", "#b5588f", "#eaa3cd",
        ("mean_slope", "smallest"), (("heatmap", "mean_slope"), ("heatmap", "inactive_fraction")),
    ),
    "not_learning": Appearance(
        "N", "◆", "diamond", "bold yellow", "6px,3px", "#6d6400", "#857a00", "#f0e442",
        ("log10_update_ratio", "smallest"), (("heatmap", "log10_update_ratio"), ("curve", "loss")),
    ),
    "undecided": Appearance(
        "u", "◐", "circle-x-open", "bold cyan", "8px,2px,2px,2px", "#3f4f8a", "#5b6fb5", "#a9b8f5",
        ("log10_update_ratio", "smallest"), (("curve", "loss"), ("heatmap", "log10_update_ratio")),
    ),
    "not_judged": Appearance("?", "◇", "diamond-open", "bold", "4px,4px", "#54595f", "#767676", "#adb5bd"),
    "healthy": Appearance("ok", "●", "circle", "bold green", "solid", "#00704f", "#009e73", "#4fd1a5"),
}  # fmt: skip

APPEARANCES = {word: _TABLE[word] for word in (*STATES, *VERDICTS)}
"""Every word that a run can come to, the worst first."""

PICTURES: dict[str, tuple[Picture, ...]] = {word: shown.pictures for word, shown in APPEARANCES.items()} | {
    "theory": (("profile", "log10_backward_rms"), ("profile", "forward_rms")),
    "symmetry": (("heatmap", "activation_std"), ("curve", "loss")),
    "scale": (("data", "sizes"), ("profile", "forward_rms")),
    "columns": (("data", "columns"),),
    "first_loss": (("curve", "loss"),),
    "by_heart": (("curve", "loss"),),
}
"""Where a rule's finding can be seen: that of a verdict, what theory forbids, and what else is found."""

_BADNESS = {word: place for place, word in enumerate(APPEARANCES)}


def word_of(run: "StoredRun | ListedRun") -> str:
    """What a run came to, in one word: its verdict, or that it could not be carried out."""
    return run.outcome if run.outcome in STATES else run.verdict


def badness(word: str) -> int:
    """Where a word stands among `APPEARANCES`; 0 is worst."""
    return _BADNESS.get(word, _BADNESS["healthy"])


def tally_words(tally: Iterable[tuple[str, int]]) -> str:
    """Counts of words in one line, without those that do not occur.

    >>> tally_words([("failed", 0), ("vanishing", 12), ("healthy", 3)])
    '12 vanishing, 3 healthy'
    """
    return ", ".join(f"{count:,} {word}" for word, count in tally if count)


def legend(words: Iterable[str]) -> str:
    """What letters stand for.

    >>> legend(["vanishing", "healthy"])
    'V vanishing, ok healthy'
    """
    return ", ".join(f"{APPEARANCES[word].letter} {word}" for word in words)
