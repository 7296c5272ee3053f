"""Signals of the rows: the norm of a row's output, and of the loss's gradient with respect to it.

A forward hook takes the first and puts a hook on the output tensor, which takes the second. A full backward hook would break where the
output is changed in place afterwards (`ReLU(inplace=True)`, `out += x`); a tensor's hook gives the gradient from before the change.

A call counts only once its gradient arrives, so evaluation, `no_grad` and the second run of a checkpoint count for nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from gradlab.training.watching.calls import Calls
from gradlab.training.watching.norms import norm, norms
from gradlab.training.watching.passes import OUTSIDE, Passes

Call = list[Any]
"""A call: row, norm of the output, its entries, of several outputs what they share and which of them it is (None where there is one), then
what activation modules made of it."""

CALLS_NOTED = 100_000
"""Calls whose order is kept, of the first step."""

_current = torch._C._current_graph_task_id
_compiling = torch.compiler.is_compiling


class Signals:
    """What arrived since the last update.

    Attributes:
        looking: Whether this step is recorded.
        learning: Whether the order of calls is noted: in the first step that is recorded.
        fired: Whether any module was seen to be called.
        arrived: Call and the norm of its gradient, last call first; None where a backward pass began.
        times: Row of a fused RNN, then the norms of the loss's gradient with respect to its input at the first and the last time step.
        called: Rows in the order of their calls.
        calls: Whether calls of a row read one another.
        last: Latest call of a layer, which an activation module reads.
    """

    def __init__(self, passes: Passes, fault: Callable[[Exception], None]) -> None:
        """`fault` is told of every exception in a hook; none leaves it."""
        self.passes, self.fault = passes, fault
        self.looking = self.learning = True
        self.fired = False
        self.arrived: list[tuple[Call, Any] | None] = []
        self.times: list[tuple[int, Any]] = []
        self.called: list[int] = []
        self.calls = Calls()
        self.last: Call | None = None

    def clear(self) -> None:
        self.arrived, self.times = [], []

    def take(self, of: Callable[[int], bool]) -> tuple[list[tuple[Call, Any] | None], list[tuple[int, Any]]]:
        """Takes out what arrived for some rows: calls, with the beginnings of passes, and times."""
        mine = [entry is not None and of(entry[0][0]) for entry in self.arrived]
        arrived = [entry for entry, is_mine in zip(self.arrived, mine, strict=True) if is_mine or entry is None]
        times = [each for each in self.times if of(each[0])]
        self.arrived = [entry for entry, is_mine in zip(self.arrived, mine, strict=True) if not is_mine]
        self.times = [each for each in self.times if not of(each[0])]
        if not any(self.arrived):
            self.arrived = []
        return arrived, times

    def follow(self, tensor: Tensor, call: Call) -> None:
        """Waits for the gradient of a call's output.

        Its node in the graph is asked, which costs half of what a hook of the tensor does; it too is that from before a change in place.
        """
        node = tensor.grad_fn
        if node is None:  # a leaf
            tensor.register_hook(lambda gradient: self.arrive(call, (gradient,)))  # type: ignore[no-untyped-call]
        elif tensor.output_nr:
            node.register_prehook(partial(self.arrive_at, call, tensor.output_nr))
        else:
            node.register_prehook(partial(self.arrive, call))

    def arrive_at(self, call: Call, place: int, gradients: Sequence[Tensor | None]) -> None:
        """The gradients of several outputs of an operation are there."""
        self.arrive(call, gradients[place : place + 1])

    def arrive(self, call: Call, gradients: Sequence[Tensor | None]) -> None:
        """A call's gradient is there."""
        gradient = gradients[0]
        if self.looking and gradient is not None:
            try:
                if _current() != self.passes.task:
                    self.passes.enter()
                self.arrived.append((call, norm(gradient)))
            except Exception as error:
                self.fault(error)

    def note(self, row: int, output: Any, is_block: bool) -> None:
        """A row was called, and returned something else than one tensor.

        Its signal is that of the first tensor that a gradient comes back to: an LSTM cell's is h and not c, and a layer's that only its
        last hidden state is used of is that state.
        """
        shared = object()
        for place, tensor in enumerate(tensors_of(output)):
            if tensor.requires_grad:
                call: Call = [row, norm(tensor), tensor.numel(), (shared, place)]
                if not is_block:
                    self.last = call
                self.follow(tensor, call)

    def note_order(self, row: int, output: Any) -> None:
        if _current() == OUTSIDE and len(self.called) < CALLS_NOTED:
            self.called.append(row)
            self.calls.note(row, list(tensors_of(output)))


