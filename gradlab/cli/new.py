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
    name: Annotated[str, typer.Argument(metavar="NAME", help="Write NAME.yaml, the experiment of this name.")],
    like: Annotated[
        str,
        typer.Option(
            "--like", metavar="TEMPLATE", help="Start from this experiment; a sweep may start from a file of yours."
        ),
    ] = LIKE,
    sweep: Annotated[bool, typer.Option("--sweep", help="Write a sweep of an experiment instead.")] = False,
    out: HiddenOut = DEFAULT_OUT,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """Write NAME.yaml, an experiment or a sweep to start from. Nothing is overwritten."""
    from gradlab.cli.output import log, write
    from gradlab.errors import UsageError
    from gradlab.results import whole_file

    place = Path(name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    own = place.name.rpartition(".")[0]
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", own):
        raise UsageError(f"NAME: expected letters, digits, '.', '_' and '-', got '{own}'")
    if sweep:
        base = _base(place, like)
        whole_file.write(place, _sweep_of(base, place).encode(), replace=False)
        write(f"{place}\n")
        log(f"`gradlab check {place}` counts its members, `gradlab sweep {place}` trains them", quiet=quiet)
        return
    template = _template(like)
    _write_experiment(template, place, own)
    log(_how_to_train(place), quiet=quiet)


def _write_experiment(template: "Traversable", place: Path, name: str) -> None:
    """Write a template and its data files, and say where."""
    from gradlab.cli.output import write
    from gradlab.results import whole_file

    whole_file.write(place, _renamed(template.read_text(encoding="utf-8"), name).encode(), replace=False)
    write(f"{place}\n")
    for data, source in _data_of(template).items():
        copy = place.parent / data
        if not copy.exists():
            whole_file.write(copy, source.read_bytes(), replace=False, folder=True)
            write(f"{copy}\n")


def _base(place: Path, like: str) -> Path:
    """The experiment that a sweep varies: a file that is there, or a template, which is written beside the sweep where it is not.

    Raises:
        UsageError: If there is none, or the sweep has its name.
    """
    import os

    from gradlab.config.sweeps.file_kind import is_sweep
    from gradlab.errors import UsageError

    own = Path(like) if like.endswith((".yaml", ".yml")) and os.path.isfile(like) else None
    base = own or place.parent / f"{like}.yaml"
    template = None if own or os.path.isfile(base) else _template(like)
    if os.path.realpath(base) == os.path.realpath(place):
        raise UsageError(f"{place}: would be its own base; give the sweep another name")
    if os.path.lexists(place):
        raise UsageError(f"{place}: is there already and is not overwritten")
    if template is not None:
        _write_experiment(template, base, like)
    elif is_sweep(base):
        raise UsageError(f"--like {like}: {base} is a sweep, and an experiment is wanted")
    return base


def _sweep_of(base: Path, place: Path) -> str:
    """The text of a sweep of an experiment over learning rates around its own.

    Raises:
        ConfigError: If the experiment cannot be read.
    """
    import os

    from gradlab.config.reading import document
    from gradlab.config.text import value_text

    lr = document.read(base).train.lr
    rates = ", ".join(value_text(factor * lr, 3) for factor in (0.5, 1, 2))
    varied = {
        f"base: {os.path.relpath(base, place.parent)}": "the experiment that is varied, relative to this file",
        "seeds: 0-2": "replicates: shown together, with their spread",
        "grid:": "every combination of these is a member; more keys, more members",
        f"  train.lr: [{rates}]": "",
        "# expect: [outcome == completed]": "of every member, added to the base's own",
        "gates:": "of the whole sweep: exit code 4 where one fails",
        "  - share(outcome == completed) == 1": "",
    }
    lines = [f"{line:<40}  # {why}" if why else line for line, why in varied.items()]
    head = (
        "# yaml-language-server: $schema=gradlab.sweep.schema.json",
        "# Editors check and complete this file once `gradlab schema --sweep > gradlab.sweep.schema.json` has been run.",
        f"name: {place.name.rpartition('.')[0]}",
    )
    return "\n".join([*head, *lines]) + "\n"


def templates() -> dict[str, "Traversable"]:
    """The experiments that come with gradlab, by name; the sweeps beside them are none."""
    from gradlab.config.sweeps.file_kind import is_sweep

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


_HEAD = (
    "# yaml-language-server: $schema=gradlab.schema.json",
    "# Editors check and complete this file once `gradlab schema > gradlab.schema.json` has been run.",
)


def _renamed(text: str, name: str) -> str:
    """A template under a new name. The reference to its schema is to one beside it, and what is expected of it as it stands is a
    comment: the first edit would make it wrong.
    """
    lines = [line for line in text.splitlines() if not line.startswith("# yaml-language-server:")]
    lines = [line for line in lines if not re.match(r"name\s*:", line)]
    at = next((row for row, line in enumerate(lines) if line and not line.startswith("#")), len(lines))
    return "\n".join([*_HEAD, *lines[:at], f"name: {name}", *_expecting_less(lines[at:])]) + "\n"


def _expecting_less(lines: list[str]) -> list[str]:
    """A template's lines with one expectation that any network should meet; its own are comments below it."""
    found: list[str] = []
    within = False
    for line in lines:
        if line.startswith("expect:"):
            within = True
            found += [
                "expect:",
                "  - outcome == completed",
                "  # Of the network as it stood; take in what should hold of yours:",
            ]
        elif within and line.startswith("  - "):
            found.append(f"  # {line.strip()}")
        else:
            within = within and not line.strip()
            found.append(line)
    return found
