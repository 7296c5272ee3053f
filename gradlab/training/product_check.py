"""Whether a product has the same bits whichever batch it is part of (see `gradlab.training`)."""

import functools
import itertools
import warnings

import torch

from gradlab import training

# Without MKL's strict mode these sizes differ between a product alone and in a batch of 32, one or another on every x86 CPU tried.
_WIDTHS = (13, 50, 51, 77, 99, 101)
_ROWS = (5, 37)


def vary() -> bool:
    """Whether any of a few products differs between alone and in a batch, at one thread or two."""
    generator = torch.Generator().manual_seed(0)
    available = torch.get_num_threads()
    torch.set_num_threads(min(2, available))  # with more, small ones differ anyway (see `reproducible.products`)
    try:
        for width, rows in itertools.product(_WIDTHS, _ROWS):
            left = torch.randn(32, rows, width, generator=generator)
            right = torch.randn(32, width, width, generator=generator)
            alone = [torch.bmm(left[run, None], right[run, None]) for run in (0, 5, 31)]
            if not torch.equal(torch.bmm(left, right)[[0, 5, 31]], torch.cat(alone)):
                return True
        return False
    finally:
        torch.set_num_threads(available)


@functools.cache
def warn_if_they_vary() -> None:
    """Warns, once, where torch made products before gradlab could set how."""
    if training.LATE and vary():
        warnings.warn(
            "torch computed products before gradlab was imported, so a run's last digits may depend on its batch; "
            "import gradlab.training first, or set MKL_CBWR=AUTO,STRICT in the environment",
            stacklevel=3,
        )
