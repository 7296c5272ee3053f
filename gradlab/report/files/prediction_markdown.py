"""Markdown's face of a prediction."""

from gradlab.report.views.prediction import READING, PredictionView
from gradlab.report.words.table import as_markdown


def prediction_markdown(view: PredictionView) -> str:
    """A prediction for reading, every layer of it."""
    parts = [f"# {view.name}: {view.headline}\n", f"{view.setting}\n"]
    parts += ["".join(f"- {said}\n" for said in view.meaning)] if view.meaning else []
    parts += [f"## Figures\n\n{as_markdown(view.figures)}"]
    parts += [f"## Expected at step 0\n\n{READING[0].upper()}{READING[1:]}.\n\n{as_markdown(view.layers)}"] * bool(
        view.layers.rows
    )
    return "\n".join(parts)
