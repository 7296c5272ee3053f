"""The third set: architectures and tasks that are in neither of the first two, all fixed and labelled before any was judged."""

from collections.abc import Callable
from typing import Any

from benchmarks.diagnosis.own.nets import Net
from benchmarks.diagnosis.own.third_nets import (
    Bent,
    Blocks,
    Euler,
    Grid,
    Linearised,
    Next,
    Recurrence,
    Rows,
    Sequence,
    Sets,
    Siamese,
    Spatial,
    Squeezed,
    Wave,
)
from benchmarks.diagnosis.own.training import Own

_ADAM: dict[str, Any] = {"optimizer": "adam"}
_ROWS: dict[str, Any] = {"task": "rows", "optimizer": "adam"}
_FIT: dict[str, Any] = {"sizes": (2, 1)}
_CLIPPED: dict[str, Any] = {"optimizer": "adam", "lr": 0.003, "clip": 1.0}


def third() -> list[Own]:
    """All of them."""
    return [*_healthy(), *_lost(), *_grown(), *_broken(), *_dead(), *_flat(), *_still()]


def _own(label: Any, reason: str) -> Callable[..., Own]:
    return lambda family, variant, build, **more: Own(
        f"third, {family}", variant, label, reason, build, is_third=True, **more
    )


def _squeezed(depth: int) -> Net:
    return Blocks(lambda: Squeezed(12), depth)


def _next(depth: int) -> Net:
    return Blocks(lambda: Next(12), depth)


def _bent(depth: int, gain: float) -> Net:
    return Blocks(lambda: Bent(12, gain), depth)


def _spatial(depth: int) -> Net:
    return Rows(lambda at: Spatial(24), depth)


def _linear(depth: int, shared: bool = False, **more: Any) -> Net:
    return Rows(lambda at: Linearised(24, **more), depth, shared=shared)


def _wave(depth: int, **more: Any) -> Net:
    return Rows(lambda at: Wave(24, 1 << at % 3, **more), depth)


def _lowered(net: Net, name: str, bias: float = -40.0) -> Net:
    net.get_submodule(name).bias.data.fill_(bias)  # type: ignore[union-attr, operator]
    return net


def _healthy() -> list[Own]:
    own = _own("healthy", "it learns")
    return [
        own("squeeze and excitation", "eight blocks", lambda: _squeezed(8), lr=0.05),
        own("squeeze and excitation", "three, chance not told", lambda: _squeezed(3), lr=0.005, chance=False, **_ADAM),
        own("convnext", "six", lambda: _next(6), lr=0.005, steps=150, **_ADAM),
        own("convolutions with prelu", "six", lambda: _bent(6, 1.37), lr=0.003, steps=150, **_ADAM),
        own("gated mlp over rows", "six", lambda: _spatial(6), lr=0.003, steps=150, **_ROWS),
        own("gated mlp over rows", "twelve, no loss logged", lambda: _spatial(12), lr=0.003, steps=150, logged=False, **_ROWS),
        own("linear attention, sandwich normalisation", "six", lambda: _linear(6), lr=0.003, steps=150, **_ROWS),
        own("one block eight times", "linear attention", lambda: _linear(8, shared=True), lr=0.003, steps=150, **_ROWS),
        own("wavenet over rows", "nine", lambda: _wave(9), lr=0.003, steps=150, **_ROWS),
        own("wavenet over rows", "six, chance not told", lambda: _wave(6), task="rows", lr=0.05, steps=250, chance=False,
            optimizer="momentum"),
        own("steps of a flow", "ten of one weight", lambda: Euler(), lr=0.05),
        own("steps of a flow", "thirty, adam, chance not told", lambda: Euler(30, 0.1), lr=0.003, chance=False, **_ADAM),
        own("graph of pixels", "three", lambda: Grid(3), lr=0.005, steps=150, **_ADAM),
        own("graph of pixels with skips", "eight, normalised", lambda: Grid(8, skip=True, norm=True), lr=0.003, steps=150, **_ADAM),
        own("deep sets", "two and two", lambda: Sets(2), task="sets", lr=0.005, steps=200, **_ADAM),
        own("deep sets", "three and three, chance not told", lambda: Sets(3), task="sets", lr=0.02, steps=300, chance=False,
            optimizer="momentum"),
        own("siamese encoder", "two", lambda: Siamese(2), task="pairs", lr=0.005, steps=300, **_ADAM),
        own("siamese encoder", "four, chance not told", lambda: Siamese(4), task="pairs", lr=0.003, steps=300, chance=False, **_ADAM),
        own("sine layers fit a curve", "three", lambda: Sequence("sine", 3, 1.5, **_FIT), task="curve", lr=0.003, steps=200, **_ADAM),
        own("sine layers fit a curve", "five, no loss logged", lambda: Sequence("sine", 5, 1.5, **_FIT), task="curve",
            lr=0.003, steps=200, logged=False, **_ADAM),
        own("maxout", "four", lambda: Sequence("maxout", 4), lr=0.05),
        own("radial layers", "two", lambda: Sequence("radial", 2), lr=0.005, **_ADAM),
        own("spectral normalisation", "three, leaky", lambda: Sequence("spectral", 3, act="leaky"), lr=0.01, **_ADAM),
        own("relu recurrence from the identity", "rows", lambda: Recurrence("identity", 1.0, 8, 10), lr=0.003, steps=150, **_ROWS),
        own("normalised gru by hand", "rows", lambda: Recurrence("gru", 0.0, 8, 10), lr=0.005, steps=150, **_ROWS),
        own("diagonal recurrence", "recall over 40 steps", lambda: Recurrence("diagonal", 0.99), task="recall 40", lr=0.005,
            steps=150, **_ADAM),
    ]  # fmt: skip


