"""`gradlab show`."""

from typing import TYPE_CHECKING, Annotated

import typer

from gradlab.cli.options import DEFAULT_OUT, Face, Format, OptionalRun, Out, Quiet, Version, Where

if TYPE_CHECKING:
    from gradlab.results.stored import StoredRun


def show(
    run: OptionalRun = None,
    at: Annotated[
        str, typer.Option("--at", metavar="STEP", help="Step of the layer table: init, final or a recorded step.")
    ] = "final",
    where: Where = "",
    out: Out = DEFAULT_OUT,
    format: Format = Face.TABLE,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """Show a stored run, judged by today's rules; several side by side, with how far their seeds agree."""
    from gradlab.cli.output import print_runs
    from gradlab.cli.selection import load_runs

    found = load_runs([] if run is None else [run], out, where, groups=False)
    if len(found) == 1:
        _show(found[0], at, format)
        return
    if at != "final":
        from gradlab.errors import UsageError

        name = found[0].name
        raise UsageError(
            f"--at {at}: is for one run, and these are {len(found)}; {name}@latest names the newest of {name}"
        )
    print_runs(found, format)


def _show(run: "StoredRun", at: str, face: Face) -> None:
    from gradlab.cli.output import write_json, write_view
    from gradlab.report.files.run_json import document
    from gradlab.report.views.blocks import Lines
    from gradlab.report.views.run import view
    from gradlab.report.views.said import said_of

    seen, said = view(run, at), said_of(run)
    if face is Face.JSON:
        shown = document([run])
        shown["runs"][0] |= {"step": seen.step, "layers": seen.layers_with_theory.objects()}
        shown["runs"][0] |= {what.replace(" ", "_"): words for what, words in said.items()}
        write_json(shown)
    else:
        blocks = seen.blocks
        if said:
            blocks.insert(1, Lines([" · ".join(f"{what}: {words}" for what, words in said.items())], "aside"))
        write_view(blocks, seen.layers_with_theory, face)
