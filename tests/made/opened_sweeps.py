"""Sweeps as they are read back, made by hand, for tests of their page."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from made.deep_runs import record
from made.sweeps import Member, failed, gate, member, seen

from gradlab.judgement.comparing.profiles import Depths, depths_of
from gradlab.report.views.opened_sweep import OpenedSweep, sample
from gradlab.results.sweeps.members import MissingMember

HOSTILE = "<script>alert(1)</script>\"'&amp; \u202eRTL\u202c 🎉 שלום {{x}} ${y} </textarea><b>"
"""Text that must stay text."""


def opened(
    members: Sequence[Member],
    depth: Callable[[int], int | None] = lambda place: 5,
    missing: Sequence[MissingMember] = (),
    ungated: str = "",
    unread: dict[str, str] | None = None,
    **told: Any,
) -> OpenedSweep:
    """A sweep of these members.

    Args:
        members: In the order of the sweep.
        depth: Hidden layers of the member at a place, None where nothing was recorded of it.
        missing: Members without a run.
        ungated: Why the gates were not judged.
        unread: Id -> why a run's tables cannot be read.
        **told: As for `swept.seen`.
    """
    drawn = sample(members)
    recorded: dict[int, Depths | None] = {}
    found = {}
    for place, (_, run) in enumerate(members):
        layers = depth(place)
        if layers is not None and run.id in drawn:
            if layers not in recorded:
                recorded[layers] = depths_of(record(layers, 3))
            depths = recorded[layers]
            assert depths is not None
            found[run.id] = depths
    return OpenedSweep(
        view=seen(members, **told),
        members=tuple(members),
        num_planned=len(members) + len(missing),
        missing=tuple(missing),
        ungated=ungated,
        unread=unread or {},
        drawn=drawn,
        depths=found,
    )


def hostile(path: Path = Path("runs/sweeps/init_by_depth-0f1e2d3c4b5a")) -> OpenedSweep:
    """A sweep all of whose texts are hostile: values, axes, gates, reasons, messages."""
    values, keys = (HOSTILE, None, "x" * 300, True, 3.5), ("<b>bold</b>", None, 1, 2)
    pairs = [(value, key) for value in values for key in keys]
    members = [
        member(
            {"model.activation": value, f"{HOSTILE}.key": key}, place % 2, number=place, verdict=["dead", "healthy"][place % 2]
        )
        for place, (value, key) in enumerate(pairs)
    ]  # fmt: skip
    members.append(failed({"model.activation": HOSTILE, f"{HOSTILE}.key": 1}, f"Error: {HOSTILE}\n\x1b[2J", number=99))
    return opened(
        members,
        gates=(gate(f"count(verdict == {HOSTILE}) == 0", False, HOSTILE, [({HOSTILE: HOSTILE}, False, HOSTILE, 3)]),),
        missing=(MissingMember("0" * 12, {"model.activation": HOSTILE}, 3, f"bad {HOSTILE}", damaged=True),),
        path=path,
    )
