"""How often the verdict is wrong, gradlab's and that of the published rules of others, on labelled experiments.

    python -m benchmarks.diagnosis [--old | --new | --networks | --modules] [--seeds 0-4] [--half development|both] [--misses]
                                   [--remedies] [--proofs] [--without-peers] [--write]

Trained records are kept in build/diagnosis, so that judging anew takes seconds. `--new` takes the constructed families alone (untidy
data, noise, starts, pace), `--networks` the normalised, residual and convolutional networks alone, both from the seeds that are named;
`--modules` modules of one's own under a watch (`own`); `--only` those of either with these words in their name. `--half development` keeps
the held-out halves out of sight: that is how limits are worked on.
"""

import argparse
import os
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

from benchmarks.diagnosis import (
    constructed,
    document,
    invariance,
    judged_cases,
    network_labels,
    remedied,
    scoring,
    tables,
)
from benchmarks.diagnosis.case import Case, Half, cases_of
from benchmarks.diagnosis.drawn import UNTOUCHED
from benchmarks.diagnosis.families import all_families, networks
from benchmarks.diagnosis.labelling import label_of
from benchmarks.diagnosis.learned import observe
from benchmarks.diagnosis.own import cases as own_cases
from benchmarks.diagnosis.own import recording as own_recording
from benchmarks.diagnosis.own import scoring as own_scoring
from benchmarks.diagnosis.peers import attach
from benchmarks.diagnosis.proofs import Measured, prove, proven, same_run
from benchmarks.diagnosis.trained import Kept, train

HALVES: tuple[Half, ...] = ("development", "held out")


def main() -> int:
    """Trains what is not kept, judges, prints."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--half", choices=("development", "both"), default="both")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--new", action="store_true", help="the constructed families alone")
    which.add_argument("--old", action="store_true", help="the families of dense stacks on tidy data alone")
    which.add_argument("--networks", action="store_true", help="normalised, residual and convolutional networks alone")
    which.add_argument("--modules", action="store_true", help="modules of one's own alone")
    parser.add_argument("--only", default="", help="of the networks, families with these words in their name")
    parser.add_argument("--seeds", default="0", help="of the constructed families and the networks: N or N-M")
    parser.add_argument("--proofs", action="store_true", help="check every label by plain training as well (minutes)")
    parser.add_argument("--remedies", action="store_true", help="follow every remedy and train again")
    parser.add_argument("--without-peers", action="store_true", help="gradlab alone")
    parser.add_argument(
        "--misses", action="store_true", help="name the cases that gradlab misses, of the development half"
    )
    parser.add_argument("--write", action="store_true", help="put the tables into the pages of the docs")
    wanted = parser.parse_args()
    begun = time.perf_counter()
    halves = HALVES if wanted.half == "both" else HALVES[:1]
    parts: dict[str, str] = {}
    unproven = 0
    alone = wanted.new or wanted.old or wanted.networks or wanted.modules
    if wanted.old or not alone:
        unproven = _old(wanted, halves, parts)
    if wanted.new or not alone:
        _new(wanted, halves, parts)
    if wanted.networks or not alone:
        _networks(wanted, halves, parts)
    if wanted.modules or not alone:
        _modules(wanted, halves, parts)
    if wanted.write:
        document.write(parts, all_families(), networks.families())
    print(f"\n{time.perf_counter() - begun:.0f} s")
    return 1 if unproven else 0


def _seeds(wanted: argparse.Namespace) -> range:
    first, _, last = wanted.seeds.partition("-")
    return range(int(first), int(last or first) + 1)


def _networks(wanted: argparse.Namespace, halves: tuple[Half, ...], parts: dict[str, str]) -> None:
    """Normalised, residual and convolutional networks."""
    every = [
        case
        for case in network_labels.cases(_seeds(wanted))
        if case.family.half in halves and wanted.only in case.family.name
    ]
    summaries = judged_cases.summarise(every, train(every))
    for half in halves:
        own = [case for case in every if case.family.half == half]
        _show(parts, f"network seeds {half}", judged_cases.seeds(own, summaries))
        _show(parts, f"network rates {half}", judged_cases.rates(own, summaries))
    if wanted.misses:
        print(*judged_cases.misses([case for case in every if case.family.half == "development"], summaries), sep="\n")


def _modules(wanted: argparse.Namespace, halves: tuple[Half, ...], parts: dict[str, str]) -> None:
    """Modules of one's own."""
    every = [own for own in own_cases.cases() if own.group in (*halves, "later", "third") and wanted.only in own.name]
    every = [own for own in every if own.group not in ("later", "third") or wanted.half == "both"]
    kept = own_recording.record(every)
    for group in dict.fromkeys(own.group for own in every):
        own = [each for each in every if each.group == group]
        _show(parts, f"module balance {group}", own_scoring.balances(own, kept))
        _show(parts, f"module rates {group}", own_scoring.rates(own, kept))
        parts[f"modules {group}"] = own_scoring.listed(own)
    slowest = max(every, key=lambda each: kept[each.name].seconds)
    print(f"\nslowest to train, with all that looks at it: {slowest.name}, {kept[slowest.name].seconds:.1f} s")
    if wanted.misses:
        print(*own_scoring.misses([each for each in every if each.group == "development"], kept), sep="\n")


