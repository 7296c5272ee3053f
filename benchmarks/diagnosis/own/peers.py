"""What other tools would say of the same training of a module: their published thresholds on figures of the kind that they look at.

Those of the tools for stacks of dense layers (`benchmarks.diagnosis.peers`) that can see any module, and smaller ones. A threshold that is
asked at every step counts as reported where it holds at most of them, the reading that gives fewest false alarms. Outputs are looked at by
hooks on tensors, since full backward hooks, which torchmortem has, raise where a module works in place.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.diagnosis.case import Label
from benchmarks.diagnosis.own.nets import Net

Array = NDArray[np.float64]

EVERY = 4
"""Steps from one look to the next; what is asked of most steps needs no more."""

_LIMITS = {nn.Tanh: (-9.4999, 9.4999), nn.Sigmoid: (-23.0, 16.99999)}
"""Inputs beyond which SageMaker Debugger counts an activation as saturated."""


@dataclass(frozen=True)
class PeerRecord:
    """Figures of T of the steps, P weight tensors, M leaf modules with parameters, A activation modules; NaN where there is none.

    Attributes:
        finite: Whether loss and gradients were, to the end.
        loss: Of every step.
        mean_abs: Mean |g| of each weight tensor, [T, P].
        largest: max |g|, [T, P].
        norm: l2 norm, [T, P].
        total: l2 norm of all gradients, [T].
        weight: l2 norm of each weight tensor after the update, [T, P].
        update: l2 norm of what the update changed, [T, P].
        delta: l2 norm of the gradient by a leaf module's output, [T, M].
        tiny: Share of |output| < 1e-6, [T, M + A].
        large: Share of |output| > 0.95, [T, M + A].
        zeros: Share of an activation's outputs that are 0, [T, A].
        idle: Share of a ReLU's units that are on for less than 1 % of the batch, [T, A].
        beyond: Share of a tanh's or sigmoid's units that are within SageMaker Debugger's limits for less than 1 %, [T, A].
    """

    finite: bool
    loss: Array
    mean_abs: Array
    largest: Array
    norm: Array
    total: Array
    weight: Array
    update: Array
    delta: Array
    tiny: Array
    large: Array
    zeros: Array
    idle: Array
    beyond: Array


class Collector:
    """Measures a training from outside."""

    def __init__(self, net: Net) -> None:
        self._weights = [each for each in net.parameters() if each.ndim > 1]
        leaves = [each for each in net.modules() if not list(each.children())]
        self._modules = [each for each in leaves if next(each.parameters(), None) is not None]
        self._acts = [
            each
            for each in leaves
            if isinstance(each, nn.ReLU | nn.Tanh | nn.Sigmoid | nn.GELU | nn.LeakyReLU | nn.SiLU)
        ]
        self._steps: list[dict[str, list[float]]] = []
        self._losses: list[float] = []
        self._clear()
        for at, module in enumerate([*self._modules, *self._acts]):
            module.register_forward_hook(lambda own, inputs, output, at=at: self._seen(own, inputs, output, at))
        self._step = 0
        self._before: list[Tensor] = []

    @property
    def _looks(self) -> bool:
        return self._step % EVERY == 0

    def _clear(self) -> None:
        every, acts = len(self._modules) + len(self._acts), len(self._acts)
        self._now = {name: [np.nan] * count for name, count in (
            ("delta", len(self._modules)), ("tiny", every), ("large", every), ("zeros", acts), ("idle", acts), ("beyond", acts)
        )}  # fmt: skip

    def _seen(self, module: nn.Module, inputs: Sequence[Tensor], output: object, at: int) -> None:
        """Of several calls the last one counts, as in torchmortem."""
        out = output[0] if isinstance(output, tuple) else output
        if not self._looks or not isinstance(out, Tensor) or not out.requires_grad:
            return
        now, size = self._now, out.detach().abs()
        now["tiny"][at], now["large"][at] = float((size < 1e-6).float().mean()), float((size > 0.95).float().mean())
        if at < len(self._modules):
            out.register_hook(lambda g: now["delta"].__setitem__(at, float(torch.linalg.vector_norm(g))))
            return
        act = at - len(self._modules)
        now["zeros"][act] = float((size == 0).float().mean())
        others = [axis for axis in range(out.ndim) if axis != (1 if out.ndim == 4 else out.ndim - 1)]
        if isinstance(module, nn.ReLU):
            now["idle"][act] = float(((out.detach() > 0).float().mean(others) < 0.01).float().mean())
        if type(module) in _LIMITS:
            low, high = _LIMITS[type(module)]
            inside = (inputs[0].detach() > low) & (inputs[0].detach() < high)
            now["beyond"][act] = float((inside.float().mean(others) < 0.01).float().mean())

    def backward(self, loss: float) -> None:
        """After the backward pass of a step."""
        self._losses.append(loss)
        if not self._looks:
            return
        self._before = [each.detach().clone() for each in self._weights]
        gradients = [torch.zeros_like(each) if each.grad is None else each.grad for each in self._weights]
        norms = [float(torch.linalg.vector_norm(each)) for each in gradients]
        self._steps.append(self._now | {
            "mean_abs": [float(each.abs().mean()) for each in gradients],
            "largest": [float(each.abs().max()) for each in gradients],
            "norm": norms, "total": [float(np.linalg.norm(norms))],
        })  # fmt: skip
        self._clear()

    def updated(self) -> None:
        """After the update of a step."""
        self._step += 1
        if self._step % EVERY != 1:
            return
        now = [each.detach() for each in self._weights]
        self._steps[-1]["weight"] = [float(torch.linalg.vector_norm(each)) for each in now]
        self._steps[-1]["update"] = [
            float(torch.linalg.vector_norm(a - b)) for a, b in zip(now, self._before, strict=True)
        ]

    def record(self, finite: bool) -> PeerRecord:
        """What was measured."""
        names = (
            "mean_abs",
            "largest",
            "norm",
            "total",
            "weight",
            "update",
            "delta",
            "tiny",
            "large",
            "zeros",
            "idle",
            "beyond",
        )
        told = {
            name: np.array([step.get(name, [np.nan] * len(self._steps[0].get(name, ()))) for step in self._steps])
            for name in names
        }
        told["total"] = told["total"][:, 0]
        return PeerRecord(finite, np.array(self._losses), **told)


@dataclass(frozen=True)
class Tool:
    """Another tool.

    Attributes:
        title: Its name, with the source of its thresholds.
        can_say: The classes that it can express.
        judge: What it says first of a run.
    """

    title: str
    can_say: frozenset[Label]
    judge: Callable[[PeerRecord], Label]

    def says(self, own: PeerRecord) -> Label:
        """What it says; figures that are not there or not finite go through its comparisons."""
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            return self.judge(own)


def _mostly(holds: NDArray[np.bool_]) -> bool:
    """Whether something holds of any tensor at most steps."""
    return bool((np.asarray(holds).any(axis=1) if holds.ndim > 1 else holds).mean() > 0.5)


def _first(*symptoms: tuple[Label, bool]) -> Label:
    return next((label for label, holds in symptoms if holds), "healthy")


def _sagemaker_debugger(own: PeerRecord) -> Label:
    stalled = len(own.loss) > 10 and bool((own.loss[10:] > 0.999 * own.loss[:-10]).mean() > 0.5)
    return _first(
        ("diverged", not own.finite), ("dead", _mostly(own.idle > 0.5)), ("saturated", _mostly(own.beyond > 0.5)),
        ("vanishing", _mostly(own.mean_abs < 1e-7)), ("not_learning", stalled),
    )  # fmt: skip


def _torchmortem(own: PeerRecord) -> Label:
    """Critical findings come first, then warnings, each in the order of the detectors."""
    half = len(own.delta) // 2
    late = own.delta[half:]
    means = np.nanmean(late, axis=0) if len(late) else np.zeros(2)
    means = means[~np.isnan(means)]
    ratio = 0.0 if len(means) < 2 or means[-1] < 1e-30 else np.inf if means[0] < 1e-30 else float(means[-1] / means[0])
    dead, large = ((own.tiny[half:], 0.5), (own.large[half:], 0.5))
    shares = [((values > limit).mean(0) >= 0.5, np.nanmean(values, axis=0) > 0.8) for values, limit in (dead, large)]
    moved = (
        np.nanmedian(own.update[1:] / np.maximum(own.weight[1:], 1e-30), axis=0)
        if len(own.loss) > 2
        else np.full(1, 1e-3)
    )
    grown = own.weight[-1] / np.maximum(own.weight[0], 1e-30)
    (is_dead, very_dead), (is_large, very_large) = shares
    return _first(
        ("dead", bool((is_dead & very_dead).any())), ("vanishing", not ratio <= 1000.0), ("exploding", bool((own.delta > 1000.0).any())),
        ("saturated", bool((is_large & very_large).any())), ("exploding", bool((moved > 0.1).any() or (grown > 100.0).any())),
        ("dead", bool(is_dead.any())), ("vanishing", ratio > 100.0 or bool(((own.delta < 1e-8).mean(0) >= 0.3).any())),
        ("saturated", bool(is_large.any())), ("not_learning", bool((moved < 1e-5).any())),
    )  # fmt: skip


def _torch_audit(own: PeerRecord) -> Label:
    return _first(
        ("diverged", not own.finite), ("exploding", _mostly(own.total > 100.0)), ("dead", _mostly(own.zeros > 0.9)),
        ("vanishing", _mostly(own.norm == 0.0)),
    )  # fmt: skip


def _torchdiag(own: PeerRecord) -> Label:
    return _first(
        ("diverged", not own.finite), ("exploding", _mostly(own.largest > 100.0)), ("vanishing", _mostly(own.largest < 1e-7)),
        ("dead", _mostly(own.zeros > 0.5)),
    )  # fmt: skip


def _dlcheck(own: PeerRecord) -> Label:
    return _first(
        ("diverged", not own.finite), ("exploding", _mostly(own.norm > 1e6)), ("vanishing", _mostly(own.norm < 1e-7)),
        ("dead", _mostly(own.zeros > 0.95)),
    )  # fmt: skip


TOOLS = (
    Tool(
        "SageMaker Debugger",
        frozenset({"diverged", "dead", "saturated", "vanishing", "not_learning", "healthy"}),
        _sagemaker_debugger,
    ),
    Tool(
        "torchmortem",
        frozenset({"dead", "vanishing", "exploding", "saturated", "not_learning", "healthy"}),
        _torchmortem,
    ),
    Tool("torch-audit", frozenset({"diverged", "exploding", "dead", "vanishing", "healthy"}), _torch_audit),
    Tool("torchdiag", frozenset({"diverged", "exploding", "vanishing", "dead", "healthy"}), _torchdiag),
    Tool("DLCheck", frozenset({"diverged", "exploding", "vanishing", "dead", "healthy"}), _dlcheck),
)
