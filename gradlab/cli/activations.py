"""`gradlab activations`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gradlab.cli.options import DEFAULT_OUT, Face, Format, HiddenOut, Quiet, Version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlab.config.experiment import Activation


def _complete_name(incomplete: str) -> list[str]:
    from gradlab.config.catalogue import ACTIVATIONS

    return [name for name in ACTIVATIONS if name.startswith(incomplete)]


def activations(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME",
            help="Name them as a config does, with parameters as in leaky_relu:slope=0.2; without a name all are shown.",
            autocompletion=_complete_name,
        ),
    ] = [],  # noqa: B006  # the command line library copies it
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Draw phi and phi' to an SVG, PNG or PDF file.")
    ] = None,
    phase: Annotated[
        Path | None,
        typer.Option(
            "--phase",
            metavar="FILE",
            help="Draw chi_1 over sigma_w and sigma_b, with the edge of chaos, to an SVG, PNG or PDF file.",
        ),
    ] = None,
    time: Annotated[
        bool, typer.Option("--time", help="Measure what an element costs forward and backward; loads torch.")
    ] = False,
    out: HiddenOut = DEFAULT_OUT,
    format: Format = Face.TABLE,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """Show activations side by side: range, slopes, critical initialisation, chi_1 under usual schemes, cost."""
    from gradlab.cli.output import log, write_json, write_table
    from gradlab.config.reading.activation_text import read_all
    from gradlab.report.views.activations import activations_table, legend

    chosen = read_all(names)
    for file in (plot, phase):
        if file is not None:
            from gradlab.report.figures.canvas import check_file

            check_file(file)
    if plot is not None:
        from gradlab.report.figures.activations import draw_curves

        draw_curves(chosen, plot)
        log(f"phi and phi' are in {plot}", quiet=quiet)
    if phase is not None:
        from gradlab.report.figures.activations import draw_phases

        draw_phases(chosen, phase)
        log(f"chi_1 over sigma_w and sigma_b is in {phase}", quiet=quiet)
    costs, setting = _measured(chosen) if time else ({}, {})
    table = activations_table(chosen, costs, said=format in (Face.TABLE, Face.MD))
    if setting and format is Face.JSON:
        write_json({"schema_version": 1, "timing": setting, "activations": table.objects()})
    else:
        write_table(table, format, "activations")
    if format is Face.TABLE:
        for line in legend(chosen):
            log(line, quiet=quiet)
    if setting:
        log(
            "cost: nanoseconds an element of {dtype}; median of {repeats} repeats over {elements:,} elements in cache, "
            "{threads} thread, {device}".format(**setting),
            quiet=quiet,
        )


def _measured(chosen: "Sequence[Activation]") -> "tuple[dict[Activation, tuple[float, float]], dict[str, str | int]]":
    from gradlab.network.activation_cost import NUM_ELEMENTS, NUM_REPEATS, NUM_THREADS, cost
    from gradlab.results import environment

    costs = {config: cost(config) for config in chosen}
    setting: dict[str, str | int] = {
        "dtype": "float32",
        "elements": NUM_ELEMENTS,
        "repeats": NUM_REPEATS,
        "threads": NUM_THREADS,
        "device": str(environment.describe("cpu")["device_name"]),
    }
    return {config: (found.forward_ns, found.backward_ns) for config, found in costs.items()}, setting