def _lost() -> list[Own]:
    own = _own("vanishing", "the lower half may as well be cut off")
    return [
        own("graph of pixels with sigmoids", "ten", lambda: Grid(10, "sigmoid", 1.0), lr=0.02),
        own("graph of pixels from small weights", "fourteen", lambda: Grid(14, gain=0.7), lr=0.01),
        own("deep sets of sigmoids", "six and six, chance not told", lambda: Sets(6, "sigmoid", 1.0), task="sets", lr=0.02, chance=False),
        own("siamese encoder of sigmoids", "twelve", lambda: Siamese(12, "sigmoid", 1.0), task="pairs", lr=0.02),
        own("maxout from small weights", "sixteen", lambda: Sequence("maxout", 16, 0.3), lr=0.02),
        own("radial layers of small weights", "ten", lambda: Sequence("radial", 10, 0.1), lr=0.01),
        own("spectral normalisation of relu", "sixteen, no loss logged", lambda: Sequence("spectral", 16), lr=0.01, logged=False),
        own("convolutions with prelu from small weights", "sixteen", lambda: _bent(16, 0.6), lr=0.01),
        own("sine layers of small weights", "fourteen", lambda: Sequence("sine", 14, 0.3, **_FIT), task="curve", lr=0.01),
        own("wavenet without its skips", "nine", lambda: _wave(9, gain=0.5, skip=False), task="rows", lr=0.01),
        own("relu recurrence from half the identity", "recall over 40 steps", lambda: Recurrence("identity", 0.5),
            task="recall 40", **_CLIPPED),
        own("diagonal recurrence that forgets", "60 steps", lambda: Recurrence("diagonal", 0.6), task="recall 60", lr=0.001),
    ]  # fmt: skip


def _grown() -> list[Own]:
    own = _own("exploding", "the gradient grows a thousandfold and nothing is learned")
    return [
        own("graph of pixels from large weights", "fourteen", lambda: Grid(14, gain=4.0), lr=1e-11),
        own("deep sets from large weights", "eight and eight", lambda: Sets(8, gain=2.5), task="sets", lr=1e-12),
        own("siamese encoder of chaotic tanh", "thirty, chance not told", lambda: Siamese(30, "tanh", 3.5), task="pairs", lr=1e-6,
            chance=False),
        own("maxout from large weights", "fourteen", lambda: Sequence("maxout", 14, 2.5), lr=1e-11),
        own("sine layers of large weights", "twelve", lambda: Sequence("sine", 12, 4.0, **_FIT), task="curve", lr=1e-8),
        own("convolutions with prelu from large weights", "sixteen", lambda: _bent(16, 3.0), lr=1e-12),
        own("radial layers of large weights", "twelve", lambda: Sequence("radial", 12, 6.0), lr=1e-8, chance=False),
        own("diagonal recurrence that grows", "40 steps", lambda: Recurrence("diagonal", 1.3), task="recall 40", lr=1e-9),
        own("relu recurrence from twice the identity", "30 steps, clipped", lambda: Recurrence("identity", 2.0), task="recall 30",
            lr=1e-7, clip=1.0),
    ]  # fmt: skip


