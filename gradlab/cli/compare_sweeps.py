"""`gradlab compare SWEEP SWEEP`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gradlab.cli.options import Face

if TYPE_CHECKING:
    from gradlab.execution.compared_sweeps import Part
    from gradlab.judgement.comparing.comparison import Comparison
    from gradlab.judgement.comparing.sweep_pairs import SweepComparison


@dataclass(frozen=True)
class Asked:
    """What is asked of a comparison, as of `gradlab compare`."""

    fail_on: Sequence[str] = ()
    fail_on_any: Sequence[str] = ()
    changed_only: bool = False
    face: Face = Face.TABLE
    junit: Path | None = None
    summary: Path | None = None
    quiet: bool = False
    full: bool = False


def compare_two(first: "Part", second: "Part", asked: Asked) -> bool:
    """Print how the second sweep compares with the first, and write the files that are asked for.

    Returns:
        Whether no gate fails.

    Raises:
        SelectionError, UsageError, ConditionError: As of `execution.compared_sweeps.compare_sweeps`.
    """
    from gradlab.cli.output import in_short, log_sentence, some, stdout, write, write_json
    from gradlab.execution.compared_sweeps import compare_sweeps
    from gradlab.report.files.markdown import limited_markdown
    from gradlab.report.terminal.blocks import print_blocks
    from gradlab.report.views.blocks import in_full
    from gradlab.report.views.compared_sweeps import blocks, failed_gate_words, missing_words, shown_pairs
    from gradlab.report.views.compared_sweeps_data import data_table, sweeps_object
    from gradlab.report.views.compared_sweeps_in_short import short_blocks
    from gradlab.report.words.table import as_csv

    compared = compare_sweeps(first, second, asked.fail_on, fail_on_any=asked.fail_on_any)
    shown = blocks(compared, changed_only=asked.changed_only)
    write_files(compared, asked)
    notices = [notice for pair in compared.pairs if pair.comparison is not None for notice in pair.comparison.notices]
    for line in dict.fromkeys(notices):
        log_sentence(line)
    if asked.face is Face.JSON:
        write_json({"schema_version": 1, **sweeps_object(compared, changed_only=asked.changed_only)})
    elif asked.face is Face.CSV:
        write(as_csv(data_table(compared, shown_pairs(compared, changed_only=asked.changed_only))))
    elif asked.face is Face.MD:
        write(limited_markdown(shown, "--format csv"))
    else:
        short = in_short(asked.face, full=asked.full)
        print_blocks(stdout(), short_blocks(shown) if short else in_full(shown) if asked.full else shown)
        tell_actions(compared, asked)
        return compared.passed
    for line in () if asked.quiet else missing_words(compared):
        log_sentence(line)
    for line in some(failed_gate_words(compared), "failed gate"):
        log_sentence(line)
    tell_actions(compared, asked)
    return compared.passed


def write_files(compared: "Comparison | SweepComparison", asked: Asked) -> None:
    """Write the files that are asked for of sides of runs, or of two sweeps.

    Raises:
        UsageError: If one cannot be written.
    """
    from gradlab.cli.result_files import write_texts
    from gradlab.judgement.comparing.comparison import Comparison

    texts: dict[Path, str] = {}
    if asked.junit is not None:
        from gradlab.report.files.comparison_junit import sides_junit, sweeps_junit

        texts[asked.junit] = sides_junit(compared) if isinstance(compared, Comparison) else sweeps_junit(compared)
    if asked.summary is not None:
        texts[asked.summary] = _summary(compared, asked, None)
    write_texts(texts)


def tell_actions(compared: "Comparison | SweepComparison", asked: Asked) -> None:
    """Annotate the gates that fail and add to the step's summary, where this is a step of GitHub Actions."""
    from gradlab.cli.github_actions import add_summary, annotate, compared_failures

    annotate(compared_failures(compared))
    add_summary(lambda room: _summary(compared, asked, room), asked.summary)


def _summary(compared: "Comparison | SweepComparison", asked: Asked, room: int | None) -> str:
    """The comparison as Markdown of at most so many bytes, by default as many as a step's summary holds."""
    from gradlab.judgement.comparing.comparison import Comparison
    from gradlab.report.files.comparison_markdown import comparison_markdown
    from gradlab.report.files.markdown import LIMIT, limited_markdown, whole_lines
    from gradlab.report.views.compared_sweeps import blocks

    room = LIMIT if room is None else room
    if isinstance(compared, Comparison):
        return whole_lines(comparison_markdown(compared, changed_only=asked.changed_only), room)
    return limited_markdown(blocks(compared, changed_only=asked.changed_only), "--format csv", room)
