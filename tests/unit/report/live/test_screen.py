"""Screens, and what a terminal is told to show them."""

import re

import numpy as np
import pytest
from fakes.terminal_emulator import Terminal

from gradlab.report.live.screen import Palette, Screen

COLORS = ("#440154", "#fde725", "#d7005f", "default")


def random_screen(palette: Palette, seed: int, height: int = 12, width: int = 50) -> Screen:
    """A screen of words, colours and blanks."""
    rng = np.random.default_rng(seed)
    screen = Screen(height, width, palette)
    for _ in range(rng.integers(1, 30)):
        row, column = int(rng.integers(height)), int(rng.integers(width))
        screen.put(row, column, "words ▀█"[: rng.integers(1, 9)], str(rng.choice(["", "bold", "bold red", "dim"])))
    block = rng.integers(0, 3, size=(2, 4, 20))
    screen.put_cells(3, int(rng.integers(0, 30)), np.full((4, 20), ord("▀")), palette.pair(block[0], block[1]))
    return screen


def texts(screen: Screen) -> list[str]:
    """The lines that are not empty at the end."""
    lines = screen.text()
    while lines and not lines[-1]:
        lines.pop()
    return lines


@pytest.mark.parametrize("color_system", [None, "standard", "256", "truecolor"])
def test_changes_lead_to_the_same_as_painting_all(color_system: str | None) -> None:
    palette = Palette(color_system, COLORS)
    before = random_screen(palette, 0)
    changed = Terminal(51, 14).feed(before.whole())
    for seed in range(1, 40):
        after = random_screen(palette, seed)
        changed.feed(after.changes(before))
        whole = Terminal(51, 14).feed(after.whole())
        assert changed.screen() == whole.screen() == texts(after)
        assert changed.styles == whole.styles
        assert (changed.row, changed.column) == (whole.row, whole.column) == (0, 0)
        before = after
    assert changed.wrapped == 0


def test_nothing_is_written_where_nothing_changed() -> None:
    palette = Palette("truecolor", COLORS)
    assert random_screen(palette, 3).changes(random_screen(palette, 3)) == ""


def test_one_cell_that_changed_takes_a_few_characters() -> None:
    palette = Palette("truecolor", COLORS)
    before, after = random_screen(palette, 3), random_screen(palette, 3)
    after.put(5, 40, "x")
    assert after.changes(before) == "\x1b[5B\x1b[40Cx\r\x1b[5A"


def test_without_colours_nothing_but_the_cursor_is_told() -> None:
    screen = random_screen(Palette(None, COLORS), 1)
    screen.put(0, 0, "bold words", "bold red")
    assert set(
        re.findall(r"\x1b\[[\d;]*([a-zA-Z])", screen.whole() + screen.changes(random_screen(Palette(None, COLORS), 2)))
    ) <= set("ABCK")


def test_styles_end_where_they_end() -> None:
    screen = Screen(1, 20, Palette("truecolor", COLORS))
    screen.put(0, screen.put(0, 0, "bold", "bold"), " plain")
    screen.put_cells(0, 10, np.array([[ord(" ")] * 2]), screen.palette.pair(np.array([[3, 3]]), np.array([[0, 1]])))
    assert (
        screen.whole()
        == "\r\x1b[1mbold\x1b[0m plain\x1b[39m\x1b[48;2;68;1;84m \x1b[39m\x1b[48;2;253;231;37m \x1b[0m\x1b[K\r"
    )


def test_texts_end_where_the_room_does() -> None:
    screen = Screen(2, 10, Palette(None, COLORS))
    assert screen.put(0, 7, "too long") == 10
    assert screen.put(1, 0, "too long", "", 5) == 5
    assert screen.put(1, 9, "x") == 10
    assert screen.put(1, 10, "y") == 10
    assert screen.text() == ["       too", "too l    x"]


def test_every_character_takes_one_cell() -> None:
    screen = Screen(1, 10, Palette(None, COLORS))
    assert screen.put(0, 0, "a深b\u0301\x07c") == 6
    assert screen.text() == ["a?b??c"]
    plain = Screen(1, 10, Palette(None, COLORS), "ascii")
    plain.put(0, 0, "a–b")
    assert plain.text() == ["a-b"]


def test_lines_below_each_other_are_cropped_and_filled_up() -> None:
    screen = Screen(3, 8, Palette(None, COLORS))
    screen.put(1, 2, "xxxxxx")
    screen.put_lines(0, 2, ["ab", "much too long", ""], 4)
    assert screen.text() == ["  ab", "  muchxx", ""]
