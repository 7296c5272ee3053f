"""`gradlab explain`."""

from typing import TYPE_CHECKING, Annotated

import typer

from gradlab.cli.options import DEFAULT_OUT, Face, Format, HiddenOut, Quiet, Version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlab.report.glossary.definition import Definition


def _complete_word(incomplete: str) -> list[str]:
    from gradlab.report.glossary.index import definitions

    return sorted({one.name for one in definitions() if " " not in one.name and one.name.startswith(incomplete)})


def explain(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME",
            help="Name a figure, quantity, verdict, finding, judgement, term of theory, column or config field: backward_fit, vanishing, "
            "χ₁, 'too few seeds', train.lr. All words where none is named.",
            autocompletion=_complete_word,
        ),
    ] = [],  # noqa: B006  # the command line library copies it
    out: HiddenOut = DEFAULT_OUT,
    format: Format = Face.TABLE,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """Say what a word means that gradlab prints: its definition, its unit, how it is read, and a verdict's rule with its limits."""
    from gradlab.cli.output import write, write_json
    from gradlab.report.glossary.index import config_definitions, whole
    from gradlab.report.views.explanation import explanation_objects, explanation_table
    from gradlab.report.words.table import as_csv, as_markdown

    found = list(dict.fromkeys(_found(names)))
    every = found if names else [*whole(), *config_definitions()]
    if format is Face.JSON:
        write_json({"schema_version": 1, "definitions": explanation_objects(every)})
    elif format is Face.CSV:
        write(as_csv(explanation_table(every)))
    elif format is Face.MD:
        write(as_markdown(explanation_table(every)))
    elif names:
        _print(found)
    else:
        _print_all(every)


def _found(names: "Sequence[str]") -> "list[Definition]":
    """What words mean: all of them as one, such as `learning rate` without quotes, else each by itself."""
    from contextlib import suppress

    from gradlab.errors import UsageError
    from gradlab.report.glossary.index import explained

    if len(names) > 1:
        with suppress(UsageError):
            return list(explained(" ".join(names)))
    return [one for name in names for one in explained(name)]


def _print(found: "Sequence[Definition]") -> None:
    from rich.text import Text

    from gradlab.cli.output import stdout
    from gradlab.report.terminal.console import print_prose
    from gradlab.report.views.explanation import explanation_lines

    out = stdout()
    for place, one in enumerate(found):
        if place:
            out.print()
        print_prose(out, Text().append(one.name, "bold").append(f"  {one.kind}", "dim"))
        for label, text in explanation_lines(one):
            line = Text("  ").append(f"{label}: ", "dim") if label else Text("  ")
            print_prose(out, line.append(text))


def _print_all(every: "Sequence[Definition]") -> None:
    """Every word by kind, with what it means in a line; of a config's words the names alone."""
    from itertools import groupby

    from rich.text import Text

    from gradlab.cli.output import log, stdout
    from gradlab.report.terminal.console import print_heading, print_prose

    out = stdout()
    places = {one.kind: place for place, one in reversed(list(enumerate(every)))}
    for kind, held in groupby(sorted(every, key=lambda one: places[one.kind]), key=lambda one: one.kind):
        words = list(held)
        print_heading(out, kind)
        if kind == "config value":
            print_prose(out, Text("  " + ", ".join(dict.fromkeys(one.name for one in words))))
            continue
        for one in words:
            print_prose(out, Text("  ").append(one.name, "bold").append(f"  {one.text}"))
    log("gradlab explain NAME says more of one")
