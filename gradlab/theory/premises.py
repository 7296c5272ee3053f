"""Everything that a forecast follows from: runs that agree in it have the same forecast, whatever else they differ in."""

from collections.abc import Sequence
from dataclasses import dataclass

from gradlab.config.experiment import Experiment
from gradlab.config.models import Model


@dataclass(frozen=True)
class Premises:
    """What theory is told of a run, and of the batch that it begins with.

    A seed stands in it only by that batch, and nothing of how the run is trained but its loss.

    Attributes:
        model: The network and its start.
        loss: `train.loss`.
        batch_size: Examples of a batch.
        standardize: Whether the inputs are standardised.
        image: Channels, height and width of an example, None where it is no image.
        input_mean_square, fan_in, fan_out, input_correlation, input_sizes: As `forecast.forecast` takes them.
    """

    model: Model
    loss: str
    batch_size: int
    standardize: bool
    image: tuple[int, int, int] | None
    input_mean_square: float
    fan_in: tuple[int, ...]
    fan_out: tuple[int, ...]
    input_correlation: float | None
    input_sizes: tuple[float, ...] | None

    @classmethod
    def of(
        cls,
        experiment: Experiment,
        input_mean_square: float,
        fan_in: Sequence[int],
        fan_out: Sequence[int],
        input_correlation: float | None = None,
        input_sizes: tuple[float, ...] | None = None,
    ) -> "Premises":
        """Those of an experiment; the figures of its first batch are as the attributes have them."""
        return cls(
            experiment.model,
            experiment.train.loss,
            experiment.data.batch_size,
            experiment.data.standardize,
            experiment.data.image,
            input_mean_square,
            tuple(map(int, fan_in)),
            tuple(map(int, fan_out)),
            input_correlation,
            input_sizes,
        )
