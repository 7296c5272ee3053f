"""Convolutions of R runs against torch's own with autograd, and a run's bytes alone against those among others."""

import itertools

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from gradlab.network.convolution import Convolution, ConvolutionSize
from gradlab.network.place import Place

IMAGES = [(4, 4), (3, 6), (5, 2), (1, 7)]

CASES = [
    ConvolutionSize(*image, *channels, kernel, padding)
    for image, channels, kernel, padding in itertools.product(
        IMAGES, [(1, 4), (4, 1), (3, 3)], [1, 3, 5], ["circular", "zeros"]
    )
    if kernel // 2 <= min(image)
]


def _operands(size: ConvolutionSize, num_runs: int, batch_size: int, dtype: torch.dtype) -> tuple[Tensor, ...]:
    """h, weight, bias and δ, each run's drawn from a seed of its own."""
    num_rows = batch_size * size.height * size.width

    def drawn(run: int) -> list[Tensor]:
        generator = torch.Generator().manual_seed(100 + run)
        shapes = [
            (num_rows, size.in_channels),
            (size.fan_in, size.out_channels),
            (1, size.out_channels),
            (num_rows, size.out_channels),
        ]
        return [torch.randn(shape, generator=generator) for shape in shapes]

    return tuple(torch.stack(parts).to(dtype) for parts in zip(*(drawn(run) for run in range(num_runs)), strict=True))


