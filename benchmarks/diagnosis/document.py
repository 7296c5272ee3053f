"""Puts the tables into the pages of the docs, between the marks that stand there for them."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.diagnosis.case import Family, Half
from benchmarks.diagnosis.tables import families_of

PAGES = (Path("docs/diagnosis.md"), Path("docs/benchmarks/diagnosis.md"))
"""For users; and all the rest."""


def write(parts: Mapping[str, str], families: Sequence[Family], networks: Sequence[Family]) -> None:
    """Replaces what stands between `<!-- NAME -->` and `<!-- end -->` for every part that there is.

    Args:
        parts: Name -> Markdown.
        families: Those of dense stacks on tidy data, for the lists of both halves.
        networks: Those of normalised, residual and convolutional networks.
    """
    every = dict(parts)
    halves: tuple[Half, Half] = ("development", "held out")
    for half in halves:
        every[f"families {half}"] = families_of(families, half)
        every[f"network families {half}"] = families_of(networks, half)
    for page in PAGES:
        text = page.read_text()
        for name, part in every.items():
            mark = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
            text = mark.sub(lambda found, part=part: f"{found[1]}\n{part}\n\n{found[2]}", text)
        page.write_text(text)
