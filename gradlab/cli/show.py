"""`gradlab show`."""

from typing import TYPE_CHECKING, Annotated

import typer

from gradlab.cli.options import DEFAULT_OUT, Face, Format, Full, OptionalRun, Out, VerdictAlone, Version, Where

if TYPE_CHECKING:
    from gradlab.results.stored import StoredRun


def show(
    run: OptionalRun = None,
    at: Annotated[
        str, typer.Option("--at", metavar="STEP", help="Show the layers at this step: init, final or a recorded step.")
    ] = "final",
    where: Where = "",
    out: Out = DEFAULT_OUT,
    format: Format = Face.TABLE,
    full: Full = False,
    quiet: VerdictAlone = False,
    version: Version = False,
) -> None:
    """Show a stored run, judged by today's rules; several side by side, with how far their seeds agree."""
    from gradlab.cli.output import print_runs, print_verdict_lines
    from gradlab.cli.selection import load_runs
    from gradlab.stored import ALL

    told = ALL if format is Face.JSON else 1  # a table of several has no room for what would mend them
    found = load_runs([] if run is None else [run], out, where, groups=False, advised=told)
    only_verdicts = quiet and not full and format is Face.TABLE
    if len(found) == 1 and not only_verdicts:
        _show(found[0], at, format, full)
        return
    if at != "final" and len(found) > 1:
        from gradlab.errors import UsageError

        name = found[0].name
        raise UsageError(
            f"--at {at}: is for one run, and these are {len(found)}; {name}@latest names the newest of {name}"
        )
    if only_verdicts:
        print_verdict_lines(found)
    else:
        print_runs(found, format, full=full)


def _show(run: "StoredRun", at: str, face: Face, full: bool) -> None:
    from gradlab.cli.output import in_short, print_run, write_json, write_view
    from gradlab.report.files.run_json import document
    from gradlab.report.views.blocks import Lines
    from gradlab.report.views.run import view
    from gradlab.report.views.run_in_short import short_blocks
    from gradlab.report.views.said import said_of

    seen, said = view(run, at), said_of(run)
    if face is Face.JSON:
        shown = document([run])
        shown["runs"][0] |= {"step": seen.step, "layers": seen.layers_with_theory.objects()}
        shown["runs"][0] |= {what.replace(" ", "_"): words for what, words in said.items()}
        write_json(shown)
    else:
        short = in_short(face, full=full)
        blocks = short_blocks(seen) if short else seen.blocks
        if said:
            words = " · ".join(f"{what}: {words}" for what, words in said.items())
            blocks.insert(1, Lines([words], "aside"))
        if face is Face.TABLE:
            print_run(blocks, full=full)
            return
        write_view(blocks, seen.layers_with_theory, face)