def _new(wanted: argparse.Namespace, halves: tuple[Half, ...], parts: dict[str, str]) -> None:
    """The constructed families."""
    seeds = _seeds(wanted)
    every = [case for case in constructed.cases(seeds) if case.family.half in halves]
    more = [case for case in constructed.without_name(seeds) if case.family.half in halves]
    kept = train([*every, *more])
    summaries = judged_cases.summarise([*every, *more], kept)
    for half in halves:
        own = [case for case in every if case.family.half == half]
        _show(parts, f"seeds {half}", judged_cases.seeds(own, summaries))
        _show(parts, f"new rates {half}", judged_cases.rates(own, summaries))
        own += [case for case in more if case.family.half == half]
        _show(parts, f"causes {half}", judged_cases.named(own, summaries))
    _show(parts, "pairs", judged_cases.pairs([*every, *more], summaries))
    unclear = [(case, why) for case, why in constructed.unclear(seeds[:1]) if case.family.half in halves]
    said = judged_cases.summarise([case for case, _ in unclear], train([case for case, _ in unclear]))
    _show(parts, "unclear", judged_cases.left_out(unclear, said))
    if wanted.misses:
        print(*judged_cases.misses([case for case in every if case.family.half == "development"], summaries), sep="\n")
        without = [case for case in more if case.family.half == "development"]
        print(*judged_cases.misses(without, summaries, verdicts=False), sep="\n")
    if wanted.remedies:
        own = [case for case in every if case.family.half == "development" and judged_cases.seed_of(case) == 0]
        _followed(wanted, own, kept, parts, "new ")


def _show(parts: dict[str, str], name: str, text: str) -> None:
    """Keeps a table for the docs and prints it."""
    parts[name] = text
    print(f"\n{name}\n\n{text}")


def _followed(
    wanted: argparse.Namespace, cases: list[Case], kept: dict[str, Kept], parts: dict[str, str], which: str
) -> None:
    """Remedies of the development half, those that were worked on and those that were only read."""
    followed = remedied.follow(cases, kept)
    for name, own in (("worked on", True), ("only read", False)):
        rows = [item for item in followed if item.tuned is own]
        _show(parts, f"{which}remedies {name}", tables.remedies(rows))
    if wanted.misses:
        for item in followed:
            if item.tuned and not item.cured(1):
                print(
                    f"{item.verdict} -> {' -> '.join(item.after) or 'no setting'}: {item.case.name} | {' || '.join(item.remedies)}"
                )


def _old(wanted: argparse.Namespace, halves: tuple[Half, ...], parts: dict[str, str]) -> int:
    """The families from before, the other tools and what must not change a verdict; how many labels are not borne out."""
    everything = [case for family in all_families() for case in cases_of(family) if family.half in halves]
    cases = [case for case in everything if not case.family.borderline]
    margins = [case for case in everything if case.family.borderline]
    kept = train(everything, None if wanted.without_peers else attach)
    tools = scoring.tools()[: 1 if wanted.without_peers else None]
    untouched = [case for case in cases if case.family.name.startswith(f"drawn {UNTOUCHED},")]
    groups = {half: [case for case in cases if case.family.half == half] for half in halves}
    for half, own in [*groups.items(), *([("untouched", untouched)] if untouched else [])]:
        scores = [scoring.score(tool, own, kept) for tool in tools]
        print(f"\n{half}, {len(own)} cases in {len({case.family.name for case in own})} families: balanced accuracy")
        _show(parts, f"balance {half}", tables.balances(scores))
        print("\nmissed / false alarms by verdict, %")
        _show(parts, f"rates {half}", tables.rates(scores))
    summaries = judged_cases.summarise(everything, kept)
    for half, own in groups.items():
        _show(parts, f"intervals {half}", judged_cases.rates(own, summaries))
    if wanted.misses:
        print(*judged_cases.misses([case for case in cases if case.family.half == "development"], summaries), sep="\n")
    pairs = [*invariance.scaled(cases, kept), *invariance.wider(), *invariance.to_zero_loss()]
    _show(parts, "invariance", tables.invariances(pairs))
    for pair in pairs:
        if pair.before != pair.after or pair.after != pair.expected:
            print(f"{pair.change}: {pair.name}: {pair.expected}, {pair.before} -> {pair.after}")
    verdicts = {case.name: summaries[case.name].verdict for case in margins}
    _show(parts, "borderline", tables.borderline(margins, verdicts))
    if wanted.remedies:
        _followed(wanted, [case for case in cases if case.family.half == "development"], kept, parts, "")
    return _proofs(cases, kept) if wanted.proofs else 0


def _proofs(cases: list[Case], kept: dict[str, Kept]) -> int:
    """Says which labels plain training does not bear out, and where it went another way; the number of the former."""
    seen = prove(cases)
    checked = [case for case in cases if case.family.proof != "theory"]
    wrong = [case for case in checked if not _borne_out(case, seen[case.name])]
    print(f"\nlabels checked by plain training: {len(checked)}, not borne out: {len(wrong)}")
    for case in wrong:
        print(f"{case.label:>12}, proofs hold of {proven(case, seen[case.name])}: {case.name}")
    apart = [case.name for case in cases if not same_run(seen[case.name], kept[case.name])]
    print(f"trainings that went another way than gradlab's: {len(apart)}", *apart, sep="\n  ")
    return len(wrong)


def _borne_out(case: Case, seen: Measured) -> bool:
    """Whether plain training shows a case's label."""
    if case.family.proof == "measured":
        return label_of(case, observe([case])[0])[0] == case.label
    return proven(case, seen)[:1] == [case.label]


if __name__ == "__main__":
    sys.exit(main())
