"""Families whose labels are construction first and measurement second.

What the data are is known, and plain training says what becomes of it.

    python -m benchmarks.diagnosis.constructed [--seeds 0-4] [--only PART OF A NAME]

trains every case of them in plain PyTorch (`learned.py`) and keeps its label in `families/constructed.json`, where it is
clear; or the reason why it is not. A label that the construction does not allow is kept as a fault of the construction, and the
case is in no score.
"""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.diagnosis.case import Case, Family, Label, half_of
from gradlab.config.experiment import Experiment

PLACE = Path(__file__).parent / "families" / "constructed.json"

SICK: tuple[Label, ...] = ("diverged", "dead", "exploding", "vanishing", "saturated", "not_learning")


@dataclass(frozen=True)
class Construction:
    """Cases of one idea.

    Attributes:
        name: What it is called; its digest puts it into a half.
        reason: What follows from the construction.
        allowed: Verdicts that it can have.
        cause: Fields, one of which the leading remedy of a sick run has to set; () where there is no single cause.
        cure: Fields whose change has to make plain training learn, for the cause to count; () where the construction itself says it.
        innocent: Fields that no leading remedy may set.
        cases: Variant -> config.
        many_seeds: Whether it is trained from several seeds.
        splits: Whether each seed also holds out other rows.
    """

    name: str
    reason: str
    allowed: tuple[Label, ...]
    cases: Mapping[str, Mapping[str, Any]] = field(repr=False)
    cause: tuple[str, ...] = ()
    cure: Mapping[str, Any] = field(default_factory=dict)
    innocent: tuple[str, ...] = ()
    many_seeds: bool = True
    splits: bool = False


@dataclass(frozen=True)
class Labelled:
    """A case of a construction with what plain training bore out.

    Attributes:
        label: None where it is unclear or the construction does not allow it.
        why: Why so.
        cured: Whether the construction's cure made it learn.
        ill: Whether it clearly did not learn, whatever it is called.
    """

    construction: Construction
    variant: str
    seed: int
    label: Label | None
    why: str
    cured: bool
    ill: bool


def constructions() -> list[Construction]:
    """All of them."""
    from benchmarks.diagnosis.families import noisy, pace, starts, untidy

    return [*untidy.constructions(), *noisy.constructions(), *starts.constructions(), *pace.constructions()]


def case_of(own: Construction, variant: str, seed: int, label: Label = "healthy", cured: bool = True) -> Case:
    """One case; every seed draws weights and order anew, and the split where the data are noisy."""
    name = variant if seed == 0 else f"{variant}, seed {seed}"
    config = dict(own.cases[variant])
    if own.splits and seed:
        config["data"] = {**config["data"], "seed": seed}
    family = Family(
        own.name, label, own.reason, "measured", {name: config}, cause=own.cause if cured else (), innocent=own.innocent
    )
    weights = int.from_bytes(hashlib.sha256(f"{own.name}: {name}".encode()).digest()[:3])
    return Case(family, name, Experiment.model_validate({"name": "diagnosis", "seed": weights} | config), 1.0)


@cache
def known() -> Mapping[str, tuple[str | None, str, bool, bool]]:
    """Key of a case -> the label and what follows of `Labelled`, as they are in the file."""
    return {key: tuple(entry) for key, entry in json.loads(PLACE.read_text()).items()} if PLACE.exists() else {}


def key_of(own: Construction, variant: str, seed: int) -> str:
    """What names a case in the file; a changed config is another case."""
    config = json.dumps(case_of(own, variant, seed).experiment.canonical(), sort_keys=True)
    return f"{own.name}: {variant}: {seed}: {hashlib.sha256(config.encode()).hexdigest()[:8]}"


def labelled(seeds: Iterable[int] = (0,)) -> list[Labelled]:
    """Every case that has been measured."""
    found = []
    for own in constructions():
        for variant in own.cases:
            for seed in seeds:
                entry = known().get(key_of(own, variant, seed))
                if entry is not None:
                    found.append(Labelled(own, variant, seed, *entry))  # type: ignore[arg-type]
    return found


