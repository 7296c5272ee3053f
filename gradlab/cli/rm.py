"""`gradlab rm`."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from gradlab.cli.options import DEFAULT_OUT, DryRun, Face, Format, Out, Quiet, RunsOrSweep, Version, Where

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlab.results.removal import Doomed, Removal


def rm(
    runs: RunsOrSweep = None,
    where: Where = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: DryRun = False,
    out: Out = DEFAULT_OUT,
    format: Format = Face.TABLE,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """Remove runs, or sweeps with the members that are theirs alone; says what would go, and asks."""
    from gradlab.cli.output import log
    from gradlab.cli.selection import log_left_out
    from gradlab.errors import UsageError
    from gradlab.keeping import planned_removal
    from gradlab.results.removal import remove
    from gradlab.results.selection import Selector

    removal = planned_removal(Selector(out, log_left_out), runs or [], where)
    _tell(removal, quiet=quiet)
    if dry_run:
        _write(removal.doomed, format)
        return
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("nothing was removed: there is no terminal to ask on; --yes removes without asking")
        if not _agreed():
            log("nothing was removed", quiet=quiet)
            return
    gone, faults = remove(removal)
    _write(gone, format)
    if faults:
        raise UsageError("\n".join(faults))


def _tell(removal: "Removal", *, quiet: bool) -> None:
    """Say what would go and what stays."""
    from gradlab.cli.output import log
    from gradlab.config.text import bytes_in_words
    from gradlab.report.words.values import counted
    from gradlab.results.room import Room

    names: dict[str, list[Doomed]] = {}
    for item in removal.doomed:
        names.setdefault(f"sweep {item.name}" if item.is_sweep else item.name, []).append(item)
    for name, items in names.items():
        what = name if items[0].is_sweep else f"{counted(len(items), 'run')} of {name}{_seeds(items)}"
        unread = sum(not item.readable for item in items)
        damaged = f", {unread} of them cannot be read" if unread else ""
        log(f"{what}: {bytes_in_words(sum((item.room for item in items), Room()).bytes)}{damaged}", quiet=quiet)
        others = list(dict.fromkeys(other for item in items for other in item.elsewhere))
        if others:
            more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
            log(
                f"  {', '.join(others[:_SHOWN])}{more} will miss {'it' if len(items) == 1 else 'some of them'}",
                quiet=quiet,
            )
    for why, number in removal.kept.items():
        log(f"{counted(number, 'member')} {'stays' if number == 1 else 'stay'}: {why}", quiet=quiet)


def _seeds(items: "Sequence[Doomed]") -> str:
    """The seeds of runs, with hyphens where they follow each other."""
    seeds = sorted({item.seed for item in items if item.seed is not None})
    spans: list[list[int]] = []
    for seed in seeds:
        if spans and spans[-1][-1] == seed - 1:
            spans[-1][1:] = [seed]
        else:
            spans.append([seed])
    words = ", ".join("-".join(map(str, span)) for span in spans[:_SHOWN])
    more = f" and {len(spans) - _SHOWN} more spans" if len(spans) > _SHOWN else ""
    return f" (seed{'' if len(seeds) == 1 else 's'} {words}{more})" if seeds else ""


_SHOWN = 8


def _agreed() -> bool:
    """Ask on the terminal; Ctrl+C goes on up."""
    sys.stderr.write("Remove them? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _write(items: "Sequence[Doomed]", format: Face) -> None:
    from gradlab.cli.output import write_table
    from gradlab.report.words.table import Field, Table

    fields = (
        Field("what", rank=4),
        Field("id"),
        Field("name"),
        Field("seed", "integer", 1),
        Field("bytes", "bytes", 2),
        Field("path", rank=3),
    )
    rows = tuple(
        ("sweep" if item.is_sweep else "run", item.id, item.name, item.seed, item.room.bytes, str(item.path))
        for item in items
    )
    write_table(Table(fields, rows), format, "removed")
