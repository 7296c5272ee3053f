"""Sweeps as sides of a comparison, read as a sweep's file is and never trained."""

from collections.abc import Callable, Collection, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from made.deep_runs import TIMING, summary

from gradlab.config.sweeps import sweep as reader
from gradlab.config.sweeps.sweep import SweepMember
from gradlab.judgement.comparing.sweep_points import SweepSide
from gradlab.results.record import Summary
from gradlab.results.stored import StoredRun
from gradlab.results.sweeps.directory import StoredMember, SweepPlan
from gradlab.results.sweeps.members import MissingMember

EXPERIMENT: Mapping[str, Any] = {
    "model": {"depth": 4, "width": 8, "activation": "tanh", "init": "he"},
    "data": {"source": "xor", "samples": 200, "batch_size": 16},
    "train": {"lr": 0.01},
}


def unread() -> None:
    raise AssertionError("two sweeps are compared without opening any run's record")


def came_to(loss: float, accuracy: float = 0.5, **changes: Any) -> Summary:
    """A healthy run with this loss and accuracy at its end."""
    told = {
        "verdict": "healthy",
        "init": {"loss": 0.7},
        "final": {"loss": loss, "accuracy": accuracy, "backward_decades": -0.5},
        "learning_layers": 4,
        "expectations": (),
        "findings": (),
    }
    return summary(**(told | changes))


def plain(member: SweepMember) -> Summary:
    """A loss that goes by the seed alone."""
    return came_to(0.3 + 0.01 * (member.experiment.seed or 0))


def side(
    path: str = "main/runs/sweeps/S-0123456789ab",
    come_to: Callable[[SweepMember], Summary] = plain,
    missing: Collection[int] = (),
    folder: Path = Path(),
    **sections: Any,
) -> SweepSide:
    """A sweep of `EXPERIMENT`; other sections replace its own.

    Args:
        path: Of its directory.
        come_to: What a member's run came to.
        missing: Places of members that have no run.
        folder: In which its file lies.
        **sections: Of its file.
    """
    given = {"name": "S", "seeds": "0-2"} | sections
    if not {"base", "bases", "experiment"} & set(sections):
        given["experiment"] = EXPERIMENT
    found = reader.from_mapping(given, folder=folder)
    members: list[tuple[StoredMember, StoredRun | MissingMember]] = []
    for place, member in enumerate(found.members):
        asked = member.experiment
        own = sha256(repr(asked.canonical()).encode()).hexdigest()[:12]
        planned = StoredMember(own, member.point, asked.model_dump(mode="json"))
        if place in missing:
            members.append(
                (planned, MissingMember(own, member.point, asked.seed, "not trained yet, or removed", False))
            )
        else:
            at = Path(path).parent.parent / f"{asked.name}-{own}"
            members.append((planned, StoredRun(own, at, asked, come_to(member), {}, TIMING, read=unread)))
    plan = SweepPlan("0123456789ab", found.name, found.axes, (), "cpu", tuple(one for one, _ in members))
    return SweepSide(plan, Path(path), tuple(members))
