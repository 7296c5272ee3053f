"""`gradlab tag`."""

from typing import TYPE_CHECKING, Annotated

import typer

from gradlab.cli.completion import complete_run_or_sweep
from gradlab.cli.options import DEFAULT_OUT, Out, Quiet, Version, Where

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def tag(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN... NAME",
            help="Name runs, and the tag that they get; with --note a tag is not needed.",
            show_default=False,
            autocompletion=complete_run_or_sweep,
        ),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the tag away.")] = False,
    note: Annotated[
        str | None,
        typer.Option(
            "--note", metavar="TEXT", help="Write a note for the one RUN, or with a NAME beside the tag; '' removes it."
        ),
    ] = None,
    where: Where = "",
    out: Out = DEFAULT_OUT,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """Give runs a tag, by which they can be named and found, or a note."""
    from gradlab import keeping
    from gradlab.cli.output import log
    from gradlab.cli.selection import log_left_out
    from gradlab.report.words.values import counted
    from gradlab.results.selection import Selector

    names, given = _parted(words or [], note, where)
    runs = keeping.tag(*names, tag=given, note=note, remove=remove, where=where, out=Selector(out, log_left_out))
    if given is not None:
        log(f"{given}: {'taken from' if remove else 'given to'} {counted(len(runs), 'run')}", quiet=quiet)
        _say_shadowed(out, given, quiet=quiet or remove)
    if note is not None:
        log(f"note {'given to' if note.strip() else 'taken from'} {counted(len(runs), 'run')}", quiet=quiet)


def _parted(words: "Sequence[str]", note: str | None, where: str) -> tuple[list[str], str | None]:
    """The words that mean runs, and the tag; with a note and no condition a single word is a run."""
    if not words or (len(words) == 1 and note is not None and not where):
        return list(words), None
    return list(words[:-1]), words[-1]


def _say_shadowed(root: "Path", tag: str, *, quiet: bool) -> None:
    """Say that a tag cannot be used to name runs, where a name that is as long comes first."""
    from gradlab.cli.output import log
    from gradlab.results.selection import Selector

    selector = Selector(root)
    if selector.groups_of(tag) or any(tag in (place.name, place.id) for place in selector.sweeps):
        log(f"{tag} is a name too, and means what goes by it; --where 'tag == {tag}' finds the tag", quiet=quiet)
