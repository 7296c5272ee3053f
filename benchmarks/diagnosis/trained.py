"""Cases trained by gradlab, in batches of one shape, each once; what was recorded is kept between runs of the benchmark."""

import functools
import hashlib
import json
import pickle
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import gradlab
import gradlab.training
from benchmarks.diagnosis.case import Case
from gradlab.config.experiment import Data
from gradlab.datasets import Dataset, load
from gradlab.datasets.loading import digest
from gradlab.network.losses import Head
from gradlab.results.record import Outcome, Record
from gradlab.results.versions import NUMERICS_VERSION
from gradlab.training.engine import Batch

PLACE = Path("build/diagnosis/records")

ROOMS = ("training", "network", "datasets", "results/record.py")
"""Of gradlab: what is trained anew when they change."""

MOST_RUNS = 16
"""Runs of a batch."""


@dataclass(frozen=True)
class Kept:
    """What the rules, gradlab's and the others', judge of one case.

    Attributes:
        record: gradlab's record.
        outcome: How the run ended.
        peer: What the other tools measure, from the same training.
        seconds: What it took, its share of the batch.
    """

    record: Record | None
    outcome: Outcome
    peer: Any
    seconds: float


Collect = Callable[[Batch], Callable[[int], Any]]
"""Attaches itself to a batch before it trains, and then gives what it collected of each run."""


class ScaledHead:
    """A head whose loss, and so every gradient, is multiplied; by a power of two, so that not a digit changes."""

    def __init__(self, head: Head, scale: float) -> None:
        self._head, self._scale = head, scale

    def __getattr__(self, name: str) -> Any:
        return getattr(self._head, name)

    def __call__(self, logits_RBC: Tensor, targets: Tensor, gradient_RBC: Tensor | None) -> None:
        """See `Head`."""
        self._head(logits_RBC, targets, gradient_RBC)
        self._head.loss_and_right_2RB[0].mul_(self._scale)
        if gradient_RBC is not None:
            gradient_RBC.mul_(self._scale)


def batch_of(cases: Sequence[Case], dataset: Dataset) -> Batch:
    """A batch of cases of one key and one scale of the loss: runs of a batch share their loss."""
    batch = Batch([case.experiment for case in cases], dataset, torch.device("cpu"))
    (scale,) = {case.loss_scale for case in cases}
    if scale != 1.0:
        batch.head = batch.step.head = ScaledHead(batch.head, scale)  # type: ignore[assignment]
    return batch


def train(cases: Sequence[Case], collect: Collect | None = None, say: bool = True) -> dict[str, Kept]:
    """Trains what is not kept yet.

    Args:
        cases: With distinct names.
        collect: Measures what the other tools judge.
        say: Whether progress goes to stderr.

    Returns:
        Name of the case -> what was recorded.
    """
    kept: dict[str, Kept] = {}
    waiting: dict[tuple[str, str, float], list[Case]] = defaultdict(list)
    for case in cases:
        found = _read(case, collect is not None)
        if found is not None:
            kept[case.name] = found
        else:
            waiting[case.experiment.batch_key(), case.experiment.data.model_dump_json(), case.loss_scale].append(case)
    batches = [group[at : at + MOST_RUNS] for group in waiting.values() for at in range(0, len(group), MOST_RUNS)]
    begun = time.perf_counter()
    for index, batch in enumerate(batches):
        if say and sys.stderr.isatty():
            print(
                f"\rtraining {index + 1}/{len(batches)} {batch[0].name[:70]:<70}", end="", file=sys.stderr, flush=True
            )
        for case, result in zip(batch, _train(batch, collect), strict=True):
            _write(case, result)
            kept[case.name] = result
    if batches and say:
        print(
            f"\rtrained {sum(map(len, batches))} runs in {time.perf_counter() - begun:.0f} s{'':<70}", file=sys.stderr
        )
    return kept


def _train(cases: Sequence[Case], collect: Collect | None) -> list[Kept]:
    """Trains one batch."""
    first = cases[0].experiment
    batch = batch_of(cases, dataset_of(first.data, first.train.loss))
    collected = None if collect is None else collect(batch)
    begun = time.perf_counter()
    results = batch.train()
    seconds = (time.perf_counter() - begun) / len(cases)
    return [
        Kept(
            _scaled(result.record, cases[run].loss_scale),
            result.outcome,
            None if collected is None else collected(run),
            seconds,
        )
        for run, result in enumerate(results)
    ]


def _scaled(record: Record | None, scale: float) -> Record | None:
    """A record whose constant answer's loss is on the scale of the run's."""
    if record is None or record.constant_loss is None:
        return record
    return replace(record, constant_loss=scale * record.constant_loss)


_DATASETS: dict[str, Dataset] = {}


def dataset_of(data: Data, loss: str) -> Dataset:
    """A data set, read or drawn once."""
    key = f"{data.model_dump_json()} {loss}"
    if key not in _DATASETS:
        _DATASETS[key] = load(data, loss)
    return _DATASETS[key]


def content_of(case: Case) -> str:
    """What a case's numbers depend on, whoever computes them."""
    content = {
        "experiment": case.experiment.canonical(), "scale": case.loss_scale, "numerics": NUMERICS_VERSION,
        "torch": torch.__version__,
    }  # fmt: skip
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:20]


def key_of(case: Case) -> str:
    """What a case's record depends on: its content, the bytes of its data file, and the code that trains and records."""
    parts = (content_of(case), digest(case.experiment.data), _code())
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:20]


@functools.cache
def _code() -> str:
    """Digest of the rooms whose code decides what is in a record."""
    package = Path(gradlab.__file__).parent
    places = [package / room for room in ROOMS]
    files = [path for place in places for path in ([place] if place.is_file() else sorted(place.rglob("*.py")))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _read(case: Case, with_peer: bool) -> Kept | None:
    """What was kept of a case, None where it was not, or not with what is wanted now."""
    path = PLACE / f"{key_of(case)}.pickle"
    if not path.exists():
        return None
    found: Kept = pickle.loads(path.read_bytes())
    return found if found.peer is not None or not with_peer else None


def _write(case: Case, kept: Kept) -> None:
    """Keeps what was recorded."""
    PLACE.mkdir(parents=True, exist_ok=True)
    (PLACE / f"{key_of(case)}.pickle").write_bytes(pickle.dumps(kept))
