"""The linear map of a convolution for R runs: forward, back to its input, and the gradient of its weights.

Shapes: R runs, B examples, images of H × W positions, X = B · H · W, I channels of the input, O of the output, k the side of the kernel,
T = k² taps, K = T I. The resolution stays what it is: k is odd, stride and dilation are 1. Signals are [R, X, channels], channels last;
the rows of a weight [R, K, O] are ordered by kernel row, kernel column, channel. With t a tap, t' the opposite one, and s(x, t) the
position that tap t reads from position x, which beyond a border lies at the other side of the image (circular) or holds 0 (zeros):

    forward     z_x = Σ_t h_s(x,t) W_t + b
    backward    ∂L/∂h_x = Σ_t δ_s(x,t) W_t'ᵀ        the same map, with the kernel turned round
    gradient    G_t = Σ_x h_s(x,t)ᵀ δ_x

On a CPU every run is convolved by itself, by calls that are the same whatever R is, so a run's bits do not depend on its batch; they do
on the number of threads, over which the sums of a weight's gradient are split, so there is one. There are two ways. `_Library` calls the
library's own convolution. `_Products` writes each position's neighbourhood as a row of K numbers and multiplies matrices; so a step takes
1.2 to 1.7 times as long at 16 and 32 channels on 8 × 8 and 12 × 12 images. It is the way of float64, for which the library has no kernel,
of processors that it has none for, and of a GPU, where all runs are multiplied at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gradlab.network.linear_map import Operation, nothing
from gradlab.network.place import Place

NUM_THREADS = 1
"""Threads with which a run's bits are those that it has with one."""

_convolution_backward = torch.ops.aten.convolution_backward.default


@dataclass(frozen=True)
class ConvolutionSize:
    """Sizes of one convolution.

    Attributes:
        height: Rows of an image, H.
        width: Columns of an image, W.
        in_channels: I.
        out_channels: O.
        kernel: Side of the kernel, odd, at most one more than twice the image's shorter side.
        padding: What lies beyond a border: `circular` or `zeros`.

    Raises:
        ValueError: If the kernel is even or too large.
    """

    height: int
    width: int
    in_channels: int
    out_channels: int
    kernel: int = 3
    padding: str = "circular"

    def __post_init__(self) -> None:
        if self.kernel % 2 == 0 or self.side > min(self.height, self.width):
            raise ValueError(
                f"no kernel of {self.kernel} for an image of {self.height} × {self.width}: it has no middle, or is too large"
            )

    @property
    def side(self) -> int:
        """Rows or columns that a kernel reaches beyond a border."""
        return self.kernel // 2

    @property
    def fan_in(self) -> int:
        """Numbers that an output is summed from, K = k² I.

        >>> ConvolutionSize(8, 8, 16, 32).fan_in
        144
        """
        return self.kernel**2 * self.in_channels


class Convolution:
    """R convolutions of one size, each with its run's own weight and bias.

    Every method plans its operation once, for buffers that stay where they are, and returns what carries it out, under
    `torch.inference_mode`. One object serves all layers of its size: it holds nothing from one call to the next.
    """

    def __init__(self, size: ConvolutionSize, num_runs: int, batch_size: int, place: Place) -> None:
        way = _Library if _has_kernel(place) else _Products
        self._way: _Library | _Products = way(size, num_runs, batch_size, place)

    def forward(self, h_RXI: Tensor, weight_RKO: Tensor, bias_R1O: Tensor, out_RXO: Tensor) -> Operation:
        """Plans out = convolution(h) + bias; `out` may not be h."""
        return self._way.forward(h_RXI, weight_RKO, bias_R1O, out_RXO)

    def backward(self, delta_RXO: Tensor, weight_RKO: Tensor, out_RXI: Tensor) -> Operation:
        """Plans the gradient with respect to what is below; `out` may not be δ."""
        return self._way.backward(delta_RXO, weight_RKO, out_RXI)

    def gradient(self, h_RXI: Tensor, delta_RXO: Tensor, out_RKO: Tensor) -> Operation:
        """Plans the weights' gradient, summed over examples and positions."""
        return self._way.gradient(h_RXI, delta_RXO, out_RKO)


def _has_kernel(place: Place) -> bool:
    """Whether the library has a convolution of its own for this type on this processor."""
    available = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if place.device.type != "cpu" or not available:
        return False
    if place.dtype is torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    if place.dtype is torch.float16:
        return bool(torch.ops.mkldnn._is_mkldnn_fp16_supported())
    return place.dtype is torch.float32


