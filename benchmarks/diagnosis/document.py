"""Puts the tables into docs/diagnosis.md, between the marks that stand there for them."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.diagnosis.case import Family
from benchmarks.diagnosis.tables import families_of


def write(page: Path, parts: Mapping[str, str], families: Sequence[Family]) -> None:
    """Replaces what stands between `<!-- NAME -->` and `<!-- end -->` for every part that there is.

    Args:
        page: The page.
        parts: Name -> Markdown.
        families: All of them, for the lists of both halves.
    """
    text = page.read_text()
    every = dict(parts)
    every["families development"] = families_of(families, "development")
    every["families held out"] = families_of(families, "held out")
    for name, part in every.items():
        mark = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
        text = mark.sub(lambda found, part=part: f"{found[1]}\n{part}\n\n{found[2]}", text)
    page.write_text(text)
