"""`gradlab schema`."""

from typing import Annotated

import typer

from gradlab.cli.options import DEFAULT_OUT, HiddenOut, Quiet, Version


def schema(
    sweep: Annotated[bool, typer.Option("--sweep", help="Print the schema of a sweep instead of a config's.")] = False,
    out: HiddenOut = DEFAULT_OUT,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """Print the JSON Schema of a config or a sweep, for editors that check and complete YAML."""
    from gradlab.cli.output import write_json
    from gradlab.config.sweeps import schema as schemas

    write_json(schemas.sweep_schema() if sweep else schemas.schema())
