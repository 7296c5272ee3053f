"""What plain training shows of a case, and the verdict that this bears out; nothing here uses gradlab's recorder or rules.

    python -m benchmarks.diagnosis.own.measuring [--only PART OF A NAME] [--again]

keeps in `labels.json` what was measured from two draws of each case, and its label, or why it has none.
"""

import argparse
import copy
import json
import math
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.diagnosis.case import Label
from benchmarks.diagnosis.own.nets import Net
from benchmarks.diagnosis.own.reconstructing import Gan
from benchmarks.diagnosis.own.tasks import task_of
from benchmarks.diagnosis.own.training import Own, missing, train

PLACE = Path(__file__).parent / "labels.json"

DRAWS = (1, 2)
"""Seeds from which a label has to hold."""

EXAMPLES = 64
"""Training examples that the state is measured on."""

FAR, NEAR, NEAR_IN_TIME = 3.0, 1.6, 1.9
"""Decades from which a signal counts as lost or grown, and up to which as well, across depth and over time."""

IDLE = 0.003
"""Share of the first loss by which no step's may differ when the lower half is frozen, for it to be idle."""

BUSY = 0.02
"""The same by which some step's has to differ for it to be of use."""

NOTHING, SOMETHING = 0.03, 0.3
"""Share of what there is to learn, on other examples, up to which nothing was learned, and from which something was."""

LONGER = 5
"""Multiple of a case's steps after which one that does not learn still may not have."""

ACTIVATIONS = (nn.ReLU, nn.Sigmoid, nn.Tanh, nn.GELU, nn.LeakyReLU, nn.SiLU)
BOUNDED = (nn.Sigmoid, nn.Tanh)


@dataclass(frozen=True)
class State:
    """A network at one moment.

    Attributes:
        decades: log10 of the gradient's norm at the first point of depth less that at the last; None where there are no two.
        over_time: The same at the first and the last time step of the inputs; None where there is no time.
        dead: Largest share of the units of an activation module that have no slope for any example.
        flat: Largest share of the entries of a bounded one with less than a tenth of the largest slope.
    """

    decades: float | None
    over_time: float | None
    dead: float
    flat: float


@dataclass(frozen=True)
class Seen:
    """What a draw showed."""

    finite: bool
    start: State
    end: State | None
    learned: float
    idle: float | None
    later: float | None


