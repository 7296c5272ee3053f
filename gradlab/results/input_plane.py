"""What the layers of a network make of the plane that its two inputs span, as plain numbers that can be drawn.

Shapes: G places along each side of a grid over the plane, P training examples, C classes or one output.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradlab.results.record import Float


@dataclass(frozen=True)
class LayerView:
    """The plane after one layer.

    Attributes:
        layer: From 1 at the input; 0 the inputs themselves, depth + 1 the network's output.
        grid: The grid on two principal components of the examples' activations, [G, G, 2], the first axis being the second input.
        points: The examples on them, [P, 2].
        shares: Share of the variance that each of the two has; 0 where the examples cannot be told apart.
        scores: What a linear read-out of the activations says of each place, [G, G, C]; for the output what the network says. Classes: the
            largest wins. Numbers: the answer, in the data's own units.
        right: Share of the scored examples that it has right, or R² for numbers.
    """

    layer: int
    grid: Float
    points: Float
    shares: tuple[float, float]
    scores: Float
    right: float


@dataclass(frozen=True)
class Snapshot:
    """The layers before one step's update.

    Attributes:
        layers: Those that are looked at, the inputs first and the output last; None where one is not finite.
        numbers: Number of each, as `LayerView.layer` has it.
    """

    step: int
    layers: tuple[LayerView | None, ...]
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class InputPlane:
    """The plane of a run's inputs through its layers.

    Attributes:
        names: Of the two inputs.
        x: Places of the grid along the first input, in the data's own units, [G].
        y: The same along the second, [G].
        points: Training examples, in the data's own units, [P, 2].
        targets: Their classes, int64 [P], or numbers in the data's own units, float64 [P].
        num_outputs: Numbers that are learned; of several the first is shown.
        scored: What the read-outs are scored on: `held-out` or `training` examples.
        deviation: How the training that was done again differs from what is stored, None where its losses are the same.
    """

    names: tuple[str, str]
    x: Float
    y: Float
    points: Float
    targets: NDArray[np.int64] | Float
    class_names: tuple[str, ...]
    num_outputs: int
    scored: str
    moments: tuple[Snapshot, ...]
    deviation: str | None
