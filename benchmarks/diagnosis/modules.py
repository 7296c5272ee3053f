"""A case of any kind of network trained as a torch.nn module: what the labels of normalised, residual and convolutional networks rest on.

Data alone are shared with gradlab; weights and the order of the examples are drawn anew, so that a label has to hold of every draw.
Where a batch is normalised together, the state is measured on batches as large as those of training, with the gradient of their summed
loss.
"""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.diagnosis.case import Case, Label
from benchmarks.diagnosis.plain import Course, State
from benchmarks.diagnosis.proofs import (
    SMALL_DECADES,
    Measured,
    clearly,
    decades,
    difference,
    gained_nothing,
    tail,
    throughout,
)
from benchmarks.diagnosis.trained import dataset_of
from benchmarks.plain_networks import PlainNetwork, activation, start

DRAWS = (1, 2)
"""Seeds from which a label has to hold."""

EXAMPLES = 192
"""Training examples that the state is measured on, where there are more and a batch is no larger."""

LONGER = 10
"""Times its steps after which a network that does not learn still may not have learned."""

CONFIRMED = 0.25
"""Share of the constant answer's loss that a network which learned has to take off the held-out part's, by running statistics."""


class Module:
    """The network of a case from one draw, with everything to train it."""

    def __init__(self, case: Case, draw: int) -> None:
        self.experiment = own = case.experiment
        assert own.train.steps is not None
        self.draw, self.num_steps = draw, own.train.steps
        self.dataset = data = dataset_of(own.data, own.train.loss)
        self.classifies = data.task == "classes"
        self.inputs, self.targets = self._tensors(data.train_inputs, data.train_targets)
        self.held = self._tensors(data.holdout_inputs, data.holdout_targets)
        image = None
        if own.model.kind == "conv":
            image = own.data.image or (1, 8, 8)  # digits have it by themselves
        outputs = (data.num_classes or 0) if self.classifies else self.targets.shape[1]
        self.begun = PlainNetwork(own.model, self.inputs.shape[1], outputs, image)
        start(self.begun, torch.Generator().manual_seed(draw))

    def _tensors(self, inputs: object, targets: object) -> tuple[Tensor, Tensor]:
        wide = torch.as_tensor(targets)
        return torch.as_tensor(inputs).float(), wide if self.classifies else wide.float()

    @property
    def constant(self) -> tuple[float, float]:
        """Loss and accuracy of the best answer that does not look at the inputs."""
        if not self.classifies:
            return float(self.targets.var(0, unbiased=False).mean()), 0.0
        share = torch.bincount(self.targets).double() / len(self.targets)
        share = share[share > 0]
        return float(-(share * share.log()).sum()), float(share.max())

    def losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Loss of each example."""
        if self.classifies:
            return functional.cross_entropy(logits, targets, reduction="none")
        return (logits - targets).square().mean(1)

    def train(self, frozen: int = 0, times: int = 1) -> tuple[Course, PlainNetwork]:
        """Trains from the start.

        Args:
            frozen: Rows from the input up that are not updated.
            times: Multiple of the run's steps.
        """
        own = self.experiment.train
        network = copy.deepcopy(self.begun)
        for row in network.rows[:frozen]:
            row.requires_grad_(False)
        moving = [each for each in network.parameters() if each.requires_grad]
        optimizer = self._optimizer(moving)
        begin, losses = self.state(network), list[float]()
        for step, rows in enumerate(self._order(times * self.num_steps)):
            optimizer.param_groups[0]["lr"] = own.lr * self._factor(step, times * self.num_steps)
            optimizer.zero_grad()
            loss = self.losses(network(self.inputs[rows]), self.targets[rows]).mean()
            loss.backward()
            losses.append(float(loss.detach()))
            gradients = [each.grad for each in moving if each.grad is not None]
            if not math.isfinite(losses[-1]) or not all(bool(torch.isfinite(each).all()) for each in gradients):
                return Course(losses, False, begin, None), network
            if own.clip_norm is not None:
                nn.utils.clip_grad_norm_(moving, own.clip_norm)
            optimizer.step()
        return Course(losses, True, begin, self.state(network)), network

    def _factor(self, step: int, num_steps: int) -> float:
        """Of the learning rate."""
        own = self.experiment.train
        warm = min(1.0, step / own.warmup) if own.warmup else 1.0
        return warm * (0.5 * (1 + math.cos(math.pi * step / num_steps)) if own.schedule == "cosine" else 1.0)

    def _optimizer(self, moving: Sequence[Tensor]) -> torch.optim.Optimizer:
        own = self.experiment.train
        match own.optimizer.name:
            case "sgd":
                return torch.optim.SGD(moving, own.lr)
            case "momentum":
                return torch.optim.SGD(moving, own.lr, momentum=own.optimizer.momentum or 0.0)
            case "adam":
                return torch.optim.Adam(moving, own.lr)
        raise ValueError(f"no labelled network is trained by {own.optimizer.name}")

    def _order(self, count: int) -> Sequence[Tensor]:
        """Rows of each step: epochs one after the other, every one in an order of its own."""
        generator, size = torch.Generator().manual_seed(100 + self.draw), self.experiment.data.batch_size
        epochs = math.ceil(count * size / len(self.inputs))
        rows = torch.cat([torch.randperm(len(self.inputs), generator=generator) for _ in range(epochs)])
        return rows[: count * size].split(size)

    def state(self, network: PlainNetwork) -> State:
        """Measures a network on training examples, in float64, batch by batch as they are trained."""
        wide, states, given = copy.deepcopy(network).double(), list[Tensor](), dict[nn.Module, Tensor]()
        for parameter in wide.parameters():
            parameter.requires_grad_(True)
        for row in wide.rows:
            row.register_forward_hook(lambda own, inputs, output: states.append(output))
        for module in (*wide.state_phi.values(), *wide.inner_phi.values()):
            module.register_forward_hook(lambda own, inputs, output: given.__setitem__(own, inputs[0].detach()))
        size = min(self.experiment.data.batch_size, len(self.inputs))
        seen = max(1, min(EXAMPLES, len(self.inputs)) // size)
        losses, logits, gradients = list[Tensor](), list[Tensor](), list[Sequence[Tensor]]()
        slopes: dict[nn.Module, list[Tensor]] = {}
        for batch in range(seen):
            rows = slice(batch * size, (batch + 1) * size)
            states.clear()
            targets = self.targets[rows] if self.classifies else self.targets[rows].double()
            out = wide(self.inputs[rows].double())
            losses.append(self.losses(out, targets).detach())
            logits.append(out.detach())
            gradients.append(torch.autograd.grad(self.losses(out, targets).sum(), states, allow_unused=True))
            for module, z in given.items():
                slopes.setdefault(module, []).append(_slope(module, z))
        sup = _sup(self.experiment.model)
        shares = {module: _shares(torch.cat(parts), sup) for module, parts in slopes.items()}
        dead, flat, reach = [], [], []
        for row in range(len(wide.rows)):
            modules = [wide.state_phi[row], *([wide.inner_phi[row]] if row in wide.inner_phi else [])]
            dead.append(sum(shares[module][0] for module in modules) / len(modules))
            flat.append(sum(shares[module][1] for module in modules) / len(modules))
            reach.append(_log10_rms([parts[row] for parts in gradients]))
        return State(float(torch.cat(losses).mean()), self._accuracy(torch.cat(logits)), dead, flat, reach)

    def _accuracy(self, logits: Tensor) -> float | None:
        if not self.classifies:
            return None
        return float((logits.argmax(1) == self.targets[: len(logits)]).double().mean())

    def confirmed(self, network: PlainNetwork) -> bool:
        """Whether the held-out part, by running statistics, bears out that it learned; where there is none, yes."""
        inputs, targets = self.held
        if not len(inputs):
            return True
        network.eval()
        with torch.no_grad():
            return float(self.losses(network(inputs), targets).mean()) <= (1.0 - CONFIRMED) * self.constant[0]


def _slope(module: nn.Module, z: Tensor) -> Tensor:
    """|phi'(z)|, by autograd."""
    z = z.clone().requires_grad_(True)
    return torch.autograd.grad(module(z).sum(), z)[0].abs()


