"""The terminal's face of runs and tables: colours where there is a terminal, plain and whole text in a pipe."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

from rich.console import Console
from rich.segment import Segment, Segments
from rich.text import Text

from gradlab.report.layout import Fold, folded, lay_out
from gradlab.report.streams import Sink
from gradlab.report.table import Table
from gradlab.report.words.values import duration
from gradlab.report.words.verdicts import APPEARANCES

if TYPE_CHECKING:  # a table of runs is printed without what a run's own page takes to compute
    from gradlab.report.view import RunView
    from gradlab.results.record import Expectation, Finding, Timing

_SEVERITY_STYLES = {"critical": "red", "warning": "yellow", "note": "dim"}
_WORD_STYLES = {word: shown.style for word, shown in APPEARANCES.items()} | {"better": "green", "worse": "red"}
_WORDS = re.compile(rf"(?<![\w.-])({'|'.join(_WORD_STYLES)})(?![\w.-])")

Stream = TextIO | Sink

FILES = (
    "config.yaml", "manifest.json", "layers.parquet", "steps.parquet", "spectrum.parquet", "layers.csv", "summary.md", "summary.json",
)  # fmt: skip


def is_live(stream: Stream) -> bool:
    """Whether a stream is a terminal that understands more than plain lines."""
    return stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


def console(stream: Stream) -> Console:
    """A console that colours only where a terminal shows it and NO_COLOR does not forbid it, and never cuts a line.

    Args:
        stream: Where it writes.
    """
    live = is_live(stream)
    return Console(
        file=cast(TextIO, stream),  # what a console asks of a file, a sink has
        force_terminal=live,
        color_system="auto" if live and not os.environ.get("NO_COLOR") else None,
        markup=False,
        highlight=False,
        emoji=False,
        soft_wrap=True,
        legacy_windows=False,
    )


def width_of(out: Console) -> int | None:
    """Characters that fit on a line, None where there is no terminal."""
    return out.width if out.file.isatty() else None


def knows_blocks(out: Console) -> bool:
    """Whether the stream's encoding has block characters."""
    return out.encoding.lower().replace("_", "-").startswith("utf")


def print_prose(out: Console, text: Text) -> None:
    """Print a sentence: on a terminal wrapped between words and indented, elsewhere as one line."""
    width = width_of(out)
    if width is None:
        out.print(text)
        return
    first, *rest = text.wrap(out, width) or [text]
    out.print(first)
    if rest:
        for line in text[len(first.plain) :].wrap(out, max(width - 4, 10)):
            out.print(Text("    ").append(Text(line.plain.strip(), text.style)))


def print_table(
    out: Console, table: Table, shown: Sequence[int | Fold] | None = None, *, noun: str = "row", indent: str = ""
) -> None:
    """Print a table; verdicts are coloured, and what did not fit is named."""
    room = width_of(out)
    layout = lay_out(table, None if room is None else room - len(indent), shown, noun)
    for line in layout.header:
        out.print(Text(indent + line, "bold"))
    out.print(Segments(_coloured(out, [indent + line for line in layout.body])))
    if layout.left_out:
        print_prose(out, Text(f"{indent}not shown for lack of room: {', '.join(layout.left_out)}", "dim"))


def print_verdicts(out: Console, lines: Sequence[str]) -> None:
    """Print sentences below a table, with their verdicts coloured."""
    out.print()
    for said in lines:
        line = Text(said)
        for match in _WORDS.finditer(said):
            line.stylize(_WORD_STYLES[match[1]], *match.span())
        print_prose(out, line)


def _coloured(out: Console, lines: Sequence[str]) -> Iterator[Segment]:
    """Lines of a table with their coloured words; thousands of them, so nothing is looked at twice."""
    if out.color_system is None:
        yield Segment("".join(f"{line}\n" for line in lines))
        return
    styles = {word: out.get_style(style) for word, style in _WORD_STYLES.items()}
    dim = out.get_style("dim")
    for line in lines:
        plain = dim if line.lstrip().startswith("…") else None
        for part in _WORDS.split(line):
            if part:
                yield Segment(part, styles.get(part, plain))
        yield Segment.line()


