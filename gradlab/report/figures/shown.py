"""A figure that shows itself in a notebook, whatever pyplot is set to. Importing this loads matplotlib."""

import io

from matplotlib.figure import Figure

_DPI = 150


class ShownFigure(Figure):
    """A matplotlib figure, which a notebook shows as a picture where it is the value of a cell."""

    def _repr_png_(self) -> bytes:
        drawn = io.BytesIO()
        self.savefig(drawn, format="png", dpi=_DPI)
        return drawn.getvalue()