def _sup(model: object) -> float:
    """Largest slope, on a fine grid; 1 for step, which has none."""
    z = torch.linspace(-10, 10, 4001, dtype=torch.float64)
    return float(_slope(activation(model.activation).double(), z).max()) or 1.0  # type: ignore[attr-defined]


def _shares(slope: Tensor, sup: float) -> tuple[float, float]:
    """Units (of a convolution: a channel at a place) without a slope for any example, and entries with a small one."""
    return float((slope.amax(0) < 1e-3 * sup).double().mean()), float((slope < 0.1 * sup).double().mean())


def _log10_rms(parts: Sequence[Tensor | None]) -> float:
    """log10 of the root mean square over the batches, however small."""
    there = [each for each in parts if each is not None]
    largest = max((float(each.abs().max()) for each in there), default=0.0)
    if not largest > 0:
        return -math.inf
    return math.log10(largest) + 0.5 * math.log10(float((torch.cat(there) / largest).square().mean()))


@dataclass(frozen=True)
class Draw:
    """What one draw showed: the figures of the proofs, and whether the held-out part bears out what was learned."""

    seen: Measured
    confirmed: bool


def measure(case: Case, draw: int) -> Draw:
    """Trains a case from one draw, and where a signal is lost once more with its first half frozen."""
    module = Module(case, draw)
    course, network = module.train()
    own, end = module.experiment.train, course.end or course.start
    depth = module.experiment.model.depth
    lost = course.finite and min(decades(course.start), decades(end)) <= -SMALL_DECADES
    frozen = module.train(frozen=max(1, depth // 2))[0] if depth > 1 and lost else None
    seen = Measured(
        finite=course.finite,
        idle=difference(course, frozen),
        decades=(decades(course.start), decades(end)),
        dead=(throughout(course.start.dead, end.dead), max(end.dead)),
        flat=(throughout(course.start.flat, end.flat), max(end.flat)),
        loss=(course.start.loss, end.loss if course.finite else math.inf),
        accuracy=None
        if course.start.accuracy is None or end.accuracy is None
        else (course.start.accuracy, end.accuracy),
        constant=module.constant,
        decayed=own.lr * own.weight_decay * module.num_steps,
        tail=tail(course.losses) if course.finite else math.inf,
    )
    return Draw(seen, course.finite and module.confirmed(network))


def still_nothing(case: Case, draw: int, seen: Measured) -> bool:
    """Whether nothing was learned after ten times the steps either."""
    later = Module(case, draw).train(times=LONGER)[0].end
    if later is None:
        return False
    accuracy = None if seen.accuracy is None or later.accuracy is None else (seen.accuracy[0], later.accuracy)
    return gained_nothing(replace(seen, loss=(seen.loss[0], later.loss), accuracy=accuracy))


def label_of(case: Case) -> tuple[Label | None, str]:
    """The verdict that every draw bears out, with a margin; None with the reason where one does not, or two differ."""
    found = list[Label | None]()
    for draw in DRAWS:
        own = measure(case, draw)
        label = clearly(case, own.seen)
        if label == "healthy" and not own.confirmed:
            return None, "the held-out part does not bear out what was learned"
        if label == "not_learning" and draw == DRAWS[0] and not still_nothing(case, draw, own.seen):
            return None, "something is learned in ten times its steps"
        found.append(label)
        if label != case.label:
            return None, f"{label or 'nothing clear'}: {_said(own.seen)}"
    assert len(set(found)) == 1
    return found[0], ""


def _said(seen: Measured) -> str:
    """The figures that decide, in short."""
    start, end = seen.decades
    idle = "" if seen.idle is None else f", freezing changes {seen.idle:.4f}"
    return (
        f"{start:+.1f} and {end:+.1f} decades, {seen.learned:.2f} learned, dead {seen.dead[0]:.2f} and {seen.dead[1]:.2f}, "
        f"flat {seen.flat[0]:.2f} and {seen.flat[1]:.2f}{idle}"
    )
