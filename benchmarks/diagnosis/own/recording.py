"""Records of the labelled modules, taken by a watch while their own loops train them, and kept between runs of the benchmark."""

import hashlib
import inspect
import pickle
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

import gradlab
from benchmarks.diagnosis.own.nets import Net
from benchmarks.diagnosis.own.peers import Collector, PeerRecord
from benchmarks.diagnosis.own.tasks import task_of
from benchmarks.diagnosis.own.training import Observer, Own, train
from gradlab.config.modules import WatchedExperiment, WatchedRecording
from gradlab.results.record import Outcome, Record
from gradlab.training.watching.options import Options
from gradlab.training.watching.watcher import Watcher

PLACE = Path("build/diagnosis/own")

DRAW = 0
"""Seed that is judged; labels rest on others."""


@dataclass(frozen=True)
class Kept:
    """What the rules, gradlab's and the others', judge of one case.

    Attributes:
        experiment: What is known of the run.
        record: gradlab's record.
        outcome: How the run ended.
        peer: What the other tools look at, from the same training.
        seconds: What it took.
    """

    experiment: WatchedExperiment
    record: Record | None
    outcome: Outcome
    peer: PeerRecord
    seconds: float


def record(cases: Sequence[Own]) -> dict[str, Kept]:
    """Trains what is not kept yet.

    Returns:
        Name of the case -> what was recorded.
    """
    kept = {}
    for own in cases:
        path = PLACE / f"{_key(own)}.pickle"
        if not path.exists():
            PLACE.mkdir(parents=True, exist_ok=True)
            path.write_bytes(pickle.dumps(watched(own)))
        kept[own.name] = pickle.loads(path.read_bytes())
    return kept


class _Watched(Observer):
    """Watches a training, and lets the other tools look at the same."""

    def __init__(self, own: Own) -> None:
        self.own = own

    def begun(self, net: Net, optimizer: Any) -> None:
        """Attaches both."""
        self.peer = Collector(net)
        self.watcher = Watcher(net, optimizer, options=Options(keep=8))

    def log(self, step: int, loss: float, accuracy: float | None) -> None:
        """Tells both."""
        self.peer.backward(loss)
        if self.own.logged:
            self.watcher.log(loss=loss, **({} if accuracy is None else {"accuracy": accuracy}))

    def updated(self) -> None:
        """Tells the other tools."""
        self.peer.updated()


def watched(own: Own) -> Kept:
    """Trains a case and records it."""
    torch.set_num_threads(1)
    began, seen = time.process_time(), _Watched(own)
    course = train(own, own.begun(DRAW), order=DRAW, observer=seen)
    seen.watcher.close()
    model, told = seen.watcher.experiment_parts()
    chance = task_of(own.task).constant if own.chance and own.logged and not own.is_gan else None
    found = seen.watcher.record()
    if found is not None and chance is not None:
        found = replace(found, constant_loss=chance)
    experiment = WatchedExperiment(
        name="diagnosis", model=model, train=told, record=WatchedRecording(chance_loss=chance)
    )
    return Kept(experiment, found, seen.watcher.outcome(), seen.peer.record(course.finite), time.process_time() - began)


def _key(own: Own) -> str:
    """What a case's record depends on: what it is, and the code that trains, records and collects."""
    package = Path(gradlab.__file__).parent
    files = [*sorted((package / "training" / "watching").rglob("*.py")), *sorted(Path(__file__).parent.glob("*.py"))]
    digest = hashlib.sha256(f"{own} {inspect.getsource(own.build)}".encode())
    for path in files:
        if path.name not in ("cases.py", "measuring.py", "scoring.py"):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:20]
