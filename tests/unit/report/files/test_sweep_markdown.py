"""A sweep as Markdown."""

import re

import pytest
from faces import assert_snapshot
from made.sweeps import drawn, example, failed, gate, grid, init_by_depth, member, seen

from gradlab.report.files.markdown import LIMIT, code, plain, sweep_markdown
from gradlab.results.record import Expectation

HOSTILE = "a|b `code` <script>alert(1)</script>\n# not a heading\n\n| x | [l](javascript:0) ![i](u) $x$ é\u202e🙂 \\"


def test_the_page_has_everything_worst_first() -> None:
    text = sweep_markdown(example())
    assert text.index("failed") < text.index("## Gates") < text.index("## Expectations") < text.index("## Verdict by")
    assert text.endswith("files in `runs/sweeps/init_by_depth-0f1e2d3c4b5a/`\n")
    assert_snapshot("markdown", text, "sweep")


def test_the_rows_of_a_table_have_as_many_cells_as_its_header() -> None:
    members = init_by_depth()
    members[0] = failed(members[0][0] | {"model.init": HOSTILE}, HOSTILE)
    text = sweep_markdown(seen(members))
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert len(tables) == 3
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1


def test_foreign_text_stays_text() -> None:
    asked = (Expectation(HOSTILE, False, HOSTILE),)
    members = [failed({"a": HOSTILE}, HOSTILE), member({"a": "b"}, expectations=asked)]
    text = sweep_markdown(seen(members, gates=[gate(HOSTILE, False, HOSTILE, [({"a": HOSTILE}, False, HOSTILE, 1)])]))
    assert "<script" not in text
    assert "\u202e" not in text
    assert not re.search(r"^# not", text, re.MULTILINE)
    assert "](" not in text.replace(r"\](", "")
    without_escapes = re.sub(r"\\.", "", text)
    assert without_escapes.count("`") == 2 * 1, "only the path of the files is code"
    assert "$" not in without_escapes
    assert "é" in text
    assert "🙂" in text


@pytest.mark.parametrize(
    "text", ["final.loss < 1", "model.depth >= 20 and verdict == healthy", "count(outcome == failed) == 0"]
)
def test_conditions_are_shown_as_code(text: str) -> None:
    assert code(text) == f"`{text}`"


@pytest.mark.parametrize("text", ["a`b", "a|b", "<b>", "&lt;", "</td>", "<!-- x", "back\\", ""])
def test_what_could_end_code_or_start_a_tag_is_not_shown_as_code(text: str) -> None:
    assert code(text) == plain(text)


def test_a_very_long_text_is_cut() -> None:
    assert len(plain("x" * 5000)) == 1000
    assert plain("x" * 5000).endswith("x…")


@pytest.mark.parametrize("limit", [0, 1, 30, 300, 1000, 1500, 2000, 3000, 4001, 5000, 8000, 10**6])
def test_the_page_is_never_longer_than_its_limit(limit: int) -> None:
    view = example()
    text = sweep_markdown(view, limit)
    assert len(text.encode()) <= limit
    if limit >= 1500:
        assert text.startswith("# init_by_depth")
        assert text.endswith("files in `runs/sweeps/init_by_depth-0f1e2d3c4b5a/`\n")
        rows = len(re.findall(r"^\| \d+ \| \w+ \| \w+ \| 5 \|", text, re.MULTILINE))
        left_out = re.search(r"^(\d+) groups? left out for lack of room; all are in `results.csv`$", text, re.MULTILINE)
        assert rows + (int(left_out[1]) if left_out else 0) == 24


def test_a_limit_that_is_not_reached_cuts_nothing() -> None:
    text = sweep_markdown(example())
    assert sweep_markdown(example(), len(text.encode()) + 1000) == text


def test_long_reasons_of_many_failures_fit_into_a_step_summary() -> None:
    members = [failed({"a": place}, "ü|" * 2000) for place in range(600)]
    members += [member({"a": place}, place) for place in range(600, 700)]
    text = sweep_markdown(seen(members))
    assert LIMIT * 0.99 < len(text.encode()) <= LIMIT
    assert int(re.search(r"^(\d+) runs left out", text, re.MULTILINE)[1]) > 100  # type: ignore[index]
    assert "groups left out" not in text
    assert "| 699 | 1 | vanishing |" in text


def test_short_sections_are_kept_whole_when_a_long_one_is_cut() -> None:
    members = grid({"a": list(range(400))}, lambda point, seed: {"verdict": ["dead", "healthy"][point["a"] % 2]}, 1)
    members[0] = failed({"a": 0}, "RuntimeError: the one that matters")
    text = sweep_markdown(seen(members, gates=[gate("count(outcome == failed) == 0", False, "1")]), 5000)
    assert "the one that matters" in text
    assert "`count(outcome == failed) == 0`" in text
    assert "groups left out" in text


def test_drawn_sweeps_have_their_map() -> None:
    assert "## Verdict by train.lr (down) and model.width (across)" in sweep_markdown(seen(drawn(60)))
