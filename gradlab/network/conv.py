"""Convolutional networks: a stack (`stack`) whose linear maps are convolutions of one resolution, with a dense readout.

Shapes: R runs, B examples, images of H × W positions (P = H · W, X = B · P), J channels of the data, N channels of every hidden layer, C
outputs. An example's features are laid out as [J, H, W], a hidden signal as [P, N]. The readout reads the mean over the positions, or all
of them in that order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gradlab.config.experiment import Experiment
from gradlab.network.convolution import NUM_THREADS, Convolution, ConvolutionSize
from gradlab.network.linear_map import Dense, LinearMap, Operation, nothing
from gradlab.network.network import Maker, Shape
from gradlab.network.place import Place
from gradlab.network.stack import Stack


@dataclass(frozen=True)
class _Images:
    """What a config says of the images and of what reads them.

    Attributes:
        channels: Of the data, J.
        kernel: Side of the kernel.
        padding: What lies beyond a border.
        is_pooled: Whether the readout reads the mean over positions.
    """

    channels: int
    height: int
    width: int
    kernel: int
    padding: str
    is_pooled: bool

    @property
    def num_positions(self) -> int:
        return self.height * self.width


class ConvolutionalGeometry:
    """Images of one resolution; see `geometry.Geometry`."""

    merges = False

    def __init__(self, shape: Shape, images: _Images, place: Place) -> None:
        self._shape, self._images, self._place = shape, images, place
        self.kernel = images.kernel
        R, B, N = shape.num_runs, shape.batch_size, shape.fan_out[0]
        sizes = [
            ConvolutionSize(images.height, images.width, channels, N, images.kernel, images.padding)
            for channels in (images.channels, N)
        ]
        self.first: LinearMap
        self.inner: LinearMap
        self.first, self.inner = (Convolution(size, R, B, place) for size in sizes)
        self.readout: LinearMap = Dense(R, B, shape.fan_in[-1], shape.num_outputs, place)

    def inputs(self, inputs_RBD: Tensor) -> tuple[Tensor, Operation]:
        """The channels come last; where there is one, nothing need be done."""
        R, B, D = inputs_RBD.shape
        channels = self._images.channels
        if channels == 1:
            return inputs_RBD.view(R, B * D, 1), nothing
        channels_first_RBJP = inputs_RBD.view(R, B, channels, -1)
        images_RBPJ = self._place.zeros(R, B, D // channels, channels)

        def turn() -> None:
            images_RBPJ.copy_(channels_first_RBJP.transpose(2, 3))

        return images_RBPJ.view(R, -1, channels), turn

    def pooled(self, top_RXN: Tensor) -> tuple[Tensor, Operation]:
        top_RBPN = self._by_example(top_RXN)
        if not self._images.is_pooled:
            return top_RBPN.flatten(2), nothing
        pooled_RBN = self._place.zeros(*top_RBPN.shape[:2], top_RBPN.shape[3])

        def mean() -> None:
            pooled_RBN.copy_(torch.mean(top_RBPN, 2, dtype=self._place.wide))

        return pooled_RBN, mean

    def unpooled(self, top_RXN: Tensor) -> tuple[Tensor, Tensor, Operation]:
        gradient_RXN = torch.zeros_like(top_RXN)
        gradient_RBPN = self._by_example(gradient_RXN)
        if not self._images.is_pooled:
            return gradient_RXN, gradient_RBPN.flatten(2), nothing
        pooled_RBN = self._place.zeros(*gradient_RBPN.shape[:2], gradient_RBPN.shape[3])
        share = 1.0 / self._images.num_positions

        def spread() -> None:
            gradient_RBPN.copy_((pooled_RBN * share).unsqueeze(2))

        return gradient_RXN, pooled_RBN, spread

    def with_shape(self, shape: Shape) -> "ConvolutionalGeometry":
        return ConvolutionalGeometry(shape, self._images, self._place)

    def _by_example(self, signal_RXN: Tensor) -> Tensor:
        R, _, N = signal_RXN.shape
        return signal_RXN.view(R, -1, self._images.num_positions, N)


def convolutional(experiments: Sequence[Experiment], num_features: int, num_outputs: int, place: Place) -> Stack:
    """Zeroed convolutional networks of some runs of one batch key, with the threads that leave their bits alone."""
    first = experiments[0]
    model, image = first.model, first.data.image
    assert image is not None
    assert model.kernel is not None
    assert model.padding is not None
    images = _Images(*image, model.kernel, model.padding, model.pool == "mean")
    N, L, taps = model.width, model.depth, model.kernel**2
    read = N if images.is_pooled else N * images.num_positions
    fan_in = (taps * images.channels, *[taps * N] * (L - 1), read)
    shape = Shape(
        len(experiments), first.data.batch_size, num_features, num_outputs,
        fan_in, (*[N] * L, num_outputs), images.num_positions,
    )  # fmt: skip
    place = replace(place, num_threads=min(place.num_threads, NUM_THREADS))
    return Stack(experiments, shape, ConvolutionalGeometry(shape, images, place), place)


KINDS: Mapping[str | None, Maker] = {"conv": convolutional}
