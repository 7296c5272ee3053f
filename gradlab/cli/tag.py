"""`gradlab tag`."""

import re
from typing import TYPE_CHECKING, Annotated

import typer

from gradlab.cli.completion import complete_run_or_sweep
from gradlab.cli.options import DEFAULT_OUT, Out, Quiet, Version, Where

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_LONGEST = 2000


def tag(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN... NAME",
            help="Runs, and the tag that they get; with --note a tag is not needed.",
            show_default=False,
            autocompletion=complete_run_or_sweep,
        ),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the tag away.")] = False,
    note: Annotated[
        str | None,
        typer.Option(
            "--note", metavar="TEXT", help="A note for the one RUN, or with a NAME beside the tag; '' removes it."
        ),
    ] = None,
    where: Where = "",
    out: Out = DEFAULT_OUT,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """Give runs a tag, by which they can be named and found, or a note."""
    from gradlab.cli.output import log
    from gradlab.config.text import clean_line
    from gradlab.errors import SelectionError, UsageError
    from gradlab.report.words.values import counted
    from gradlab.results.asked import Journal

    names, given = _parted(words or [], note, where)
    if given is None and (remove or note is None):
        raise UsageError("which tag? `gradlab tag RUN NAME` gives one, --note TEXT a note")
    if given is not None and not _TAG.fullmatch(given):
        raise UsageError(f"NAME: expected letters, digits, '.', '_' and '-', got '{given}'")
    said = None if note is None else clean_line(note)
    if said is not None and len(said) > _LONGEST:
        raise UsageError(f"--note: expected at most {_LONGEST} letters, got {len(said)}")
    for root, runs in _chosen(names, where, out).items():
        journal = Journal(root)
        if given is not None and remove:
            tags = journal.read().tags
            runs = [run for run in runs if given in tags.get(run, ())]
            if not runs:
                raise SelectionError(f"none of these runs has the tag {given}")
        if given is not None:
            journal.tag(runs, given, remove=remove)
            log(f"{given}: {'taken from' if remove else 'given to'} {counted(len(runs), 'run')}", quiet=quiet)
            _say_shadowed(root, given, quiet=quiet or remove)
        if said is not None:
            journal.note(runs, said)
            log(f"note {'given to' if said else 'taken from'} {counted(len(runs), 'run')}", quiet=quiet)


def _parted(words: "Sequence[str]", note: str | None, where: str) -> tuple[list[str], str | None]:
    """The words that mean runs, and the tag; with a note and no condition a single word is a run."""
    if not words or (len(words) == 1 and note is not None and not where):
        return list(words), None
    return list(words[:-1]), words[-1]


def _chosen(names: "Sequence[str]", where: str, out: "Path") -> "dict[Path, list[str]]":
    """Ids of the runs that are meant, by the directory that they lie in.

    Raises:
        SelectionError: If nothing is meant.
        UsageError: If nothing is said.
    """
    from gradlab.errors import SelectionError, UsageError
    from gradlab.judgement.conditions.listed import among
    from gradlab.results.selection import Selector

    if not names and not where:
        raise UsageError("which runs? `gradlab tag RUN NAME` tags one, `gradlab tag NAME --where COND` all that match")
    selector = Selector(out)
    handles = {run.path: run for name in names for run in selector.select(name).runs}
    if not names:
        handles = {run.path: run for run in selector.handles.values()}
    if where:
        handles = {run.path: run for run in among(handles.values(), where)}
        if not handles:
            raise SelectionError(f"no run in {out} matches --where {where}")
    found: dict[Path, list[str]] = {}
    for run in handles.values():
        found.setdefault(run.path.resolve().parent, []).append(run.id)
    if not found:
        raise SelectionError("no runs are there that could be tagged")
    return found


def _say_shadowed(root: "Path", tag: str, *, quiet: bool) -> None:
    """Say that a tag cannot be used to name runs, where a name that is as long comes first."""
    from gradlab.cli.output import log
    from gradlab.results.selection import Selector

    selector = Selector(root)
    if selector.groups_of(tag) or any(tag in (place.name, place.id) for place in selector.sweeps):
        log(f"{tag} is a name too, and means what goes by it; --where 'tag == {tag}' finds the tag", quiet=quiet)
