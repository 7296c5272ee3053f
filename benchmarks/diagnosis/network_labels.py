"""Labels of normalised, residual and convolutional networks: kept where plain training bears out what a case was constructed for.

    python -m benchmarks.diagnosis.network_labels [--only PART OF A NAME] [--again]

trains every case from `modules.DRAWS` in plain PyTorch, and keeps its label in `families/networks.json`, or why it has none. Which half
a case belongs to follows from the names of the families of its verdict alone (`networks._halved`).
"""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.diagnosis.case import Case, Family, cases_of
from benchmarks.diagnosis.families import networks

PLACE = Path(__file__).parent / "families" / "networks.json"


@cache
def known() -> Mapping[str, tuple[str | None, str]]:
    """Key of a case -> its label, and why it has none."""
    return {key: tuple(entry) for key, entry in json.loads(PLACE.read_text()).items()} if PLACE.exists() else {}


def key_of(family: Family, variant: str) -> str:
    """What names a case in the file; a changed config is another case."""
    config = json.dumps(family.cases[variant], sort_keys=True, ensure_ascii=False)
    return f"{family.name}: {variant}: {hashlib.sha256(config.encode()).hexdigest()[:8]}"


def cases(seeds: Sequence[int] = (0,)) -> list[Case]:
    """The cases whose label plain training bears out, with other weights and another order for every seed."""
    found: list[Case] = []
    for family in networks.families():
        own = {variant: each for variant, each in family.cases.items() if _label(family, variant) == family.label}
        for seed in seeds:
            named = {variant if seed == 0 else f"{variant}, seed {seed}": each for variant, each in own.items()}
            found += cases_of(replace(family, cases=named))
    return found


def _label(family: Family, variant: str) -> str | None:
    return known().get(key_of(family, variant), (None, ""))[0]


def main() -> int:
    """Measures what is not known yet."""
    from benchmarks.diagnosis.modules import label_of

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default="", help="families with this in their name")
    parser.add_argument("--again", action="store_true", help="those that are known too")
    wanted = parser.parse_args()
    entries: dict[str, Any] = {}
    waiting: list[tuple[str, Case]] = []
    for family in networks.families():
        for case in cases_of(family):
            key = key_of(family, case.variant)
            if key in known():
                entries[key] = known()[key]
            if wanted.only in family.name and (key not in entries or wanted.again):
                waiting.append((key, case))
    # The quick ones first.
    for key, case in sorted(waiting, key=lambda each: each[1].experiment.model.kind == "conv"):
        began = time.perf_counter()
        entries[key] = label_of(case)
        said = entries[key][0] or f"not {case.label}: {entries[key][1]}"
        print(f"{time.perf_counter() - began:5.1f} s {case.name}: {said}", file=sys.stderr, flush=True)
        _keep({**known(), **entries})
    _keep(entries)
    return 0


def _keep(entries: Mapping[str, Any]) -> None:
    lines = (
        f"  {json.dumps(key, ensure_ascii=False)}: {json.dumps(entry, ensure_ascii=False)}"
        for key, entry in sorted(entries.items())
    )
    PLACE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    sys.exit(main())
