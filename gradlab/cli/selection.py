"""Which runs are meant, where a command takes several or shares its names with sweeps."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradlab.results.selection import Selector
    from gradlab.results.stored import StoredRun
    from gradlab.stored import Chosen


def choose(
    names: Sequence[str] | None, out: "Path | Selector", where: str = "", *, groups: bool = True, advised: int = 0
) -> "list[Chosen]":
    """What each word means, and what --where leaves of it; with --where alone all runs that it holds for. `advised` as of `stored.chosen`.

    Raises:
        SelectionError: If a word means nothing.
        UsageError: If neither is given, a word means several things, or a run cannot be read.
    """
    from gradlab import stored
    from gradlab.cli.output import log

    stored.refuse_nothing(names, where)
    if where:
        from gradlab.judgement.conditions.notices import where_notices  # here: it takes longer than finding a run

        for line in where_notices(where):
            log(line)
    return stored.chosen(names or [], out, where, groups=groups, tell=log, advised=advised)


def log_left_out(path: Path, reason: str) -> None:
    """Name a run that is left out because it cannot be read."""
    from gradlab.cli.output import log
    from gradlab.stored import left_out

    log(left_out(path, reason))


def load_runs(
    names: Sequence[str] | None, out: Path, where: str = "", *, groups: bool = True, advised: int = 0
) -> "list[StoredRun]":
    """The runs that are meant, each once, judged by today's rules. `advised` as of `stored.chosen`.

    Raises:
        SelectionError: If a word means nothing.
        UsageError: If one is ambiguous or cannot be read, or if two directories hold the same run.
    """
    from gradlab.showing import distinct

    return distinct(choose(names, out, where, groups=groups, advised=advised))
