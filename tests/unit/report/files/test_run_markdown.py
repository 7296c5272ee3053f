"""summary.md."""

import re
from dataclasses import replace

from made.deep_runs import record, stored

from gradlab.report.files.markdown import limited_markdown, markdown
from gradlab.report.views.blocks import Lines
from gradlab.report.views.run import view
from gradlab.results.record import Outcome


def test_a_long_network_is_folded_and_the_rest_is_there() -> None:
    text = markdown(view(stored()).blocks)
    assert text.startswith("# deep_sigmoid: vanishing\n\nthe backward signal loses 30.4 decades")
    assert "id `7f3ac9d1e2b4`" in text
    assert "- ok: `verdict == vanishing`" in text
    assert "- **FAILED**: `final.backward_decades < -40` (it is -30.1)" in text
    rows = text.split("## Layers at step 199")[1].split("## Theory")[0].splitlines()
    fold = next(index for index, row in enumerate(rows) if "…" in row)
    assert rows[fold].startswith("| … 38 layers like these … |")
    assert rows[fold - 1].startswith("| 8 |")
    assert rows[fold + 1].startswith("| 47 |")
    assert len({row.count("|") for row in rows if row.startswith("|")}) == 1


def test_a_terminal_that_shows_it_obeys_nothing() -> None:
    text = markdown([Lines(("raised: \x1b[2J\x9b31m\u202ered\x07",))])
    assert text == "- raised: \ufffd[2J\ufffd31m\ufffdred\ufffd\n"


def test_whole_lists_every_layer() -> None:
    text = markdown(view(stored()).blocks, all_layers=True)
    assert "…" not in text
    for part in text.split("## Theory"):
        assert [int(found) for found in re.findall(r"^\| (\d+) \|", part, re.MULTILINE)] == list(range(1, 52))


def test_theory_stands_beside_the_measurement_with_some_layers_or_all() -> None:
    text = markdown(view(stored()).blocks)
    part = text.split("## Theory beside the measurement at step 0, 11 of 51 layers\n")[1]
    assert part.startswith("\nFurthest off: backward ")
    assert [int(found) for found in re.findall(r"^\| (\d+) \|", part, re.MULTILINE)] == [
        1, 6, 12, 17, 23, 28, 34, 39, 45, 50, 51,
    ]  # fmt: skip
    nothing = replace(record(), layers={})
    assert "## Theory" not in markdown(view(stored(50, nothing)).blocks)


def test_a_step_summary_has_the_markup_of_the_page_and_none_of_its_texts() -> None:
    hostile = replace(stored().summary.findings[0], message="*a* [b](c) @d")
    blocks = view(stored(findings=(hostile,))).blocks
    page, summary = markdown(blocks), limited_markdown(blocks, "layers.csv")
    for shown in (page, summary):
        assert "\n- **vanishing** (critical, layers " in shown
    assert summary.count("**") == page.count("**")
    assert r"\*a\* \[b\](c) @" in summary
    assert "@d" not in summary


def test_a_short_network_is_not_folded() -> None:
    assert "…" not in markdown(view(stored(5, record(5))).blocks)


def test_the_order_of_the_layers_is_a_sentence() -> None:
    assert "\nThe smallest log10_backward_rms first; the readout last.\n" in markdown(view(stored()).blocks)
    assert "\nIn forward order; the readout last.\n" in markdown(view(stored(verdict="healthy", findings=())).blocks)


def test_a_failed_run() -> None:
    run = stored(4, None, outcome=Outcome("failed", reason="RuntimeError: no (see traceback.txt)"),
                 verdict="not_judged", findings=(), init={}, final={}, learning_layers=None, expectations=())  # fmt: skip
    text = markdown(view(run).blocks)
    assert text.startswith("# deep_sigmoid: failed\n\nRuntimeError: no (see traceback.txt)\n")
    assert "## Layers" not in text
