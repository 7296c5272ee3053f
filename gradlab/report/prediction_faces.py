"""The terminal's and Markdown's face of predictions: of one whole, of several a row each."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from gradlab.report.bars import bars, ends
from gradlab.report.deviations import spread_out
from gradlab.report.prediction import PredictionView
from gradlab.report.sweep_words import Point
from gradlab.report.table import Field, Table, as_markdown
from gradlab.report.terminal import knows_blocks, print_prose, print_table, width_of
from gradlab.report.words.values import Value

READING = "what one seed typically shows and its standard deviation over seeds, in decades; decades above the last hidden layer"


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


def prediction_markdown(view: PredictionView) -> str:
    """A prediction for reading, every layer of it."""
    parts = [f"# {view.name}: {view.headline}\n", f"{view.setting}\n"]
    parts += ["".join(f"- {said}\n" for said in view.meaning)] if view.meaning else []
    parts += [f"## Figures\n\n{as_markdown(view.figures)}"]
    parts += [f"## Expected at step 0\n\n{READING[0].upper()}{READING[1:]}.\n\n{as_markdown(view.layers)}"] * bool(
        view.layers.rows
    )
    return "\n".join(parts)


def several(views: Sequence[PredictionView], points: Sequence[Point], axes: Sequence[str]) -> Table:
    """Predictions side by side, one row each.

    Args:
        views: The predictions.
        points: What a sweep set for each.
        axes: The keys that vary.
    """
    fields = (
        *((Field("name"),) if not axes else ()),
        *(_axis(axis, place, points) for place, axis in enumerate(axes)),
        Field("typical_backward_decades", "decades"),
        Field("expected_spread", "decades"),
        Field("expected_backward_decades", "decades", 7),
        Field("phase"),
        Field("chi_1", "figure", 4),
        Field("trainable_depth", "figure", 3),
        Field("critical_sigma_w", "figure", 5),
        Field("critical_sigma_b", "figure", 6),
        Field("reason", "text", 8),
    )
    rows: list[tuple[Value, ...]] = []
    for view, point in zip(views, points, strict=True):
        data = view.data
        critical = data["critical"] or {}
        rows.append(
            (
                *((view.name,) if not axes else ()),
                *(point.get(axis) for axis in axes),
                data["typical_backward_decades"], data["expected_spread"], data["expected_backward_decades"],
                data["phase"], data["chi_1"], data["trainable_depth"], critical.get("sigma_w"), critical.get("sigma_b"),
                data["reason"],
            )
        )  # fmt: skip
    return Table(fields, tuple(rows))


def _axis(axis: str, place: int, points: Sequence[Point]) -> Field:
    """The column of an axis: numbers stand on the right."""
    text = any(isinstance(point.get(axis), str) for point in points)
    return Field(axis, "text" if text else "figure", max(0, place - 2))
