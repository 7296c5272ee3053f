"""The terminal's and Markdown's face of predictions: of one whole, of several a row each."""

from rich.console import Console
from rich.text import Text

from gradlab.report.terminal.bars import bars, ends
from gradlab.report.terminal.console import knows_blocks, print_prose, print_table, width_of
from gradlab.report.views.prediction import READING, PredictionView
from gradlab.report.views.theory import spread_out


def print_prediction(out: Console, view: PredictionView) -> None:
    """Print a prediction: headline, what it means, the profile as bars, the figures, the layers."""
    print_prose(out, Text(view.headline, "bold"))
    print_prose(out, Text(f"  {view.name}: {view.setting}", "dim"))
    for said in view.meaning:
        print_prose(out, Text(f"  {said}"))
    if view.profiles:
        _print_profiles(out, view)
    out.print()
    print_table(out, view.figures, indent="  ")
    if view.layers.rows:
        places = list(range(len(view.layers.rows))) if width_of(out) is None else _shown(len(view.layers.rows))
        part = "" if len(places) == len(view.layers.rows) else f", {len(places)} of {len(view.layers.rows)} layers"
        out.print()
        out.print(Text(f"expected at step 0{part}", "bold"))
        print_table(out, view.layers, places, noun="layer")
        print_prose(out, Text(READING, "dim"))


def _print_profiles(out: Console, view: PredictionView) -> None:
    """One line of bars a quantity, the input on the left."""
    margin = max(map(len, view.profiles)) + 2
    width = width_of(out)
    told = {name: ends(log10) for name, log10 in view.profiles.items()}
    room = 60 if width is None else width - margin - 4 - max(map(len, told.values()))
    depth = len(next(iter(view.profiles.values())))
    out.print()
    out.print(Text(f"by layer, 1 on the left to {depth} on the right", "bold"))
    for name, log10 in view.profiles.items():
        picture = bars(log10, max(10, min(room, 60)), unicode=knows_blocks(out))
        out.print(Text(f"  {name.ljust(margin - 2)}  {picture}  {told[name]}"))


def _shown(number: int) -> list[int]:
    """Rows of the layer table that a person is shown: evenly over the hidden layers, and the readout."""
    return [*spread_out(number - 1), number - 1]