class _Hook:
    """A hook that its module keeps. Copies and pickles of the module get one that does nothing, and needs no gradlab to be loaded."""

    __slots__ = ()

    def __deepcopy__(self, memo: Any) -> Any:
        return nullcontext().__exit__

    def __reduce__(self) -> Any:
        return getattr, (nullcontext(), "__exit__")


class ForwardHook(_Hook):
    """Takes the norm of what a row returns."""

    __slots__ = ("is_block", "row", "signals")

    def __init__(self, signals: Signals, row: int, is_block: bool) -> None:
        self.signals, self.row, self.is_block = signals, row, is_block

    def __call__(self, module: nn.Module, args: Any, output: Any) -> None:
        if _compiling():
            return
        signals = self.signals
        signals.fired = True
        if not signals.looking:
            return
        try:
            if signals.passes.open and _current() == OUTSIDE:
                signals.passes.forget()
            if signals.learning:
                signals.note_order(self.row, output)
            if not isinstance(output, Tensor):
                signals.note(self.row, output, self.is_block)
            elif output.requires_grad:
                call: Call = [self.row, norm(output), output.numel(), None]
                if not self.is_block:
                    signals.last = call
                signals.follow(output, call)
        except Exception as error:
            signals.fault(error)


class InputHook(_Hook):
    """Takes the norm of the gradient with respect to each time step of a fused RNN's input.

    Such an RNN is one operation: its own recurrence shows in no gradient but its input's, which a network's first layer has none of. So
    the RNN gets the same numbers as an input that requires a gradient.
    """

    __slots__ = ("row", "signals")

    def __init__(self, signals: Signals, row: int) -> None:
        self.signals, self.row = signals, row

    def __call__(self, module: nn.RNNBase, args: Any) -> Any:
        if _compiling() or not self.signals.looking or not torch.is_grad_enabled():
            return None
        try:
            return self._replaced(module, args)
        except Exception as error:
            self.signals.fault(error)
        return None

    def _replaced(self, module: nn.RNNBase, args: Any) -> Any:
        if not args:
            return None
        given = args[0]
        packed = isinstance(given, PackedSequence)
        data = given.data if packed else given
        if not isinstance(data, Tensor) or not data.is_floating_point():
            return None
        sizes = given.batch_sizes if packed else None
        time = 0 if sizes is not None or data.ndim < 3 or not module.batch_first else 1
        take = partial(self._take, sizes, time)
        if data.requires_grad:
            data.register_hook(take)  # type: ignore[no-untyped-call]
            return None
        own = _Input.apply(data, torch.zeros((), requires_grad=True), take)  # type: ignore[no-untyped-call]
        return (given._replace(data=own) if packed else own, *args[1:])

    def _take(self, sizes: Tensor | None, time: int, gradient: Tensor) -> None:
        signals = self.signals
        if signals.looking:
            try:
                if _current() != signals.passes.task:
                    signals.passes.enter()
                ends = _ends(gradient.detach(), sizes, time)
                if ends is not None:
                    signals.times.append((self.row, norms(ends)))
            except Exception as error:
                signals.fault(error)


def _ends(gradient: Tensor, sizes: Tensor | None, time: int) -> list[Tensor] | None:
    """The gradients at the first and the last time step; None where there is one step. Of a packed batch those of its longest sequences."""
    if sizes is None:
        if gradient.shape[time] < 2:
            return None
        return [gradient.select(time, 0), gradient.select(time, -1)]
    if len(sizes) < 2:
        return None
    longest = int(sizes[-1])
    return [gradient[:longest], gradient[-longest:]]


class _Input(torch.autograd.Function):
    """The same tensor, as one that requires a gradient; the gradient is looked at and goes nowhere."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, leaf: Tensor, take: Callable[[Tensor], None]) -> Tensor:
        ctx.take = take
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        ctx.take(gradients[0])
        return None, None, None


def tensors_of(output: Any, depth: int = 0) -> Iterator[Tensor]:
    """Tensors in what a module returns: in tuples, lists, mappings and dataclasses, each once."""
    if isinstance(output, Tensor):
        if output.is_floating_point() or output.is_complex():
            yield output
        return
    if depth > 4:
        return
    if isinstance(output, Mapping):
        items = list(output.values())
    elif isinstance(output, tuple | list):
        items = list(output)
    elif hasattr(output, "__dataclass_fields__"):
        items = [getattr(output, name, None) for name in output.__dataclass_fields__]
    else:
        return
    seen: set[int] = set()
    for item in items:
        for tensor in tensors_of(item, depth + 1):
            if id(tensor) not in seen:
                seen.add(id(tensor))
                yield tensor
