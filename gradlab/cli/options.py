"""What every command takes, spelled once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gradlab.cli.completion import complete_run_or_sweep


class Face(StrEnum):
    """How a table is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MD = "md"


class Rerun(StrEnum):
    """Which runs that are already there are trained again."""

    NEVER = "never"
    FAILED = "failed"
    ALWAYS = "always"


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"gradlab {version('gradlab')}")
        raise typer.Exit


def directory(text: str | Path) -> Path:
    """A directory as it is typed.

    Raises:
        BadParameter: If nothing was, as where a variable of a script is not set.
    """
    if text == "":
        raise typer.BadParameter("expected a directory, got ''")
    return Path(text)


def _found(ctx: typer.Context, given: Path) -> Path:
    """The directory of runs; where none is named, the nearest from here upwards or what GRADLAB_RUNS says."""
    from gradlab.results.place import runs_root

    source = ctx.get_parameter_source("out")
    return runs_root() if source is None or source.name.startswith("DEFAULT") else given


RUN_HELP = "Name a run by id, prefix, path or @latest; a name means its newest seeds, X~1 those before, a sweep all its members."

Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="Read the experiment from this YAML file.")]
Configs = Annotated[
    list[Path],
    typer.Argument(metavar="CONFIG|SWEEP...", help="Read experiments, or sweeps of them, from these YAML files."),
]
Run = Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP, autocompletion=complete_run_or_sweep)]
OptionalRun = Annotated[
    str | None,
    typer.Argument(metavar="RUN", help=RUN_HELP, show_default=False, autocompletion=complete_run_or_sweep),
]
Runs = Annotated[
    list[str] | None,
    typer.Argument(metavar="RUN...", help=RUN_HELP, show_default=False, autocompletion=complete_run_or_sweep),
]
RunsOrSweep = Annotated[
    list[str] | None,
    typer.Argument(metavar="RUN|SWEEP...", help=RUN_HELP, show_default=False, autocompletion=complete_run_or_sweep),
]
Where = Annotated[
    str,
    typer.Option(
        "--where",
        metavar="COND",
        help='Take only runs for which this holds, as in "model.depth >= 20 and verdict == vanishing".',
    ),
]
Set = Annotated[
    list[str],
    typer.Option(
        "-s", "--set", metavar="KEY=VALUE", help="Override a field, as in -s model.depth=100. May be repeated."
    ),
]
Device = Annotated[str, typer.Option("--device", help="Train on this device: auto, cpu, cuda or cuda:N.")]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        metavar="N",
        min=1,
        help="Train with so many threads on a CPU, as far as they leave the numbers alone; by default one or all, whichever is quicker "
        "as the training goes.",
        show_default=False,
    ),
]
RerunWhich = Annotated[
    Rerun,
    typer.Option("--rerun", case_sensitive=False, help="Choose which runs that are there already are trained again."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
AllowCode = Annotated[
    list[str],
    typer.Option(
        "--allow-code",
        metavar="PREFIX",
        help="Import this module of your own, and what is below it, where a config names it. May be repeated.",
    ),
]
ImportPath = Annotated[
    list[Path],
    typer.Option("--import-path", metavar="DIR", help="Look for modules of your own here first. May be repeated."),
]
Out = Annotated[
    Path,
    typer.Option(
        "--out",
        metavar="DIR",
        help="Look for runs, and keep them, in this directory; by default in GRADLAB_RUNS, or the nearest runs/ upwards.",
        show_default=False,
        callback=_found,
        parser=directory,
    ),
]
HiddenOut = Annotated[
    Path,
    typer.Option(
        "--out", metavar="DIR", help="Look for runs, and keep them, in this directory.", hidden=True, parser=directory
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print no progress and no log on stderr.")]
VerdictAlone = Annotated[
    bool, typer.Option("--quiet", help="Print the verdict line alone, and no progress and no log on stderr.")
]
Full = Annotated[
    bool, typer.Option("--full", help="Print every layer, figure and run; a pipe gets the worst of them otherwise.")
]
SweepAlone = Annotated[
    bool,
    typer.Option("--quiet", help="Print in one line what the sweep came to, and no progress and no log on stderr."),
]
FullSweep = Annotated[
    bool,
    typer.Option(
        "--full", help="Print every gate, expectation, failed run and group; a pipe gets at most 30 lines otherwise."
    ),
]
FullPrediction = Annotated[
    bool, typer.Option("--full", help="Print every layer, figure and member; a pipe gets at most 30 lines otherwise.")
]
FullResult = Annotated[bool, typer.Option("--full", help="Print every row; a pipe gets about 30 lines otherwise.")]
Format = Annotated[Face, typer.Option("--format", case_sensitive=False, help="Print it in this format.")]
Version = Annotated[
    bool, typer.Option("--version", help="Print the version and leave.", callback=_print_version, is_eager=True)
]

DEFAULT_OUT = Path("runs")