def _broken() -> list[Own]:
    own = _own("diverged", "loss or gradient is no longer finite")
    return [
        own("graph of pixels, start too large", "ten", lambda: Grid(10, gain=5.0), lr=0.1),
        own("deep sets, rate far too large", "three and three", lambda: Sets(3), task="sets", lr=50.0),
        own("maxout, rate far too large", "six, chance not told", lambda: Sequence("maxout", 6), lr=1000.0, chance=False),
        own("convolutions with prelu, start too large", "twelve, no loss logged", lambda: _bent(12, 5.0), lr=0.1, logged=False),
        own("linear attention without normalisation", "six", lambda: _linear(6, sandwich=False, gain=3.0), task="rows", lr=10.0),
        own("relu recurrence from three times the identity", "80 steps", lambda: Recurrence("identity", 3.0), task="recall 80", lr=0.1),
        own("diagonal recurrence that doubles", "100 steps", lambda: Recurrence("diagonal", 2.0), task="recall 100", lr=0.1),
    ]  # fmt: skip


def _dead() -> list[Own]:
    own = _own("dead", "biases far below 0 leave no unit a slope")
    return [
        own("graph of pixels, biases low", "three", lambda: Grid(3, bias=-30.0), lr=0.01),
        own("graph of pixels with one dead layer", "with skips, the second of four", lambda: _lowered(Grid(4, skip=True), "lins.1"),
            lr=0.005, chance=False),
        own("deep sets, biases low", "two and two", lambda: Sets(2, bias=-40.0), task="sets", lr=0.005),
        own("deep sets whose second network is dead", "its first layer", lambda: _lowered(Sets(2), "all.0"), task="sets", lr=0.005),
        own("siamese encoder, biases low", "three, no loss logged", lambda: Siamese(3, bias=-40.0), task="pairs", lr=0.01, logged=False),
        own("linear attention, feed-forward off", "four blocks", lambda: _linear(4, bias=-40.0), task="rows", lr=0.01),
        own("spectral normalisation, biases low", "three, adam", lambda: Sequence("spectral", 3, bias=-20.0), lr=0.001, **_ADAM),
    ]  # fmt: skip


def _flat() -> list[Own]:
    own = _own("saturated", "most units are flat at both ends and nothing is learned")
    return [
        own("graph of pixels, large tanh", "two", lambda: Grid(2, "tanh", 40.0), lr=1e-4),
        own("graph of pixels, large sigmoids", "two, chance not told", lambda: Grid(2, "sigmoid", 60.0), lr=1e-4, chance=False),
        own("deep sets, large tanh", "one and one", lambda: Sets(1, "tanh", 40.0), task="sets", lr=1e-5),
        own("siamese encoder, large sigmoids", "two", lambda: Siamese(2, "sigmoid", 80.0), task="pairs", lr=1e-5),
        own("siamese encoder, large tanh", "two", lambda: Siamese(2, "tanh", 40.0), task="pairs", lr=1e-5),
        own("wavenet from large weights", "three", lambda: _wave(3, gain=20.0), task="rows", lr=1e-6),
        own("curve by large tanh", "two", lambda: Sequence("plain", 2, 40.0, act="tanh", **_FIT), task="curve", lr=1e-5),
        own("curve by large sigmoids", "two, no loss logged", lambda: Sequence("plain", 2, 80.0, act="sigmoid", **_FIT), task="curve",
            lr=1e-5, logged=False),
    ]  # fmt: skip


def _still() -> list[Own]:
    own = _own("not_learning", "the signal travels and nothing is learned")
    return [
        own("squeeze and excitation, rate far too small", "six", lambda: _squeezed(6), lr=1e-7),
        own("squeeze and excitation, labels shuffled", "three", lambda: _squeezed(3), task="images shuffled", lr=0.01, steps=120),
        own("convnext, rate far too small", "four, chance not told", lambda: _next(4), lr=1e-8, chance=False, **_ADAM),
        own("gated mlp over rows, labels shuffled", "four", lambda: _spatial(4), lr=0.0003, steps=120, **_ROWS | {"task": "rows shuffled"}),
        own("wavenet over rows, rate far too small", "six", lambda: _wave(6), task="rows", lr=1e-7),
        own("one block eight times, rate far too small", "linear attention, chance not told", lambda: _linear(8, shared=True),
            lr=1e-8, chance=False, **_ROWS),
        own("steps of a flow, labels shuffled", "ten", lambda: Euler(), task="images shuffled", lr=0.005, steps=120),
        own("deep sets, rate far too small", "two and two", lambda: Sets(2), task="sets", lr=1e-7),
        own("siamese encoder, rate far too small", "two", lambda: Siamese(2), task="pairs", lr=1e-8, **_ADAM),
        own("sine layers, rate far too small", "three, chance not told", lambda: Sequence("sine", 3, 1.5, **_FIT), task="curve",
            lr=1e-7, chance=False),
        own("normalised gru, rate far too small", "rows", lambda: Recurrence("gru", 0.0, 8, 10), lr=1e-8, **_ROWS),
    ]  # fmt: skip