class _Surroundings:
    """Images with what lies beyond their borders, [N, H + 2 side, W + 2 side, channels], of images without."""

    def __init__(self, size: ConvolutionSize, num_images: int, channels: int, place: Place) -> None:
        H, W, side = size.height, size.width, size.side
        self.images = place.zeros(num_images, H + 2 * side, W + 2 * side, channels)
        self._inside = self.images[:, side : side + H, side : side + W]
        self._copies: list[tuple[Tensor, Tensor]] = []
        if size.padding == "circular" and side > 0:
            columns, rows = self.images[:, side : side + H].transpose(0, 2), self.images.transpose(0, 1)
            for lines, length in ((columns, W), (rows, H)):
                self._copies.append((lines[:side], lines[length : length + side]))
                self._copies.append((lines[side + length :], lines[side : 2 * side]))

    def fill(self, signal_RXC: Tensor) -> Operation:
        """Plans to take the images of a signal."""
        images, inside, copies = signal_RXC.view(self._inside.shape), self._inside, self._copies

        def copy() -> None:
            inside.copy_(images)
            for beyond, source in copies:
                beyond.copy_(source)

        return copy


class _Library:
    """Run by run, by the library's convolution of images whose channels come last."""

    def __init__(self, size: ConvolutionSize, num_runs: int, batch_size: int, place: Place) -> None:
        k, I, O = size.kernel, size.in_channels, size.out_channels  # noqa: E741
        self._kernel, self._image = (k, k), (batch_size, size.height, size.width)
        # The weights as the library takes them, and turned round for the way back.
        self._weight_ROTI, self._turned_RITO = place.zeros(num_runs, O, k * k, I), place.zeros(num_runs, I, k * k, O)
        self._weights, self._turned = (
            _channels_first(weight.view(*weight.shape[:2], *self._kernel, -1))
            for weight in (self._weight_ROTI, self._turned_RITO)
        )
        # Zeros beyond the border it thinks up itself.
        zeros = size.padding == "zeros"
        self._padding = [size.side if zeros else 0] * 2
        self._surroundings = {
            channels: _Surroundings(size, num_runs * batch_size, channels, place)
            for channels in ({I, O} if not zeros and size.side else ())
        }

    def forward(self, h_RXI: Tensor, weight_RKO: Tensor, bias_R1O: Tensor, out_RXO: Tensor) -> Operation:
        source_ROTI = _taps(weight_RKO, h_RXI.shape[2]).permute(0, 3, 1, 2)
        weight_ROTI, padding = self._weight_ROTI, self._padding
        fill, images = self._surrounded(h_RXI)
        outs, biases = self._images(out_RXO), bias_R1O.flatten(1).unbind(0)
        runs = list(zip(images, self._weights, biases, outs, strict=True))

        def convolve() -> None:
            weight_ROTI.copy_(source_ROTI)
            fill()
            for image, weight, bias, out in runs:
                out.copy_(torch.conv2d(image, weight, bias, 1, padding))

        return convolve

    def backward(self, delta_RXO: Tensor, weight_RKO: Tensor, out_RXI: Tensor) -> Operation:
        source_RTIO = _taps(weight_RKO, out_RXI.shape[2])
        turned_RTIO, padding = self._turned_RITO.transpose(1, 2), self._padding
        fill, images = self._surrounded(delta_RXO)
        runs = list(zip(images, self._turned, self._images(out_RXI), strict=True))

        def convolve() -> None:
            turned_RTIO.copy_(source_RTIO.flip(1))
            fill()
            for image, weight, out in runs:
                out.copy_(torch.conv2d(image, weight, None, 1, padding))

        return convolve

    def gradient(self, h_RXI: Tensor, delta_RXO: Tensor, out_RKO: Tensor) -> Operation:
        fill, images = self._surrounded(h_RXI)
        outs = out_RKO.view(len(out_RKO), *self._kernel, -1, out_RKO.shape[2]).permute(0, 4, 3, 1, 2).unbind(0)
        runs = list(zip(self._images(delta_RXO), images, self._weights, outs, strict=True))
        padding = self._padding

        def convolve() -> None:
            fill()
            for delta, image, like, out in runs:
                made = _convolution_backward(
                    delta, image, like, None, [1, 1], padding, [1, 1], False, [0, 0], 1, [False, True, False]
                )
                out.copy_(made[1])

        return convolve

    def _surrounded(self, signal_RXC: Tensor) -> tuple[Operation, Sequence[Tensor]]:
        """What makes the images that the library reads, and these, of every run."""
        surroundings = self._surroundings.get(signal_RXC.shape[2])
        if surroundings is None:
            return nothing, self._images(signal_RXC)
        images = surroundings.images.view(-1, self._image[0], *surroundings.images.shape[1:])
        return surroundings.fill(signal_RXC), _channels_first(images)

    def _images(self, signal_RXC: Tensor) -> Sequence[Tensor]:
        return _channels_first(signal_RXC.view(len(signal_RXC), *self._image, -1))


