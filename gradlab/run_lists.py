"""Several runs in Python, and what may stand for them where they are named."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, SupportsIndex, overload

from gradlab.config.text import one_line
from gradlab.errors import UsageError
from gradlab.results.stored import StoredRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gradlab.results.sweeps.directory import SweepPlace


class Runs(list[StoredRun]):
    """A list of runs, which a notebook shows as a table of which each can be opened; a slice of it is one too.

    Attributes:
        place: The sweep whose runs they all are, None where they are no sweep.
    """

    place: "SweepPlace | None" = None

    @overload
    def __getitem__(self, key: SupportsIndex) -> StoredRun: ...
    @overload
    def __getitem__(self, key: slice) -> "Runs": ...
    def __getitem__(self, key: "SupportsIndex | slice") -> "StoredRun | Runs":
        return Runs(super().__getitem__(key)) if isinstance(key, slice) else super().__getitem__(key)

    def plot(self, kind: str = "profile", quantities: str | Sequence[str] = ()) -> "Figure":
        """These runs as a matplotlib figure, seeds of one experiment together.

        Args:
            kind: As of `gradlab.plot`.
            quantities: As of `gradlab.plot`.

        Raises:
            SelectionError: If nothing was recorded of any.
            UsageError: If the kind or a quantity cannot be.
        """
        from gradlab.drawing import figure

        return figure(kind, self, quantities)

    def _repr_html_(self) -> str:
        from gradlab.report.notebook import runs_html

        return runs_html(self)


Named = str | Path | StoredRun | Sequence[StoredRun]
"""What a door takes: a name, id, tag or path, a run, or several runs, a sweep among them."""


def is_whole(name: Named) -> bool:
    """Whether it stands for what its own name or path does: a name, or a sweep."""
    return isinstance(name, str | os.PathLike) or (isinstance(name, Runs) and name.place is not None)


def words_of(names: Iterable[Named]) -> tuple[str | Path, ...]:
    """Names as they are, and the paths of what is a run, a sweep or several runs.

    Raises:
        UsageError: If something is none of these.
    """
    words: list[str | Path] = []
    for name in names:
        if isinstance(name, str | os.PathLike):
            words.append(name)
        elif isinstance(name, StoredRun):
            words.append(name.path)
        elif isinstance(name, Runs) and name.place is not None:
            words.append(name.place.path)
        else:
            held = [one for one in name if isinstance(one, StoredRun)] if isinstance(name, Sequence) else None
            if held is None or len(held) < len(name):
                raise UsageError(f"expected names, runs or lists of runs, got {one_line(repr(name), 80)}")
            words += [run.path for run in held]
    return tuple(words)
