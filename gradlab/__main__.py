"""The process behind `gradlab` and `python -m gradlab`: the command line, from its first moment to its last."""

import os
import sys
from contextlib import suppress
from typing import NoReturn

_INTERRUPTED = 130


def command() -> NoReturn:
    """Carry out this process's command line and end the process.

    Ctrl+C counts from here on, while the command line is still being loaded. And when the command is done the process
    is over at once: torch takes half a second to be taken apart, in which a Ctrl+C would deny what was done.
    """
    # Before its first model, pydantic reads the metadata of every installed distribution for plugins; gradlab uses none.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        from gradlab.cli.main import main

        code = main()
    except KeyboardInterrupt:
        with suppress(OSError, AttributeError):
            sys.stderr.write("interrupted\n")
        code = _INTERRUPTED
    os._exit(code)


if __name__ == "__main__":
    command()