def print_run(out: Console, view: "RunView") -> None:
    """Print a run: verdict and why, figures, layers worst first, the heatmap, expectations, where the files are."""
    from gradlab.report.heatmap import draw

    print_verdict(out, view)
    if view.figures.rows:
        out.print()
        print_table(out, view.figures, indent="  ")
        if view.no_forecast:
            print_prose(out, Text(f"  no forecast: {view.no_forecast}", "dim"))
    if view.layers.rows:
        _print_layers(out, view)
    _print_theory(out, view)
    if view.grid is not None and view.grid.values.size:
        out.print()
        out.print(Text(f"{view.grid.quantity} by layer (input on top) and step", "bold"))
        for line in draw(view.grid, width_of(out), color=out.color_system is not None, unicode=knows_blocks(out)):
            out.print(line)
    print_expectations(out, view.summary.expectations)
    if view.timing.train_seconds > 0:
        out.print(Text(f"\n{timing_words(view.timing)}", "dim"))
    _print_files(out, view.path)


def print_verdict(out: Console, view: "RunView") -> None:
    """Print one line of verdict and why, what was trained, and the other findings."""
    line = Text().append(view.word, APPEARANCES[view.word].style)
    if view.why:
        line.append(f"  {view.why}")
    print_prose(out, line)
    print_prose(out, Text(f"  {view.name}-{view.id}: {view.setting}", "dim"))
    if view.word == "interrupted" and view.summary.verdict != "not_judged":
        print_prose(out, Text(f"  so far: {view.summary.verdict}"))
    for finding in view.summary.findings:
        _print_finding(out, finding, said=view.why)


def _print_finding(out: Console, finding: "Finding", said: str) -> None:
    """One finding with its layers, first step and remedy; its message only where the verdict's line has not said it."""
    if finding.message != said:
        place = [] if finding.layers is None else [layers_words(finding.layers)]
        place += [f"since step {finding.since_step}"] if finding.since_step else []
        line = Text().append(f"  {finding.severity}: ", _SEVERITY_STYLES[finding.severity])
        line.append(f"{finding.rule}: {finding.message}" + (f" ({', '.join(place)})" if place else ""))
        print_prose(out, line)
    if finding.remedy:
        print_prose(out, Text(f"  remedy: {finding.remedy}"))


def layers_words(layers: tuple[int, int]) -> str:
    """Layers concerned.

    >>> layers_words((3, 3)), layers_words((1, 12))
    ('layer 3', 'layers 1 to 12')
    """
    first, last = layers
    return f"layer {first}" if first == last else f"layers {first} to {last}"


def _print_layers(out: Console, view: "RunView") -> None:
    """The layer table, worst first; on a terminal a long network is folded in the middle."""
    from gradlab.report.view import HEAD, TAIL

    out.print()
    out.print(Text(f"layers at step {view.step}, {view.worst_by}; the readout last", "bold"))
    order: list[int | Fold] = list(view.worst_first)
    if width_of(out) is not None:
        order = [*folded(view.worst_first[:-1], HEAD, TAIL), view.worst_first[-1]]
    print_table(out, view.layers, order, noun="layer")


def _print_theory(out: Console, view: "RunView") -> None:
    """Expected beside measured at step 0; on a terminal some of a long network's layers, the furthest off among them."""
    from gradlab.report.deviations import READING, sentence, shown, table

    said = sentence(view.theory)
    if not said:
        return
    places = list(range(len(view.theory))) if width_of(out) is None else shown(view.theory)
    part = "" if len(places) == len(view.theory) else f", {len(places)} of {len(view.theory)} layers"
    out.print()
    out.print(Text(f"theory beside the measurement at step 0{part}", "bold"))
    print_table(out, table(view.theory), places, noun="layer")
    print_prose(out, Text(f"{said}; {READING}", "dim"))


def print_expectations(out: Console, expectations: "Sequence[Expectation]") -> None:
    """Print each condition of the config and whether it held."""
    if expectations:
        out.print()
    for expectation in expectations:
        line = Text("expected ")
        line.append("ok    " if expectation.passed else "FAILED", "green" if expectation.passed else "bold red")
        line.append(f" {expectation.text}" + ("" if expectation.passed else f"  (it is {expectation.actual})"))
        print_prose(out, line)


def timing_words(timing: "Timing") -> str:
    """What a run took, in one line."""
    words = f"trained in {duration(timing.train_seconds)}, {timing.steps_per_second:,.0f} steps/s"
    if timing.batch_runs > 1:
        words += f", in a batch of {timing.batch_runs} runs"
    if timing.record_share is not None:
        words += f"; recording took {timing.record_share:.0%}"
    if timing.record_bytes_per_step is not None:
        words += f"; {timing.record_bytes_per_step:,} bytes a recorded step"
    return words


def _print_files(out: Console, path: Path) -> None:
    """Where everything is."""
    present = [name for name in FILES if (path / name).is_file()]
    line = Text(f"files in {path}/")
    print_prose(out, line.append(f": {', '.join(present)}" if present else "", "dim"))
