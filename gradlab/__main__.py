"""The process behind `gradlab` and `python -m gradlab`: the command line, from its first moment to its last."""

import os
import sys
from contextlib import suppress
from typing import NoReturn

_INTERRUPTED = 130


def forget_current_directory(path: list[str]) -> None:
    """Take the current directory off a path of modules, where `python -m` put it first.

    A file there, such as a `random.py`, would be imported by whoever imports a module of that name. gradlab's own modules are found by
    where the package lies; only where that is nowhere else on the path is it kept.
    """
    here = os.getcwd()
    if not sys.flags.safe_path and path and os.path.abspath(path[0]) == here:
        rest = [os.path.abspath(entry) for entry in path[1:] if entry]
        own = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        if own != here or own in rest:
            del path[0]


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
    forget_current_directory(sys.path)
    command()