def measure(own: Own, draw: int) -> Seen:
    """Trains a case from one draw; where a signal is lost again with the lower half cut off, where nothing was learned for longer."""
    net = own.begun(draw)
    begun = copy.deepcopy(net)
    start, before = state(own, begun), missing(own, begun)
    course = train(own, net, order=draw)
    if not course.finite:
        return Seen(False, start, None, -math.inf, None, None)
    end, learned = state(own, net), _learned(own, before, missing(own, net))
    lost = min((each for each in (start.decades, start.over_time) if each is not None), default=0.0)
    idle = None
    if abs(lost) >= NEAR or (start.decades or 0.0) >= NEAR:
        cut = copy.deepcopy(begun)
        over_time = start.over_time is not None and lost == start.over_time
        cut.cut = over_time
        again = train(own, cut, frozen=() if over_time else cut.points[: max(1, len(cut.points) // 2)], order=draw)
        idle = _apart(course.losses, again.losses)
    later = None
    if learned <= NOTHING and own.label == "not_learning":
        longer = copy.deepcopy(begun)
        train(own, longer, times=LONGER, order=draw)
        later = _learned(own, before, missing(own, longer))
    return Seen(True, start, end, learned, idle, later)


def _learned(own: Own, before: float, after: float) -> float:
    """Share of what there is to learn: of the constant answer's loss or, where the start has less, of that."""
    return 1.0 - after / (before if own.is_gan else min(1.0, before))


def _apart(one: list[float], two: list[float]) -> float:
    """Largest difference of two trainings' losses, smoothed over ten steps, in units of the first."""
    width = min(10, len(one))
    kernel = torch.ones(width, dtype=torch.float64) / width
    a, b = (
        functional.conv1d(torch.tensor(each, dtype=torch.float64)[None, None], kernel[None, None])[0, 0]
        for each in (one, two)
    )
    return float((a[: len(b)] - b[: len(a)]).abs().max() / abs(one[0]))


def state(own: Own, net: Net) -> State:
    """Measures a network in float64, in training mode, on the first training examples."""
    wide = copy.deepcopy(net).double()
    wide.cut = False
    for each in wide.parameters():
        each.requires_grad_(True)
    points: list[list[Tensor]] = [[] for _ in wide.points]
    given: dict[nn.Module, list[Tensor]] = {}
    for at, module in enumerate(wide.points):
        module.register_forward_hook(lambda own, inputs, output, at=at: points[at].append(output))
    for module in wide.modules():
        if isinstance(module, ACTIVATIONS):
            module.inplace = False  # so that what went in is still there
            module.register_forward_hook(
                lambda own, inputs, output: given.setdefault(own, []).append(inputs[0].detach())
            )
    inputs, loss = _loss(own, wide)
    last = [each[-1] for each in points if each]
    wanted = [*last, *([inputs] if inputs.requires_grad else [])]
    found = torch.autograd.grad(loss, wanted, allow_unused=True) if wanted else ()
    over_time = None
    if inputs.requires_grad and own.task.startswith(("recall", "rows")) and not points:
        gradient = found[-1]
        assert gradient is not None
        over_time = _ratio(gradient[:, 0], gradient[:, -1])
    decades = _ratio(found[0], found[len(last) - 1]) if len(last) > 1 else None
    shares = [_shares(module, torch.cat(parts)) for module, parts in given.items()]
    dead = max(
        (share[0] for module, share in zip(given, shares, strict=True) if not isinstance(module, BOUNDED)), default=0.0
    )
    flat = max(
        (share[1] for module, share in zip(given, shares, strict=True) if isinstance(module, BOUNDED)), default=0.0
    )
    return State(decades, over_time, dead, flat)


def _loss(own: Own, net: Net) -> tuple[Tensor, Tensor]:
    if isinstance(net, Gan):
        noise = torch.randn(EXAMPLES, 4, generator=torch.Generator().manual_seed(3)).double()
        logits = net.discriminator(net.generator(noise))
        return noise, functional.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))
    task = task_of(own.task)
    inputs, targets = task.inputs[:EXAMPLES], task.targets[:EXAMPLES]
    if inputs.is_floating_point():
        inputs = inputs.double().requires_grad_(True)
    targets = targets.double() if targets.is_floating_point() else targets
    return inputs, task.losses(net(inputs), targets).mean()


def _ratio(first: Tensor | None, last: Tensor | None) -> float:
    """log10 of one norm over another."""
    norms = [0.0 if each is None else float(torch.linalg.vector_norm(each)) for each in (first, last)]
    return -math.inf if norms[0] == 0.0 else math.log10(norms[0] / norms[1]) if norms[1] > 0 else math.inf


def _shares(module: nn.Module, z: Tensor) -> tuple[float, float]:
    """Units (channels of images) without a slope for any example, and entries with less than a tenth of the largest slope."""
    grid = torch.linspace(-10, 10, 4001, dtype=torch.float64)
    sup, slope = float(_slope(module, grid).max()), _slope(module, z)
    others = [at for at in range(z.ndim) if at != (1 if z.ndim == 4 else z.ndim - 1)]
    return float((slope.amax(others) < 1e-3 * sup).double().mean()), float((slope < 0.1 * sup).double().mean())


def _slope(module: nn.Module, z: Tensor) -> Tensor:
    z = z.detach().clone().requires_grad_(True)
    return torch.autograd.grad(module(z).sum(), z)[0].abs()


def label_of(own: Own, seen: Seen) -> tuple[Label | None, str]:
    """The verdict that a draw bears out, with a margin on both sides; None with the reason where it is none or two."""
    start, end = seen.start, seen.end
    if not seen.finite:
        return "diverged", ""
    assert end is not None
    unlearned = seen.learned < 0.1
    said = (
        f"{start.decades} and {end.decades} decades, {start.over_time} over time, {seen.learned:.2f} learned, dead {start.dead:.2f} and "
        f"{end.dead:.2f}, flat {start.flat:.2f} and {end.flat:.2f}, cut off {seen.idle}, later {seen.later}"
    )
    if min(start.dead, end.dead) >= 0.95:
        return "dead", ""
    calm = abs(start.decades or 0.0) <= NEAR and abs(start.over_time or 0.0) <= NEAR_IN_TIME
    furthest = [each for each in (start.decades, start.over_time) if each is not None]
    if furthest and max(furthest) >= FAR and unlearned:
        return "exploding", ""
    if furthest and min(furthest) <= -FAR and seen.idle is not None and seen.idle <= IDLE and unlearned:
        return "vanishing", ""
    if min(start.flat, end.flat) >= 0.7 and calm and unlearned:
        return "saturated", ""
    if (
        seen.learned >= SOMETHING
        and end.dead <= 0.75
        and (start.over_time is not None or seen.idle is None or seen.idle >= BUSY)
    ):
        return "healthy", ""
    alive = end.dead <= 0.75 and end.flat <= 0.6
    if seen.learned <= NOTHING and calm and alive and seen.later is not None and seen.later <= NOTHING:
        return "not_learning", ""
    return None, said


@cache
def known() -> Mapping[str, Any]:
    """Name of a case -> its label, why it has none, and what was measured."""
    return json.loads(PLACE.read_text()) if PLACE.exists() else {}


def main() -> int:
    """Measures what is not known yet."""
    from benchmarks.diagnosis.own.cases import constructed

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default="", help="cases with this in their name")
    parser.add_argument("--again", action="store_true", help="those that are known too")
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    entries = dict(known())
    cases = constructed()
    for own in cases:
        if wanted.only not in own.name or (own.name in entries and not wanted.again):
            continue
        began = time.perf_counter()
        draws = [measure(own, draw) for draw in DRAWS]
        found = [label_of(own, seen) for seen in draws]
        wrong = next((why or f"{label}" for label, why in found if label != own.label), "")
        entries[own.name] = {"label": None if wrong else own.label, "why": wrong}
        print(f"{time.perf_counter() - began:5.1f} s {own.name} [{own.label}]: {wrong or 'borne out'}", flush=True)
        _keep({name: entries[name] for name in entries if name in {each.name for each in cases}})
    return 0


def _keep(entries: Mapping[str, Any]) -> None:
    lines = (f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in sorted(entries.items()))
    PLACE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    sys.exit(main())
