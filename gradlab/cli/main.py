"""`gradlab`: the commands and what becomes of errors."""

import errno
import re
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

import typer

from gradlab.cli.activations import activations
from gradlab.cli.check import check
from gradlab.cli.clean import clean
from gradlab.cli.compare import compare
from gradlab.cli.doctor import doctor
from gradlab.cli.du import du
from gradlab.cli.explain import explain
from gradlab.cli.export import export
from gradlab.cli.github_actions import Failure, annotate, error_failures
from gradlab.cli.list import list_runs
from gradlab.cli.new import new
from gradlab.cli.options import Version
from gradlab.cli.output import log
from gradlab.cli.plot import plot
from gradlab.cli.predict import predict
from gradlab.cli.report import report
from gradlab.cli.rm import rm
from gradlab.cli.run import run
from gradlab.cli.schema import schema
from gradlab.cli.show import show
from gradlab.cli.sweep import sweep
from gradlab.cli.tag import tag
from gradlab.config.text import one_line
from gradlab.errors import ConfigError, GradlabError

OK, BUG, USAGE, INTERRUPTED = 0, 1, 2, 130

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _by_word(names: Mapping[str, str]) -> dict[str, str]:
    """Each of several words that mean the same -> what they mean, from the words by their meaning."""
    return {word: meant for meant, words in names.items() for word in words.split()}


_OTHER_VERBS = _by_word(
    {
        "run": "train fit start",
        "sweep": "grid search tune",
        "list": "runs status history",
        "show": "info describe view",
        "compare": "diff versus",
        "report": "html page dashboard",
        "plot": "draw figure graph",
        "predict": "theory forecast expect",
        "explain": "define glossary what",
        "check": "validate lint verify",
        "new": "init create",
        "rm": "remove delete del",
        "du": "size disk",
        "--help": "help",
        "--version": "version",
    }
)
"""What other tools call a verb -> what it is called here."""

_OTHER_OPTIONS = _by_word(
    {
        "--format json": "--json",
        "--format csv": "--csv",
        "--format md": "--md --markdown",
        "--rerun always": "--force --overwrite --no-cache",
        "--workers N": "--jobs --n-jobs --num-workers --parallel -j",
        "--device cuda": "--gpu --cuda",
        "--device cpu": "--cpu",
        "--out DIR": "--output --output-dir --outdir --runs-dir",
        "--dry-run": "--dryrun -n",
        "--quiet": "--silent -q",
        "--full": "--verbose -v",
        "--where COND": "--filter --select",
    }
)
"""What other tools call an option -> what is written here, where a command has it."""