def _channels_first(images_RBHWC: Tensor) -> Sequence[Tensor]:
    """[B, channels, H, W] of every run, as views."""
    return images_RBHWC.permute(0, 1, 4, 2, 3).unbind(0)


def _taps(weight_RKO: Tensor, in_channels: int) -> Tensor:
    """[R, K, O] -> [R, T, I, O]."""
    return weight_RKO.view(len(weight_RKO), -1, in_channels, weight_RKO.shape[2])


class _Products:
    """By products with the neighbourhoods of all positions: on a CPU run by run, else of all runs at once."""

    def __init__(self, size: ConvolutionSize, num_runs: int, batch_size: int, place: Place) -> None:
        self._size, self._together = size, 1 if place.device.type == "cpu" else num_runs
        self._turned_RTOI = place.zeros(num_runs, size.kernel**2, size.out_channels, size.in_channels)
        num_images = self._together * batch_size
        self._surroundings = {
            channels: _Surroundings(size, num_images, channels, place)
            for channels in {size.in_channels, size.out_channels}
        }
        # One place for the neighbourhoods of either signal.
        most = max(self._surroundings) * size.kernel**2 * size.height * size.width * num_images
        self._neighbourhoods = place.zeros(most)

    def forward(self, h_RXI: Tensor, weight_RKO: Tensor, bias_R1O: Tensor, out_RXO: Tensor) -> Operation:
        gathers = self._gathers(h_RXI)
        operands = (torch.split(tensor, self._together) for tensor in (bias_R1O, weight_RKO, out_RXO))
        runs = list(zip(gathers, *operands, strict=True))

        def multiply() -> None:
            for (gather, rows), bias, weight, out in runs:
                gather()
                torch.baddbmm(bias, rows, weight, out=out)

        return multiply

    def backward(self, delta_RXO: Tensor, weight_RKO: Tensor, out_RXI: Tensor) -> Operation:
        source_RTIO = _taps(weight_RKO, out_RXI.shape[2])
        turned_RTIO = self._turned_RTOI.transpose(2, 3)
        operands = (torch.split(tensor, self._together) for tensor in (self._turned_RTOI.flatten(1, 2), out_RXI))
        runs = list(zip(self._gathers(delta_RXO), *operands, strict=True))

        def multiply() -> None:
            turned_RTIO.copy_(source_RTIO.flip(1))
            for (gather, rows), weight, out in runs:
                gather()
                torch.bmm(rows, weight, out=out)

        return multiply

    def gradient(self, h_RXI: Tensor, delta_RXO: Tensor, out_RKO: Tensor) -> Operation:
        operands = (torch.split(tensor, self._together) for tensor in (delta_RXO, out_RKO))
        runs = [
            (gather, rows.transpose(1, 2), delta, out)
            for (gather, rows), delta, out in zip(self._gathers(h_RXI), *operands, strict=True)
        ]

        def multiply() -> None:
            for gather, columns, delta, out in runs:
                gather()
                torch.bmm(columns, delta, out=out)

        return multiply

    def _gathers(self, signal_RXC: Tensor) -> list[tuple[Operation, Tensor]]:
        """For each group of runs what makes the rows that are multiplied, and these, [runs, X, k² channels]."""
        channels, k = signal_RXC.shape[2], self._size.kernel
        surroundings = self._surroundings[channels]
        images, (num_images, *_) = surroundings.images, surroundings.images.shape
        image, row, column, channel = images.stride()
        # The taps of a row of the kernel lie side by side, with their channels.
        shape = (num_images, self._size.height, self._size.width, k, k * channels)
        windows = images.as_strided(shape, (image, row, column, row, channel))
        rows = self._neighbourhoods[: windows.numel()].view(shape)

        def plan(group: Tensor) -> Operation:
            fill = surroundings.fill(group)

            def gather() -> None:
                fill()
                rows.copy_(windows)

            return gather

        multiplied = rows.view(self._together, -1, k * k * channels)
        return [(plan(group), multiplied) for group in torch.split(signal_RXC, self._together)]
