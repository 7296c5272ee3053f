"""Where numbers lie and how they are computed."""

from dataclasses import dataclass

import torch
from torch import Tensor

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Place:
    """What all tensors of a batch share.

    Attributes:
        dtype: Of weights and signals.
        device: Where they lie.
        num_threads: Threads that torch may use.
        may_read_back: Whether a step may ask the device for a value: a CPU loses nothing by it, a GPU would stop.
    """

    dtype: torch.dtype
    device: torch.device = _CPU
    num_threads: int = 1
    may_read_back: bool = True

    @property
    def wide(self) -> torch.dtype:
        """What is computed in where half precision would lose too much: float64 for float64, float32 for the others."""
        return torch.float64 if self.dtype is torch.float64 else torch.float32

    def zeros(self, *sizes: int, dtype: torch.dtype | None = None) -> Tensor:
        """A tensor of zeros, of the place's own dtype where none is given."""
        return torch.zeros(sizes, dtype=dtype or self.dtype, device=self.device)
