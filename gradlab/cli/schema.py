"""`gradlab schema`."""

from gradlab.cli.options import DEFAULT_OUT, HiddenOut, Quiet, Version


def schema(out: HiddenOut = DEFAULT_OUT, quiet: Quiet = False, version: Version = False) -> None:
    """Print the JSON Schema of a config, for editors that check and complete YAML."""
    from gradlab.cli.output import write_json
    from gradlab.spec.schema import schema as schema_of_a_config

    write_json(schema_of_a_config())
