"""How often a comparison calls equal sides different, and how often it sees a shift, by simulation.

`python benchmarks/comparing.py` prints the tables, `--write` puts them into docs/comparing.md; some ten minutes on one core.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from made.drawn_sides import DRAWS, share_of_pairs_told_apart, share_told_apart

PAGE = Path(__file__).parents[1] / "docs" / "comparing.md"
NUM, NUM_PAIRS = 20_000, 10_000
SIZES = (2, 3, 5, 10)
UNEQUAL = ((2, 3), (2, 10), (3, 5), (5, 8), (3, 10), (10, 20))


def percent(share: float) -> str:
    """A share in percent, without the sign."""
    return f"{100 * share:.1f}"


def rates() -> Iterator[str]:
    """Error and power of sides of one size, by distribution and scale."""
    yield f"| values | looked at | {' | '.join(f'n = {size}' for size in SIZES)} | 2 sd at n = 5 | 4 sd at n = 3 |"
    yield "|---|---|" + "---:|" * (len(SIZES) + 2)
    for name, draw in DRAWS.items():
        for figure, scale in (("loss", "by ratio too"), ("accuracy", "as they are")):
            error = [share_told_apart(figure, draw, (size, size), num=NUM) for size in SIZES]
            seen = [share_told_apart(figure, draw, (n, n), shift=shift, num=NUM) for n, shift in ((5, 2.0), (3, 4.0))]
            yield f"| {name} | {scale} | {' | '.join(map(percent, error + seen))} |"


def unequal() -> Iterator[str]:
    """Error of sides of two sizes."""
    yield f"| values | looked at | {' | '.join(f'{one} against {two}' for one, two in UNEQUAL)} |"
    yield "|---|---|" + "---:|" * len(UNEQUAL)
    for name in ("normal", "log-normal", "64 examples", "three values"):
        for figure, scale in (("loss", "by ratio too"), ("accuracy", "as they are")):
            error = [share_told_apart(figure, DRAWS[name], sizes, num=NUM_PAIRS) for sizes in UNEQUAL]
            yield f"| {name} | {scale} | {' | '.join(map(percent, error))} |"


def pairs() -> Iterator[str]:
    """Error and power of sides that have the same seeds."""
    sizes = (2, 3, 5, 10)
    columns = [*(f"error, n = {size}" for size in sizes), *(f"seen, n = {size}" for size in sizes[1:])]
    yield f"| correlation over seeds | {' | '.join(columns)} |"
    yield "|---:|" + "---:|" * len(columns)
    for correlation in (0.0, 0.5, 0.9, 0.99):
        error = [share_of_pairs_told_apart(correlation, size, num=NUM_PAIRS) for size in sizes]
        seen = [share_of_pairs_told_apart(correlation, size, shift=2.0, num=NUM_PAIRS) for size in sizes[1:]]
        yield f"| {correlation:g} | {' | '.join(map(percent, error + seen))} |"


if __name__ == "__main__":
    text = PAGE.read_text()
    for name, lines in (("rates", rates()), ("unequal", unequal()), ("pairs", pairs())):
        table = "\n".join(lines)
        print(table, end="\n\n", flush=True)
        text = re.sub(rf"(?<=<!-- {name} -->\n).*?(?=<!-- end -->)", f"{table}\n", text, flags=re.DOTALL)
    if "--write" in sys.argv[1:]:
        PAGE.write_text(text)
