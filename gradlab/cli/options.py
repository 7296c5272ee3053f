"""What every command takes, spelled once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


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


def _complete_run(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of run directories, for the shell: read from the directory alone."""
    import os

    try:
        names = os.listdir(ctx.params.get("out") or "runs")
    except OSError:
        names = []
    known = [name for name in names if "-" in name and not name.startswith(".")]
    return sorted(name for name in [*known, "@latest"] if name.startswith(incomplete))


def _complete_run_or_sweep(ctx: typer.Context, incomplete: str) -> list[str]:
    import os

    try:
        sweeps = os.listdir(os.path.join(ctx.params.get("out") or "runs", "sweeps"))
    except OSError:
        sweeps = []
    return sorted([*_complete_run(ctx, incomplete), *(name for name in sweeps if name.startswith(incomplete))])


RUN_HELP = "A run: id, unique prefix, name, path, @latest or @latest~1."

Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="An experiment in YAML.")]
Configs = Annotated[
    list[Path], typer.Argument(metavar="CONFIG|SWEEP...", help="Experiments or sweeps of them, in YAML.")
]
Run = Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP, autocompletion=_complete_run)]
Runs = Annotated[list[str], typer.Argument(metavar="RUN...", help=RUN_HELP, autocompletion=_complete_run)]
RunsOrSweep = Annotated[
    list[str],
    typer.Argument(metavar="RUN|SWEEP...", help=f"{RUN_HELP} Or one sweep.", autocompletion=_complete_run_or_sweep),
]
Set = Annotated[
    list[str],
    typer.Option(
        "-s", "--set", metavar="KEY=VALUE", help="Override a field, as in -s model.depth=100; may be repeated."
    ),
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")]
RerunWhich = Annotated[Rerun, typer.Option("--rerun", help="Which runs that are there already are trained again.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
AllowCode = Annotated[
    list[str],
    typer.Option(
        "--allow-code",
        metavar="PREFIX",
        help="Import this module of your own, and what is below it, where a config names it; may be repeated.",
    ),
]
ImportPath = Annotated[
    list[Path],
    typer.Option("--import-path", metavar="DIR", help="Look for modules of your own here first; may be repeated."),
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the runs are.")]
HiddenOut = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the runs are.", hidden=True)]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress and no log on stderr.")]
Format = Annotated[Face, typer.Option("--format", help="How to print it.")]
Version = Annotated[
    bool, typer.Option("--version", help="Print the version and leave.", callback=_print_version, is_eager=True)
]

DEFAULT_OUT = Path("runs")
