"""`gradlab new`."""

import re
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gradlab.cli.options import DEFAULT_OUT, HiddenOut, Quiet, Version

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

LIKE = "deep_sigmoid"


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the experiment; NAME.yaml is written.")],
    like: Annotated[str, typer.Option("--like", metavar="TEMPLATE", help="Which experiment to start from.")] = LIKE,
    out: HiddenOut = DEFAULT_OUT,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """Write NAME.yaml, an experiment to start from. Nothing is overwritten."""
    from gradlab.cli.output import log, write
    from gradlab.errors import UsageError
    from gradlab.results import whole_file

    place = Path(name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    own = place.name.rpartition(".")[0]
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", own):
        raise UsageError(f"NAME: expected letters, digits, '.', '_' and '-', got '{own}'")
    template = _template(like)
    whole_file.write(place, _renamed(template.read_text(encoding="utf-8"), own).encode(), replace=False)
    write(f"{place}\n")
    for name, source in _data_of(template).items():
        copy = place.parent / name
        if not copy.exists():
            whole_file.write(copy, source.read_bytes(), replace=False, folder=True)
            write(f"{copy}\n")
    log(_how_to_train(place), quiet=quiet)


def templates() -> dict[str, "Traversable"]:
    """The experiments that come with gradlab, by name; the sweeps beside them are none."""
    from gradlab.config.sweeps.sweep import is_sweep

    folder = files("gradlab.cli") / "templates"
    return {
        path.name.removesuffix(".yaml"): path
        for path in folder.iterdir()
        if path.name.endswith(".yaml") and not is_sweep(str(path))
    }


def _template(like: str) -> "Traversable":
    from gradlab.config.suggestion import suggestion
    from gradlab.errors import UsageError

    known = templates()
    if like not in known:
        raise UsageError(f"--like {like}: no such template{suggestion(like, sorted(known), all_of_them=True)}")
    return known[like]


def _data_of(template: "Traversable") -> dict[str, "Traversable"]:
    """The data files that a template names and that come with it, by their path from the config."""
    named = re.findall(r"\bpath: (data/[\w.-]+)", template.read_text(encoding="utf-8"))
    return {name: files("gradlab.cli") / "templates" / name for name in named}


def _how_to_train(place: Path) -> str:
    own = re.search(r"\bbuild: \"?([\w.]+):(\w+)", place.read_text(encoding="utf-8"))
    if own is None:
        return f"`gradlab run {place}` trains it"
    where = f"once the directory DIR has a module {own[1]} with a function {own[2]}"
    return f"`gradlab run {place} --allow-code {own[1]} --import-path DIR` trains it, {where}"


def _renamed(text: str, name: str) -> str:
    """A template under a new name, without its reference to a schema that lies elsewhere."""
    lines = [line for line in text.splitlines() if not line.startswith("# yaml-language-server:")]
    lines = [line for line in lines if not re.match(r"name\s*:", line)]
    at = next((row for row, line in enumerate(lines) if line and not line.startswith("#")), len(lines))
    return "\n".join([*lines[:at], f"name: {name}", *lines[at:]]) + "\n"