def _passes(size: ConvolutionSize, place: Place, operands: tuple[Tensor, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """Output, gradient of the input, gradient of the weight; each planned first and then carried out twice."""
    h_RXI, weight_RKO, bias_R1O, delta_RXO = operands
    out, below, gradient = (torch.full_like(like, 7.0) for like in (delta_RXO, h_RXI, weight_RKO))
    with torch.inference_mode():
        batch_size = h_RXI.shape[1] // (size.height * size.width)
        own = Convolution(size, len(h_RXI), batch_size, place)
        operations = [
            own.forward(h_RXI, weight_RKO, bias_R1O, out),
            own.backward(delta_RXO, weight_RKO, below),
            own.gradient(h_RXI, delta_RXO, gradient),
        ]
        for operation in operations * 2:
            operation()
    return out, below, gradient


def _by_autograd(size: ConvolutionSize, operands: tuple[Tensor, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """The same of one run, by torch's padding and convolution, from rows [X, channels] to rows."""
    h_XI, weight_KO, bias_1O, delta_XO = (tensor.double() for tensor in operands)
    k, side = size.kernel, size.kernel // 2
    h_XI.requires_grad_()
    weight_KO.requires_grad_()
    images = h_XI.view(-1, size.height, size.width, size.in_channels).permute(0, 3, 1, 2)
    mode = "circular" if size.padding == "circular" else "constant"
    weight = weight_KO.view(k, k, size.in_channels, size.out_channels).permute(3, 2, 0, 1).contiguous()
    z = functional.conv2d(functional.pad(images, [side] * 4, mode=mode), weight, bias_1O[0])
    out_XO = z.permute(0, 2, 3, 1).reshape(delta_XO.shape)
    below, gradient = torch.autograd.grad(out_XO, [h_XI, weight_KO], delta_XO)
    return out_XO.detach(), below, gradient


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_passes_agree_with_autograd(dtype: torch.dtype) -> None:
    """All sizes; errors are relative to the norm of what there would be without cancellation.

    In float64 they are below 1e-12, else below 8 units of rounding: sums of at most 75 products are accumulated in float32.
    """
    limit = {torch.float64: 1e-12}.get(dtype, 8 * torch.finfo(dtype).eps)
    counts = ((1, 2), (3, 1)) if dtype is torch.float64 else ((2, 1),)
    for size in CASES:
        for num_runs, batch_size in counts:
            operands = _operands(size, num_runs, batch_size, dtype)
            made = _passes(size, Place(dtype), operands)
            for run in range(num_runs):
                own = tuple(tensor[run] for tensor in operands)
                magnitudes = _by_autograd(size, tuple(tensor.abs() for tensor in own))
                for tensor, expected, scale in zip(made, _by_autograd(size, own), magnitudes, strict=True):
                    error = (tensor[run].double() - expected).norm() / scale.norm()
                    assert error < limit, (size, num_runs, error)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("padding", ["circular", "zeros"])
@pytest.mark.parametrize(
    ("channels", "kernel", "image"), [((16, 16), 3, (8, 8)), ((3, 5), 5, (5, 4)), ((1, 10), 3, (6, 6))]
)
def test_a_run_has_the_same_bytes_alone_and_in_a_batch(
    channels: tuple[int, int], kernel: int, image: tuple[int, int], padding: str, dtype: torch.dtype
) -> None:
    """In batches of 7 and 32, one run of which is NaN."""
    _check_bytes(ConvolutionSize(*image, *channels, kernel, padding), dtype)


def test_processors_without_a_kernel_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the library has no convolution for is multiplied out, with the same result to rounding and the same bytes in every batch."""
    size = ConvolutionSize(8, 8, 16, 16, 3)
    operands = _operands(size, 2, 4, torch.float32)
    by_library = _passes(size, Place(torch.float32), operands)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    multiplied = _passes(size, Place(torch.float32), operands)
    for one, other in zip(by_library, multiplied, strict=True):
        assert (one - other).norm() < 1e-6 * one.norm()
    assert not torch.equal(by_library[2], multiplied[2])
    _check_bytes(size, torch.float32)


@pytest.mark.threads
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("padding", ["circular", "zeros"])
def test_and_so_it_has_with_two_threads(padding: str, dtype: torch.dtype) -> None:
    """However many threads are at hand: a batch and a run alone have the same."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        _check_bytes(ConvolutionSize(8, 8, 16, 16, 3, padding), dtype)
    finally:
        torch.set_num_threads(threads)


def _check_bytes(size: ConvolutionSize, dtype: torch.dtype) -> None:
    place, batch_size = Place(dtype), 5
    alone = [_passes(size, place, _some(_operands(size, 8, batch_size, dtype), slice(run, run + 1))) for run in (0, 6)]
    for num_runs in (7, 32):
        operands = _operands(size, num_runs, batch_size, dtype)
        for tensor in operands:
            tensor[3] = torch.nan
        made = _passes(size, place, operands)
        for run, expected in zip((0, 6), alone, strict=True):
            for tensor, own in zip(made, expected, strict=True):
                assert torch.equal(tensor[run], own[0]), (num_runs, run)
        assert not made[0][3].isfinite().any()


def _some(operands: tuple[Tensor, ...], runs: slice) -> tuple[Tensor, ...]:
    return tuple(tensor[runs].clone() for tensor in operands)


def test_one_object_serves_several_layers() -> None:
    """Operations of layers that share their convolution do not disturb each other, in whatever order they are carried out."""
    size = ConvolutionSize(4, 5, 3, 3)
    place = Place(torch.float32)
    layers = [_operands(size, 2, 3, torch.float32) for _ in range(2)]
    layers[1] = tuple(tensor.flip(0) * 2.0 for tensor in layers[1])
    expected = [_passes(size, place, operands) for operands in layers]
    with torch.inference_mode():
        own = Convolution(size, 2, 3, place)
        made = [[torch.empty_like(tensor) for tensor in results] for results in expected]
        operations = []
        for (h, weight, bias, delta), (out, below, gradient) in zip(layers, made, strict=True):
            operations += [
                own.forward(h, weight, bias, out),
                own.backward(delta, weight, below),
                own.gradient(h, delta, gradient),
            ]
        for operation in reversed(operations):
            operation()
    for tensors, results in zip(made, expected, strict=True):
        assert all(torch.equal(tensor, result) for tensor, result in zip(tensors, results, strict=True))


def test_weights_of_a_branch_may_lie_apart() -> None:
    """A run's weights and biases may be one of several in a common tensor, [R, M, K, O] and [R, M, O]."""
    size = ConvolutionSize(4, 4, 3, 3)
    for dtype in (torch.float32, torch.float64):
        h, weight, bias, delta = _operands(size, 2, 3, dtype)
        weights_RMKO, biases_RMO = torch.stack([weight + 1.0, weight], 1), torch.cat([bias + 1.0, bias], 1)
        apart = (h, weights_RMKO[:, 1], biases_RMO[:, 1:2], delta)
        expected = _passes(size, Place(dtype), (h, weight, bias, delta))
        for tensor, result in zip(_passes(size, Place(dtype), apart), expected, strict=True):
            assert torch.equal(tensor, result)


def test_a_kernel_has_a_middle_and_fits() -> None:
    assert ConvolutionSize(8, 8, 16, 32, 5).fan_in == 400
    for kernel in (2, 11):
        with pytest.raises(ValueError, match=f"no kernel of {kernel} for an image of 4 × 9"):
            ConvolutionSize(4, 9, 1, 1, kernel)
