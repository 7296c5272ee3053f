"""How often the verdict is wrong, gradlab's and that of the published rules of others, on labelled experiments.

    python -m benchmarks.diagnosis [--half development|both] [--proofs] [--remedies] [--without-peers] [--write docs/diagnosis.md]

Trained records are kept in build/diagnosis, so that judging anew takes seconds. `--half development` keeps the held-out half out of
sight: that is how limits are worked on.
"""

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from benchmarks.diagnosis import document, invariance, remedied, scoring, tables
from benchmarks.diagnosis.case import Case, Half, cases_of
from benchmarks.diagnosis.drawn import UNTOUCHED
from benchmarks.diagnosis.families import all_families
from benchmarks.diagnosis.peers import attach
from benchmarks.diagnosis.proofs import prove, proven, same_run
from benchmarks.diagnosis.trained import Kept, train

HALVES: tuple[Half, ...] = ("development", "held out")


def main() -> int:
    """Trains what is not kept, judges, prints."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--half", choices=("development", "both"), default="both")
    parser.add_argument("--proofs", action="store_true", help="check every label by plain training as well (minutes)")
    parser.add_argument("--remedies", action="store_true", help="follow every remedy and train again")
    parser.add_argument("--without-peers", action="store_true", help="gradlab alone")
    parser.add_argument("--misses", action="store_true", help="name the cases that gradlab misses")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables into a page of the docs")
    wanted = parser.parse_args()
    begun = time.perf_counter()
    halves = HALVES if wanted.half == "both" else HALVES[:1]
    everything = [case for family in all_families() for case in cases_of(family) if family.half in halves]
    cases = [case for case in everything if not case.family.borderline]
    margins = [case for case in everything if case.family.borderline]
    kept = train(everything, None if wanted.without_peers else attach)
    tools = scoring.tools()[: 1 if wanted.without_peers else None]
    parts: dict[str, str] = {}
    untouched = [case for case in cases if case.family.name.startswith(f"drawn {UNTOUCHED},")]
    groups = {half: [case for case in cases if case.family.half == half] for half in halves}
    for half, own in [*groups.items(), *([("untouched", untouched)] if untouched else [])]:
        scores = [scoring.score(tool, own, kept) for tool in tools]
        parts[f"balance {half}"] = tables.balances(scores)
        parts[f"rates {half}"] = tables.rates(scores)
        print(f"\n{half}, {len(own)} cases in {len({case.family.name for case in own})} families: balanced accuracy\n")
        print(parts[f"balance {half}"])
        print("\nmissed / false alarms by verdict, %\n")
        print(parts[f"rates {half}"])
    verdicts = {case.name: tools[0].judge(case, kept[case.name]) for case in everything}
    if wanted.misses:
        for case in cases:
            if verdicts[case.name] != case.label:
                print(f"{case.label:>12} -> {verdicts[case.name]:<12} {case.name}")
    pairs = [*invariance.scaled(cases, kept), *invariance.wider(), *invariance.to_zero_loss()]
    parts["invariance"] = tables.invariances(pairs)
    print(f"\nwhat must not change a verdict\n\n{parts['invariance']}")
    for pair in pairs:
        if pair.before != pair.after or pair.after != pair.expected:
            print(f"{pair.change}: {pair.name}: {pair.expected}, {pair.before} -> {pair.after}")
    parts["borderline"] = tables.borderline(margins, verdicts)
    print(f"\nborderline cases\n\n{parts['borderline']}")
    if wanted.remedies:
        own = [case for case in cases if case.family.half == "development"]
        followed = remedied.follow(own, kept)
        parts["remedies"] = tables.remedies(followed)
        print(f"\nremedies followed, development half\n\n{parts['remedies']}")
        if wanted.misses:
            for item in followed:
                if item.after != "healthy":
                    print(f"{item.verdict:>12} -> {item.after} {item.case.name} | {item.remedy}")
    unproven = _proofs(cases, kept) if wanted.proofs else None
    if wanted.write is not None:
        document.write(wanted.write, parts, all_families())
    print(f"\n{time.perf_counter() - begun:.0f} s")
    return 1 if unproven else 0


def _proofs(cases: list[Case], kept: dict[str, Kept]) -> int:
    """Says which labels plain training does not bear out, and where it went another way; the number of the former."""
    seen = prove(cases)
    checked = [case for case in cases if case.family.proof != "theory"]
    wrong = [case for case in checked if proven(case, seen[case.name])[:1] != [case.label]]
    print(f"\nlabels checked by plain training: {len(checked)}, not borne out: {len(wrong)}")
    for case in wrong:
        print(f"{case.label:>12}, proofs hold of {proven(case, seen[case.name])}: {case.name}")
    apart = [case.name for case in cases if not same_run(seen[case.name], kept[case.name])]
    print(f"trainings that went another way than gradlab's: {len(apart)}", *apart, sep="\n  ")
    return len(wrong)


if __name__ == "__main__":
    sys.exit(main())
