"""Whether a product has the same bits whichever batch it is part of (see `gradlab.training`)."""

import functools
import warnings

import torch

from gradlab import training

# Without MKL's strict mode these sizes differ between a product alone and in a batch of 32, one or another on every x86 CPU tried.
_WIDTHS = (13, 50, 51, 77, 99, 101)
_ROWS = (5, 37)


def vary() -> bool:
    """Whether any of a few products differs between alone and in a batch, at one thread or two."""
    available = torch.get_num_threads()
    torch.set_num_threads(min(2, available))  # with more, small ones differ anyway (see `reproducible.products`)
    try:
        return _any_varies()
    finally:
        torch.set_num_threads(available)


def _any_varies() -> bool:
    generator = torch.Generator().manual_seed(0)
    for width in _WIDTHS:
        for rows in _ROWS:
            left = torch.randn(32, rows, width, generator=generator)
            right = torch.randn(32, width, width, generator=generator)
            together = torch.bmm(left, right)
            if not all(
                torch.equal(together[run], torch.bmm(left[run, None], right[run, None])[0]) for run in (0, 5, 31)
            ):
                return True
    return False


@functools.cache
def warn_if_they_vary() -> None:
    """Warns, once, where torch made products before gradlab could set how."""
    if training.LATE and vary():
        warnings.warn(
            "torch computed products before gradlab was imported, so a run's last digits may depend on its batch; "
            "import gradlab.training first, or set MKL_CBWR=AUTO,STRICT in the environment",
            stacklevel=3,
        )
