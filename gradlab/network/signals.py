"""How a layer's signals lie in memory: one flat padded buffer a layer (see `reproducible.buffers`), with a view of the true shape."""

from dataclasses import dataclass

from torch import Tensor

from gradlab.config.memory import BLOCK_BYTES
from gradlab.network.network import Shape
from gradlab.network.place import Place
from gradlab.network.reproducible.buffers import padded


@dataclass(frozen=True)
class Signals:
    """Signals of layers of one shape.

    Attributes:
        num_layers: L.
        num_runs: R.
        num_rows: Examples times positions, X.
        num_positions: Positions of an example.
        width: N.
        per_block: Layers of a block, as many as stay in the processor's cache.
        length: Padded length of one layer's signal, P.
    """

    num_layers: int
    num_runs: int
    num_rows: int
    num_positions: int
    width: int
    place: Place
    per_block: int
    length: int

    @classmethod
    def of(cls, shape: Shape, place: Place) -> "Signals":
        """The layout of a network's hidden layers."""
        num_layers, num_runs, num_rows, width = shape.num_layers, shape.num_runs, shape.num_rows, shape.fan_out[0]
        size = num_runs * num_rows * width
        per_block = max(1, min(num_layers, BLOCK_BYTES // (size * place.dtype.itemsize)))
        rest = num_layers - range(0, num_layers, per_block)[-1]
        length = padded(size, place.num_threads, multiples=sorted({1, per_block, rest}))
        return cls(num_layers, num_runs, num_rows, shape.num_positions, width, place, per_block, length)

    @property
    def size(self) -> int:
        return self.num_runs * self.num_rows * self.width

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Start and stop of every block of layers, from the input up."""
        L, each = self.num_layers, self.per_block
        return [(start, min(start + each, L)) for start in range(0, L, each)]

    def buffer(self, num_layers: int | None = None) -> Tensor:
        """Signals of some layers, of all by default, [layers, P]; zeroed, because what is in the padding passes through phi too."""
        return self.place.zeros(self.num_layers if num_layers is None else num_layers, self.length)

    def view(self, buffer: Tensor) -> Tensor:
        """[layers, P] -> [layers, R, X, N]."""
        return buffer[:, : self.size].view(-1, self.num_runs, self.num_rows, self.width)

    def merged(self, signal_LRXN: Tensor) -> Tensor | None:
        """[L, R, X, N] -> [L * R, X, N] without a copy; None where the padding between layers is in the way."""
        L, R, X, N = signal_LRXN.shape
        if R > 1 and self.length != self.size:
            return None
        stride = signal_LRXN.stride(0) if R == 1 else signal_LRXN.stride(1)
        return signal_LRXN.as_strided((L * R, X, N), (stride, N, 1), signal_LRXN.storage_offset())


def merged_matrices(matrices_LRIO: Tensor) -> Tensor:
    """[L, R, I, O] -> [L * R, I, O] without a copy: matrices that lie one behind the other, or a fixed distance apart."""
    L, R, rows, columns = matrices_LRIO.shape
    stride = matrices_LRIO.stride(0) if R == 1 else matrices_LRIO.stride(1)
    return matrices_LRIO.as_strided(
        (L * R, rows, columns), (stride, matrices_LRIO.stride(2), 1), matrices_LRIO.storage_offset()
    )
