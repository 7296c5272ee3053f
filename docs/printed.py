"""The outputs that pages show are what the commands print: a block that begins with `$ gradlab …` is carried out, and its lines renewed.

A page shows some lines of an output; `…` stands for those between them. Which they are is read off the page: each shown line stands for the
printed one that is most like it, in order, whatever its numbers. So a page's author chooses lines, and the commands fill them in.
"""

import difflib
import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pseudo_terminal import written_to

COLUMNS = 100
"""Width of the terminal in which the commands are carried out."""

LEFT_OUT = "…"

ALIKE = 0.6
"""How like a printed line a shown one has to be for it to stand for it."""

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?")
_TIMING = re.compile(r"\b(?:trained in|steps/s|runs/s|about \d+ s)\b")
"""Lines whose numbers are another machine's on another day."""

_ID = re.compile(r"-[0-9a-f]{8,12}\b")
"""What the end of a directory's name is follows torch's version too."""

_BLOCK = re.compile(r"^```\n(\$ gradlab .*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Shown:
    """A command of a page, and the lines of its output that are shown; none where only the command is."""

    command: str
    lines: tuple[str, ...]

    def text(self) -> str:
        return "".join(f"{line}\n" for line in (f"$ {self.command}", *self.lines))


def shown(page: str) -> list[Shown]:
    """The commands of a page in their order."""
    return [one for block in _BLOCK.findall(page) for one in _of_block(block)]


def _of_block(block: str) -> Iterator[Shown]:
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *lines = part.rstrip("\n").split("\n")
        yield Shown(command, tuple(lines))


def carried_out(command: str, place: Path) -> list[str]:
    """The lines that a command prints on a terminal of `COLUMNS`, without colours; its progress and notices are not among them.

    Raises:
        ChildProcessError: If it does not end as a command does that has something to show.
    """
    words = shlex.split(command.partition(" #")[0])[1:]
    terminal, inside = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "LINES")}
    with subprocess.Popen(
        [sys.executable, "-m", "gradlab", *words], cwd=place, stdin=subprocess.DEVNULL, stdout=inside, stderr=subprocess.PIPE,
        env=environment | {"NO_COLOR": "1", "TERM": "xterm", "COLUMNS": str(COLUMNS)},
    ) as process:  # fmt: skip
        os.close(inside)
        written = b"".join(written_to(terminal, process))
        told = process.stderr.read().decode() if process.stderr is not None else ""
    os.close(terminal)
    if process.returncode not in (0, 4):
        raise ChildProcessError(f"{command}: exit code {process.returncode}\n{told}")
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", written.decode())
    return [line.rstrip() for line in text.replace("\r\n", "\n").rstrip("\n").split("\n")]


def renewed(one: Shown, printed: Sequence[str]) -> Shown:
    """A command with the printed lines in place of the shown ones.

    Raises:
        LookupError: If a shown line stands for none.
    """
    found: list[str] = []
    at, anywhere = 0, True
    for line in one.lines:
        if line.strip() in ("", LEFT_OUT):  # a page leaves lines out, and sets what it shows apart
            found.append(line)
            anywhere = True
            continue
        while at < len(printed) and not printed[at]:
            at += 1
        reached = range(at, len(printed) if anywhere else min(at + 1, len(printed)))
        place = max(reached, key=lambda place: (*_likeness(line, printed[place]), -place), default=-1)
        if place < 0 or _likeness(line, printed[place])[0] < ALIKE:
            raise LookupError(f"$ {one.command}: nothing printed is like\n{line}")
        found.append(line if _same_figures(line, printed[place]) else _cut(line, printed[place]))
        at, anywhere = place + 1, False
    return replace(one, lines=tuple(found))


def _cut(line: str, printed: str) -> str:
    """A printed line as long as it is shown: one that ends in `…` is told in part."""
    return printed if not line.endswith(LEFT_OUT) else f"{printed[: len(line) - 1].rsplit(' ', 1)[0]} {LEFT_OUT}"


def _likeness(line: str, printed: str) -> tuple[float, int]:
    """How like two lines are whatever their numbers, and how many of these are the same."""
    one, other = (_NUMBER.sub("0", re.sub(r"\s+", " ", text)).strip() for text in (line, printed))
    if line.endswith(LEFT_OUT):
        one, other = one[:-1], other[: len(one)]
    like = 1.0 if one == other else difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()
    return round(like, 2), len({*_NUMBER.findall(line)} & {*_NUMBER.findall(printed)})


def _same_figures(line: str, printed: str) -> bool:
    """Whether two lines say the same in the same columns, but for how long things took, ids, and the last digit on another machine."""
    if line.endswith(LEFT_OUT):
        printed = printed[: len(line) - 1] + LEFT_OUT
    if _TIMING.search(line):
        return _likeness(line, printed)[0] >= 0.8
    line, printed = _ID.sub("-", line), _ID.sub("-", printed)
    if re.sub(r"\d", "0", line) != re.sub(r"\d", "0", printed):
        return False
    pairs = zip(_NUMBER.findall(line), _NUMBER.findall(printed), strict=True)
    return all(one == other or _near(one, other) for one, other in pairs)


def _near(one: str, other: str) -> bool:
    first, second = (float(text.replace(",", "")) for text in (one, other))
    if "." not in one or "e" in one or "e" in other:
        return False
    return abs(first - second) <= max(1.5 * 10.0 ** -len(one.partition(".")[2]), 0.002 * abs(first))


def page_renewed(page: str, place: Path) -> str:
    """A page with all of its outputs renewed; the commands are carried out in a directory, one after another."""
    told = [renewed(one, carried_out(one.command, place)) for one in shown(page)]
    rest = iter(told)

    def block(found: re.Match[str]) -> str:
        return "```\n" + "".join(next(rest).text() for _ in _of_block(found[1])) + "```"

    return _BLOCK.sub(block, page)
