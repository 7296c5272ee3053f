"""What the shell offers for a run or a sweep, from the directory's names and the journal alone."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

import typer

_STORED = re.compile(r"(?P<name>.+)-[0-9a-f]{12}")


def complete_run_or_sweep(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names, tags, sweeps and `@latest` that begin with what is typed; directories of single runs once a name is typed out."""
    from gradlab.results.place import runs_root

    root = runs_root(_typed_out(ctx))
    runs, sweeps = _entries(root), _entries(root / "sweeps")
    names = {match["name"] for entry in (*runs, *sweeps) if (match := _STORED.fullmatch(entry)) is not None}
    offered = _begun({"@latest", *names, *_asked_for(root)}, incomplete)
    return sorted(
        {*offered, *_begun((entry for entry in (*runs, *sweeps) if _leads_to(entry, incomplete)), incomplete)}
    )


def _typed_out(ctx: typer.Context) -> Path | None:
    """The directory that was named on the line; what the option has by default is no such thing."""
    source = ctx.get_parameter_source("out")
    return None if source is None or source.name.startswith("DEFAULT") else ctx.params.get("out")


def _entries(place: Path) -> list[str]:
    try:
        return [name for name in os.listdir(place) if _STORED.fullmatch(name)]
    except OSError:
        return []


def _asked_for(root: Path) -> Iterable[str]:
    """Names and tags that a journal knows."""
    from gradlab.results.asked import Journal

    asked = Journal(root).read()
    return {ask.name for ask in asked.asks} | set(asked.tagged)


def _leads_to(entry: str, incomplete: str) -> bool:
    """Whether what is typed says that a single run is meant: its name and a hyphen, or more."""
    match = _STORED.fullmatch(entry)
    return match is not None and incomplete.startswith(f"{match['name']}-")


def _begun(words: Iterable[str], incomplete: str) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]
