"""Products with one column are their transposes; small runs alone have one thread."""

import pytest
import torch

from gradlab.network.reproducible.products import (
    add_product,
    as_row,
    makers,
    multiply,
    reproducible,
    row_product,
    threads,
)


@pytest.mark.parametrize(("rows", "inner"), [(1, 1), (1, 7), (5, 1), (5, 7)])
def test_a_row_product_is_the_product(rows: int, inner: int) -> None:
    left, right = torch.randn(3, rows, inner, dtype=torch.float64), torch.randn(3, inner, 1, dtype=torch.float64)
    out = torch.zeros(3, rows, 1, dtype=torch.float64)
    row_product(left, right, out=out)
    torch.testing.assert_close(out, left @ right, rtol=1e-14, atol=1e-15)
    assert all(
        view.data_ptr() == own.data_ptr()
        for view, own in zip(as_row(left, right, out), (right, left, out), strict=True)
    )


@pytest.mark.parametrize("inner", [1, 2, 13, 20, 64, 100, 257])
def test_a_vector_product_alone_has_the_bits_that_it_has_among_others(inner: int) -> None:
    """One row or one column of one run, whether its matrix is transposed or not, with what it is added to."""
    generator = torch.Generator().manual_seed(inner)

    def draw(*sizes: int) -> torch.Tensor:
        return torch.randn(7, *sizes, generator=generator)

    for size in (1, 2, 10, 16, 50, 100):
        for left, right in (
            (draw(1, inner), draw(inner, size)),
            (draw(1, inner), draw(size, inner).transpose(1, 2)),
            (draw(inner, 1).transpose(1, 2), draw(inner, size)),
        ):
            total = draw(1, size)
            together, added = torch.bmm(left, right), torch.baddbmm(total, left, right)
            alone, own = torch.empty(1, 1, size), total[4:5].clone()
            multiply(left[4:5], right[4:5], out=alone)
            add_product(own, left[4:5], right[4:5])
            assert torch.equal(alone[0], together[4])
            assert torch.equal(own[0], added[4])


def test_only_one_column_is_turned() -> None:
    left, right, out = torch.zeros(2, 3, 4), torch.zeros(2, 4, 2), torch.zeros(2, 3, 2)
    assert reproducible(left, right, out) == (left, right, out)


@pytest.mark.parametrize("count", [2, 4, 6])
def test_a_product_alone_has_the_bits_of_one_thread(count: int) -> None:
    """What `threads` allows: the same bits as with one thread, alone and together."""
    generator = torch.Generator().manual_seed(0)
    before = torch.get_num_threads()
    try:
        for rows in (1, 2, 4, 8, 13, 24, 40, 64):
            for columns in (2, 10, 16, 23, 24, 44, 50, 72, 100):
                left = torch.randn(7, rows, 100, generator=generator)
                right = torch.randn(7, columns, 100, generator=generator).transpose(1, 2)
                torch.set_num_threads(1)
                expected = torch.bmm(left, right)
                for num_runs in (1, 2, 7):
                    torch.set_num_threads(threads(num_runs, rows, [(rows, columns)], count))
                    got = torch.empty_like(expected[:num_runs])
                    multiply(left[:num_runs], right[:num_runs], out=got)
                    assert torch.equal(got, expected[:num_runs]), (rows, columns, num_runs)
    finally:
        torch.set_num_threads(before)


def test_large_runs_keep_their_threads() -> None:
    assert threads(1, 64, [(64, 100), (64, 10), (100, 100), (100, 10)], 2) == 2
    assert threads(32, 2, [(2, 13)], 2) == 2
    assert threads(1, 64, [(64, 13)], 2) == 2
    assert threads(1, 64, [(13, 13)], 2) == 1


SIXTEEN_BIT_SIZES = [
    *((1, 1, 1), (2, 3, 2), (4, 8, 12), (5, 8, 10), (8, 16, 8), (16, 16, 10), (16, 16, 16), (16, 16, 17)),
    *((1, 40, 40), (64, 40, 1), (2, 30, 30), (64, 64, 64)),
]
"""(rows, inner, columns) around those at which torch hands a product to another library."""


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("sizes", SIXTEEN_BIT_SIZES)
def test_products_in_16_bits_have_the_bits_that_they_have_among_32(
    sizes: tuple[int, int, int], dtype: torch.dtype
) -> None:
    """100 products of 32 runs hold a rounding that differs."""
    rows, inner, columns = sizes
    generator = torch.Generator().manual_seed(rows)
    for _ in range(100):
        left = torch.randn(32, rows, inner, generator=generator).to(dtype)
        right = torch.randn(32, inner, columns, generator=generator).to(dtype)
        total = torch.randn(32, rows, columns, generator=generator).to(dtype)
        together, added = torch.bmm(left, right), torch.baddbmm(total, left, right)
        for num_runs in (1, 2, 5, 8):
            make, add = makers(num_runs, [sizes], dtype, torch.device("cpu"))
            some = slice(3, 3 + num_runs)
            out, own = torch.empty_like(together[some]), total[some].clone()
            make(left[some], right[some], out=out)
            add(own, left[some], right[some])
            assert torch.equal(out, together[some])
            assert torch.equal(own, added[some])