def cases(seeds: Iterable[int] = (0,)) -> list[Case]:
    """The cases with a clear label, for the scores."""
    return [
        case_of(item.construction, item.variant, item.seed, item.label, item.cured)
        for item in labelled(seeds)
        if item.label is not None
    ]


def without_name(seeds: Iterable[int] = (0,)) -> list[Case]:
    """Cases that clearly did not learn, and whose cause is known, though two verdicts can be argued for: for the score of causes."""
    return [
        case_of(item.construction, item.variant, item.seed, "not_learning")
        for item in labelled(seeds)
        if item.label is None and item.ill and item.cured and item.construction.cause
    ]


def unclear(seeds: Iterable[int] = (0,)) -> list[tuple[Case, str]]:
    """The cases that were left out, with the reason."""
    return [
        (case_of(item.construction, item.variant, item.seed), item.why)
        for item in labelled(seeds)
        if item.label is None
    ]


def measure(own: Construction, variant: str, seeds: Sequence[int]) -> list[tuple[Label | None, str, bool, bool]]:
    """Trains a case's seeds plainly, and those that did not learn once more with the cure."""
    from benchmarks.diagnosis.labelling import label_of
    from benchmarks.diagnosis.learned import observe, recent, silent

    cases = [case_of(own, variant, seed) for seed in seeds]
    found: list[tuple[Label | None, str, bool, bool]] = []
    for case, seen in zip(cases, observe(cases), strict=True):
        label, why = label_of(case, seen)
        if label == "saturated" and silent(case):
            label, why = None, "flat to the last bit: nothing comes through, which is vanishing as well"
        if label is not None and label not in own.allowed:
            label, why = None, f"{label}, which the construction does not allow"
        found.append((label, why, True, label in SICK or (seen.gain is not None and seen.gain.learning == "nothing")))
    calm = [
        index for index, entry in enumerate(found) if own.cause and entry[0] in ("healthy", "undecided", "not_learning")
    ]
    for index, words in zip(calm, recent([cases[index] for index in calm]) if calm else (), strict=True):
        if len(words) > 1:
            found[index] = (None, "it jumps about from step to step", True, False)
    ill = [index for index, entry in enumerate(found) if entry[3] and own.cure]
    if ill:
        for index, seen in zip(ill, observe([_mended(own, cases[index]) for index in ill]), strict=True):
            label, why, _, _ = found[index]
            found[index] = (label, why, seen.gain is not None and seen.gain.learning == "learned", True)
    return found


def _mended(own: Construction, case: Case) -> Case:
    """A case with the construction's cure."""
    config = case.experiment.model_dump(mode="json", exclude_unset=True)
    for path, value in own.cure.items():
        part, name = path.split(".")
        config[part][name] = value
    return replace(case, experiment=Experiment.model_validate(config))


def main() -> int:
    """Measures what is not known yet."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", default="0", help="N or N-M")
    parser.add_argument("--only", nargs="+", default=[""], help="constructions with this in their name")
    parser.add_argument("--again", action="store_true", help="label anew, from what was seen of each")
    wanted = parser.parse_args()
    first, _, last = wanted.seeds.partition("-")
    entries: dict[str, Any] = dict(known())
    among = [own for own in constructions() if any(part in own.name for part in wanted.only)]
    for own in sorted(among, key=lambda own: half_of(own.name)):
        for variant in own.cases:
            seeds = range(int(first), int(last or first) + 1)
            keys = {key_of(own, variant, seed): seed for seed in (seeds if own.many_seeds else seeds[:1])}
            missing = [key for key in keys if wanted.again or key not in entries]
            if not missing:
                continue
            began = time.perf_counter()
            entries |= zip(missing, measure(own, variant, [keys[key] for key in missing]), strict=True)
            labels = ", ".join(f"{entries[key][0] or entries[key][1]}" for key in missing)
            print(f"{time.perf_counter() - began:5.1f} s {own.name}: {variant}: {labels}", file=sys.stderr, flush=True)
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