app = typer.Typer(
    name="gradlab",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help starts twice as fast
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def gradlab(version: Version = False) -> None:
    """See how the gradient travels through a deep network, why, and what would mend it."""


app.command("run")(run)
app.command("sweep")(sweep)
app.command("list")(list_runs)
app.command("show")(show)
app.command("compare")(compare)
app.command("report")(report)
app.command("plot")(plot)
app.command("predict")(predict)
app.command("activations")(activations)
app.command("explain")(explain)
app.command("check")(check)
app.command("schema")(schema)
app.command("new")(new)
app.command("export")(export)
app.command("tag")(tag)
app.command("rm")(rm)
app.command("du")(du)
app.command("doctor")(doctor)
app.command("clean")(clean)

for _verb in app.registered_commands:  # the list of verbs shows the whole first sentence of what each does
    _verb.short_help = re.split(r"(?<=\.)\s", " ".join((getattr(_verb.callback, "__doc__", None) or "").split()))[0]


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out a command line, the process's own where it is None.

    Returns:
        The exit code: 0 done, 1 gradlab's own bug, 2 usage or configuration, 3 a run could not be carried out, 4 an
        expectation or comparison failed, 5 nothing matched, 130 interrupted.
    """
    code = _run(argv)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, AttributeError):  # closed before we began, or its reader has gone
            stream.flush()
    return code


@cache
def commands() -> Callable[..., Any]:
    """The commands as they are parsed. The library makes them anew at each call, and a process may carry out many."""
    return typer.main.get_command(app)


def _run(argv: Sequence[str] | None) -> int:
    try:
        code = commands()(args=None if argv is None else list(argv), prog_name="gradlab", standalone_mode=False)
        if code == INTERRUPTED:  # the library's answer to Ctrl+C inside a command
            log("interrupted")
        return code if isinstance(code, int) else OK
    except GradlabError as error:
        _say(error)
        annotate(error_failures(error))
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        log("interrupted")
        return INTERRUPTED
    except SystemExit as error:
        # The command line library leaves this way when the reader of its help has gone.
        return OK if isinstance(error.__context__, BrokenPipeError) else int(error.code or OK)
    except Exception as error:
        if hasattr(error, "show") and hasattr(error, "exit_code"):  # a usage error of the command line library
            _clear(error)
            error.show()
            annotate([Failure("gradlab", error.format_message())] if hasattr(error, "format_message") else [])
            return int(error.exit_code)
        if isinstance(error, OSError) and error.errno in _FULL:  # the library's own output, such as help, found no room
            log(f"cannot write the output: {error.strerror}")
            return USAGE
        annotate([Failure("gradlab", _say_bug(error))])
        return BUG


def _clear(error: Any) -> None:
    """Have a usage error of the command line library say what to do, without the words of its own making."""
    message = getattr(error, "message", None)
    if not isinstance(message, str):
        return
    error.message = re.sub(r"(^|: )Value error, ", r"\1", message)
    command = re.search(r"^no such command '([\w-]+)'\.$", message, re.IGNORECASE)
    if command is not None and command[1].lower() in _OTHER_VERBS:
        error.message += f" Did you mean '{_OTHER_VERBS[command[1].lower()]}'?"
    setting = re.search(r"unexpected extra argument\(?s?\)? \(([\w.]+=\S*)\)$", message)
    if setting is not None:
        error.message += f"; a field is set with -s, as in -s {setting[1]}"
    elif re.search(r"unexpected extra argument\(?s?\)? \(= ?\S*\)$", message):
        error.message += "; a field is set without blanks, as in -s model.depth=100"
    elif written := _written_for(error):
        error.message += f"; write {written}"
        error.possibilities = None  # near by their letters, such as --version for --json
    elif field := _field_of_option(error):
        error.message += f"; a field is set with -s, as in -s {field}=VALUE"


def _written_for(error: Any) -> str | None:
    """What is written for an option of other tools, where the command has what it is here."""
    written = _OTHER_OPTIONS.get(getattr(error, "option_name", ""))
    command = getattr(getattr(error, "ctx", None), "command", None)
    own = {option for one in getattr(command, "params", ()) for option in getattr(one, "opts", ())}
    return written if written is not None and written.split()[0] in own else None


def _field_of_option(error: Any) -> str | None:
    """The field of a config that an unknown option is called after, of a command that sets fields."""
    option, command = getattr(error, "option_name", None), getattr(getattr(error, "ctx", None), "command", None)
    if option is None or not any("-s" in getattr(one, "opts", ()) for one in getattr(command, "params", ())):
        return None
    from gradlab.config.reading.faults import field_called

    return field_called(option.lstrip("-").replace("-", "_"))


def _say(error: GradlabError) -> None:
    """Print a fault that the user can mend; of a config, one line a fault and how many there are."""
    log(str(error))
    if isinstance(error, ConfigError):
        number = len(error.faults)
        log(f"{number} error{'' if number == 1 else 's'}; nothing was run.")


def _say_bug(error: Exception) -> str:
    """Print one line about gradlab's own bug, with where the traceback was written; the line without that place."""
    words = f"gradlab: internal error: {type(error).__name__}: {one_line(error, 300)}"
    trace = "".join(traceback.format_exception(error))
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="gradlab-traceback-", suffix=".txt", delete=False, encoding="utf-8", errors="backslashreplace"
        ) as file:
            file.write(trace)
    except OSError:
        log(f"{words}\n{trace}")
    else:
        log(f"{words}; the traceback is in {file.name}")
    return words
