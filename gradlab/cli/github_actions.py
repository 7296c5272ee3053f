"""What GitHub Actions is told beside the output: failures as annotations on stderr, and the step's summary."""

import os
import re
import stat
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from gradlab.config.reading.tree import Tree
    from gradlab.errors import GradlabError
    from gradlab.judgement.comparing.comparison import Comparison
    from gradlab.judgement.comparing.sweep_pairs import SweepComparison
    from gradlab.report.views.sweep import SweepView
    from gradlab.results.stored import StoredRun

MOST = 10
"""Annotations of one step that GitHub shows."""

_MOST_NAMED = 5
"""Runs or pairs that one annotation names."""

_MOST_REASONS = 3
"""Reasons of failed runs that have an annotation each."""

_MOST_FILES = 100
"""Bases of a sweep in which a condition is looked for."""

_PLACE = re.compile(r"(?P<file>.+?)(?::(?P<line>\d+)(?::(?P<column>\d+))?)?")
"""Where a fault is: a file, with line and column where they are known."""


@dataclass(frozen=True)
class Failure:
    """One annotation: a heading, what happened, and the file, line and column that ask for it where they are known."""

    title: str
    message: str
    file: str = ""
    line: int = 0
    column: int = 0


def is_on() -> bool:
    """Whether this is a step of GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def annotate(failures: Iterable[Failure], level: Literal["error", "warning"] = "error") -> None:
    """Print failures as workflow commands to stderr, which the runner reads as it does stdout; elsewhere nothing.

    Of more than GitHub shows the last one counts the rest. What fails nothing, as with `--exit-zero`, is a warning.
    """
    if not is_on():
        return
    from gradlab.report.terminal.streams import Sink

    every = list(failures)
    if len(every) > MOST:
        left = len(every) - MOST + 1
        every = [*every[: MOST - 1], Failure("gradlab", f"and {left} more failures; the log and the summary have all")]
    sink = Sink(sys.stderr, vital=False)
    for failure in every:
        sink.write(f"{command(failure, level)}\n")


def command(failure: Failure, level: str = "error") -> str:
    r"""A failure as one line that the runner takes for an error, or a warning.

    >>> command(Failure("a: b, c", "50 % of\nruns", "x.yaml", 3))
    '::error file=x.yaml,line=3,title=a%3A b%2C c::50 %25 of%0Aruns'
    """
    parts = [f"file={_property(failure.file)}"] if failure.file else []
    parts += [f"line={failure.line}"] if failure.file and failure.line else []
    parts += [f"col={failure.column}"] if failure.file and failure.line and failure.column else []
    parts += [f"title={_property(failure.title)}"]
    return f"::{level} {','.join(parts)}::{_data(failure.message)}"


def _data(text: str) -> str:
    from gradlab.report.words.values import harmless

    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return harmless(escaped).replace("\n", " ")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def run_failures(runs: "Sequence[StoredRun]", config: Path) -> list[Failure]:
    """Runs that could not be carried out, and expectations that do not hold, each with the line that states it."""
    from gradlab.report.words.values import it_is

    lines = _Lines(config)
    broken = [
        (f"{run.name}, seed {run.seed}", "failed", run.summary.outcome.reason or "")
        for run in runs
        if run.outcome == "failed"
    ]
    found = _not_carried_out(broken, lines)
    failed: dict[str, list[StoredRun]] = defaultdict(list)
    actual: dict[tuple[str, str], str] = {}
    for run in runs:
        for item in run.summary.expectations:
            if not item.passed:
                failed[item.text].append(run)
                actual[item.text, run.id] = item.actual
    for text, those in failed.items():
        told = [f"{run.name}, seed {run.seed}: {it_is(actual[text, run.id])}" for run in those]
        found.append(_expectation(text, _some(told), lines))
    return found


def sweep_failures(view: "SweepView", config: Path) -> list[Failure]:
    """Runs that could not be carried out, gates and expectations that do not hold, each with the line that states it."""
    from gradlab.report.views.sweep import gate_check

    lines = _Lines(config)
    found = _not_carried_out([(one.member, one.word, one.reason) for one in view.failures], lines)
    for gate in view.failed_gates:
        file, line = lines.of("gates", gate.text)
        check = gate_check(gate)
        said = "\n".join(filter(None, [f"{check.text}: {check.aside}", _some(check.details)]))
        found.append(Failure("gradlab: gate failed", said, file, line))
    told = [(item.text, f"{item.num_failed} of {item.num_judged} do not") for item in view.expectations]
    return [*found, *(_expectation(text, said, lines) for text, said in told)]


def compared_failures(compared: "Comparison | SweepComparison") -> list[Failure]:
    """Gates that fail, of sides of runs or of two sweeps; one that cannot be told fails nothing."""
    from gradlab.judgement.comparing.comparison import Comparison

    title = "gradlab: gate failed"
    if isinstance(compared, Comparison):
        from gradlab.report.views.compared_gates import failed_gates

        states = [gate.state for _, gate in compared.gates if gate.state != "passed"]
        told = zip(failed_gates(compared), states, strict=True)
        return [Failure(title, line) for line, state in told if state == "failed"]
    from gradlab.report.views.compared_sweeps import gate_checks

    failed = [check for check in gate_checks(compared) if not check.passed]
    return [Failure(title, f"{check.text}: {check.said}\n{_some(check.details)}") for check in failed]


def _not_carried_out(told: Iterable[tuple[str, str, str]], lines: "_Lines") -> list[Failure]:
    """Runs by name, word and reason: one annotation for those with the same reason; of many reasons the last counts the rest, so that
    gates and expectations have room.
    """
    alike: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, word, reason in told:
        alike[word, reason].append(name)
    found = []
    for (word, reason), names in list(alike.items())[:_MOST_REASONS]:
        title = "gradlab: run" + ("s" if len(names) > 1 else "") + f" {word}"
        found.append(Failure(title, f"{_some(names)}: {reason or word}", lines.file))
    left = [name for names in list(alike.values())[_MOST_REASONS:] for name in names]
    return [
        *found,
        *([Failure("gradlab: runs failed", f"{len(left)} more, for other reasons", lines.file)] if left else []),
    ]


def _expectation(text: str, said: str, lines: "_Lines") -> Failure:
    return Failure("gradlab: expectation failed", f"expected {text}: {said}", *lines.of("expect", text))


def _some(told: Sequence[str]) -> str:
    more = [f"and {len(told) - _MOST_NAMED} more"] if len(told) > _MOST_NAMED else []
    return "\n".join([*told[:_MOST_NAMED], *more])


class _Lines:
    """Where the conditions of a config or sweep stand: in its own file, or in that of a base."""

    def __init__(self, config: Path) -> None:
        self._config = config
        self._read_files: dict[Path, dict[str, dict[str, int]]] = {}
        self.file = in_workspace(config) if os.path.isfile(config) else ""

    def of(self, key: str, text: str) -> tuple[str, int]:
        """The file and line of a condition; the file alone, line 0, where it is not found, as what `-s` sets."""
        for file in (self._config, *self._bases):
            line = self._lines(file).get(key, {}).get(text)
            if line is not None:
                return in_workspace(file), line
        return self.file, 0

    @cached_property
    def _bases(self) -> list[Path]:
        """The files that a sweep varies."""
        from gradlab.config.sweeps.bases import base_files

        tree = _tree(self._config)
        return [] if tree is None else base_files(tree, self._config.parent)[:_MOST_FILES]

    def _lines(self, file: Path) -> dict[str, dict[str, int]]:
        """Key -> condition -> line, of a file and of the experiment that stands in it."""
        if file not in self._read_files:
            found: dict[str, dict[str, int]] = {"gates": {}, "expect": {}}
            tree = _tree(file)
            for path in (("gates",), ("expect",), ("experiment", "expect")):
                listed = None if tree is None else tree.at(path)
                for index, text in enumerate(listed if isinstance(listed, list) else []):
                    assert tree is not None
                    line = tree.place((*path, index)).label.removeprefix(f"{file}:").partition(":")[0]
                    found[path[-1]].setdefault(str(text), int(line) if line.isdecimal() else 0)
            self._read_files[file] = found
        return self._read_files[file]


def _tree(file: Path) -> "Tree | None":
    """A file of YAML; nothing where it cannot be read."""
    from gradlab.config.reading import document
    from gradlab.errors import ConfigError

    if not os.path.isfile(file):
        return None
    try:
        return document.from_file(file)
    except ConfigError:
        return None


def error_failures(error: "GradlabError") -> list[Failure]:
    """A command that could not begin: each fault of a config at its place, or what is wrong with the command."""
    from gradlab.errors import ConfigError

    if not isinstance(error, ConfigError):
        return [Failure("gradlab", str(error))]
    found = []
    for fault in error.faults:
        place = _PLACE.fullmatch(fault.place)
        message = f"{fault.path}: {fault.message}" if fault.path else fault.message
        if place is not None and os.path.isfile(place["file"]):
            at = (in_workspace(Path(place["file"])), int(place["line"] or 0), int(place["column"] or 0))
            found.append(Failure("gradlab: config error", message, *at))
        else:
            found.append(Failure("gradlab: config error", str(fault)))
    return found


def in_workspace(file: Path) -> str:
    """A file's path from the repository's root, as annotations name it."""
    root = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
    whole = Path(os.path.realpath(file))
    return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else str(file)


def add_summary(text: Callable[[int], str], *written: Path | None) -> None:
    """Append to the step's summary, which GitHub shows below the job; elsewhere nothing. It never fails the command.

    Args:
        text: Markdown of at most so many bytes.
        *written: Files that the command has written: where one is the summary itself, it is there already.
    """
    named = os.environ.get("GITHUB_STEP_SUMMARY")
    if (
        not is_on()
        or not named
        or any(file is not None and os.path.realpath(file) == os.path.realpath(named) for file in written)
    ):
        return
    from gradlab.cli.output import log
    from gradlab.report.files.markdown import LIMIT

    try:
        descriptor = os.open(named, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
        with os.fdopen(descriptor, "ab") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise OSError(0, "not a regular file")
            gap = b"\n" if status.st_size else b""
            room = LIMIT - status.st_size - len(gap)
            content = text(room).encode("utf-8", errors="backslashreplace") if room > 0 else b""
            if 0 < len(content) <= room:
                file.write(gap + content)
            else:
                log(f"{named}: no room is left in the step's summary")
    except OSError as error:
        log(f"{named}: the step's summary cannot be written ({error.strerror})")
