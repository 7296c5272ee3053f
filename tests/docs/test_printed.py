"""What README.md and the tutorial show is what the commands print; a stale line fails, `python docs/generate.py --outputs` renews it."""

import re
from pathlib import Path

import pytest
from conditions_page import COMPARED, EXAMPLES, LISTED
from printed import Shown, carried_out, page_renewed, renewed, shown

from gradlab.config.condition import parse
from gradlab.config.experiment import run_names
from gradlab.judgement.conditions.listed import listed_names

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/tutorial.md")
UNTRAINED = ("gradlab explain", "gradlab predict")


def place(path: Path) -> Path:
    """A directory that has the configs and the examples alone."""
    for folder in ("configs", "examples"):
        (path / folder).symlink_to(ROOT / folder)
    return path


def untrained() -> list[Shown]:
    told = {one.command: one for page in PAGES for one in shown((ROOT / page).read_text())}
    return [one for one in told.values() if one.command.startswith(UNTRAINED)]


def test_pages_show_outputs() -> None:
    assert {page: len(shown((ROOT / page).read_text())) >= 7 for page in PAGES} == dict.fromkeys(PAGES, True)
    assert len(untrained()) >= 3


@pytest.mark.parametrize("one", untrained(), ids=lambda one: one.command)
def test_what_needs_no_training_is_as_it_is_printed(one: Shown, tmp_path: Path) -> None:
    assert renewed(one, carried_out(one.command, place(tmp_path))) == one


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_every_output_is_as_it_is_printed(page: str, tmp_path: Path) -> None:
    text = (ROOT / page).read_text()
    assert page_renewed(text, place(tmp_path)) == text


PRINTED = [
    "vanishing  the signal falls by 31.20 decades",
    "",
    "figure  init",
    "loss    2.31",
    "trained in 900 ms, 200 steps/s",
]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("vanishing  the signal falls by 31.20 decades",), None),
        (("vanishing  the signal falls by 31.21 decades",), None),  # the last digit is another machine's
        (("vanishing  the signal falls by 30.70 decades",), ("vanishing  the signal falls by 31.20 decades",)),
        (("…", "loss    2.31"), None),
        (("…", "loss    2.40"), ("…", "loss    2.31")),
        (("…", "trained in 700 ms, 287 steps/s"), None),
        (("healthy  the signal falls by 31.20 decades",), ("vanishing  the signal falls by 31.20 decades",)),
        (("vanishing  the signal falls …",), None),
    ],
)  # fmt: skip
def test_a_stale_line_is_renewed(lines: tuple[str, ...], expected: tuple[str, ...] | None) -> None:
    assert renewed(Shown("gradlab run", lines), PRINTED).lines == (expected or lines)


@pytest.mark.parametrize("lines", [("accuracy  0.9",), ("loss    2.31",), ("…", "loss    2.31", "figure  init")])
def test_a_line_that_is_printed_no_more_or_elsewhere_is_a_fault(lines: tuple[str, ...]) -> None:
    with pytest.raises(LookupError, match="nothing printed is like"):
        renewed(
            Shown("gradlab run", ("vanishing  the signal falls by 31.20 decades", *lines)),
            [PRINTED[0], "rest", *PRINTED[2:]],
        )


def test_every_condition_that_the_page_shows_can_be_read() -> None:
    for condition, _ in EXAMPLES:
        parse(condition, run_names())
    for condition, _ in COMPARED:
        parse(condition, run_names(), changes=True)
    for condition, _ in LISTED:
        parse(condition, run_names() | listed_names())


def test_the_tutorial_speaks_of_words_that_are_explained() -> None:
    from gradlab.report.glossary.index import explained

    text = (ROOT / "docs/tutorial.md").read_text()
    words = re.findall(r"gradlab explain (\"[^\"]+\"|\S+?)`", text)
    assert len(words) >= 3
    assert all(explained(word.strip('"')) for word in words if word != "WORD")
