"""A pretend accelerator, so that what a GPU would refuse or wait for is seen on machines without one.

Its tensors say `pretend:0`; their numbers lie in CPU tensors, so they are those of the CPU, bit for bit. It is built on torch's own Python
backend for `PrivateUse1`: which operation runs where is decided by torch's dispatcher, as for CUDA. It knows no speed, no CUDA kernels, no
streams and no memory limit.

- An operation that mixes devices raises, and so do `.numpy()` and what would need to move a tensor's memory.
- `watched()` tells of a stretch of code what it read back, what it sent to the device, and which operations it launched, on which memory
  and with what numbers from the host.
- Two stretches whose launches are equal differ only in what lies on the device, so the first could be captured as a CUDA graph and be
  launched again in place of the second. `Watched.replay` does just that.

    with pretend_device() as device, watched() as seen:
        step(device)
    assert not seen.reads
    seen.replay()
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple
from unittest import mock

import torch
from torch import Tensor
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

NAME = "pretend"

_READ_BACK = {"aten::_local_scalar_dense", "aten::equal", "aten::is_nonzero", "aten::masked_select", "aten::nonzero"}
"""Operations whose result, or the size of it, the host waits for."""

_MOVES = {"aten::_to_copy", "aten::copy_", "aten::_copy_from"}
"""Operations that may have operands on two devices."""

_aten = torch.ops.aten
_UNASKED = [
    _aten.empty.memory_format, _aten.empty_strided.default, _aten._to_copy.default, _aten.copy_.default, _aten._copy_from.default,
    _aten.arange.default, _aten.arange.start, _aten.arange.start_step, _aten.mish_backward.default,
]  # fmt: skip
"""What the dispatcher asks no fallback for: what makes tensors or moves them between devices, and what a GPU does in one operation that the
dispatcher would write out in several."""


class Launch(NamedTuple):
    """One operation as the device gets it.

    Attributes:
        name: Its name and overload.
        operands: Shape, dtype and memory of each tensor: `kept` where the memory was there before, with its address, or `made` and when.
        numbers: Everything else that it was given, as text; the value of a number that came as a tensor of the host among it.
    """

    name: str
    operands: tuple[object, ...]
    numbers: tuple[str, ...]


class Watched:
    """What happened on the device in a stretch of code.

    Attributes:
        reads: What was read back, by operation.
        writes: What was sent to the device, by operation.
        launches: Every operation, in order.
    """

    def __init__(self) -> None:
        self.reads: list[str] = []
        self.writes: list[str] = []
        self.launches: list[Launch] = []
        self._calls: list[tuple[Any, Any, Any, list[Tensor]]] = []  # holds all memory, so that no address comes twice
        self._made: dict[int, int] = {}

    def replay(self) -> None:
        """Launches the same operations again on the same memory."""
        assert not self.reads, f"cannot be captured, the host waits for {self.reads}"
        assert not self.writes, f"cannot be captured, the host sends {self.writes}"
        for func, args, kwargs, results in self._calls:
            now = [leaf for leaf in _leaves([func(*args, **kwargs)]) if isinstance(leaf, Tensor)]
            for target, source in zip(results, now, strict=True):
                if target is not source:
                    target.copy_(source)

    def note(self, func: Any, args: Any, kwargs: Any, result: Any, from_host: list[Tensor]) -> None:
        """Keeps an operation on the CPU tensors that hold the device's numbers; `from_host` are those that lie with the host."""
        hosts = {id(tensor) for tensor in from_host}
        leaves = _leaves([*args, *kwargs.values()])
        operands = [leaf for leaf in leaves if isinstance(leaf, Tensor) and id(leaf) not in hosts]
        results = [leaf for leaf in _leaves([result]) if isinstance(leaf, Tensor)]
        before = {_storage(operand) for operand in operands}
        if results and not func._schema.is_mutable and all(_storage(made) in before for made in results):
            return  # a view: nothing is launched
        numbers = [leaf for leaf in leaves if not isinstance(leaf, Tensor)]
        numbers += [tensor.item() for tensor in from_host if tensor.dim() == 0]
        self.launches.append(Launch(func.name(), tuple(map(self._memory, operands)), tuple(map(repr, numbers))))
        for made in results:
            if _storage(made) not in before:
                self._made.setdefault(_storage(made), len(self._made))
        self._calls.append((func, args, kwargs, results))

    def _memory(self, tensor: Tensor) -> object:
        own = _storage(tensor)
        memory = ("made", self._made[own]) if own in self._made else ("kept", own)
        return tuple(tensor.shape), tensor.stride(), tensor.dtype, *memory, tensor.storage_offset()


_watching: list[Watched] = []


@contextmanager
def watched() -> Iterator[Watched]:
    """Collects what happens on the device."""
    seen = Watched()
    _watching.append(seen)
    try:
        yield seen
    finally:
        _watching.remove(seen)


@contextmanager
def pretend_device() -> Iterator[torch.device]:
    """The device. Afterwards torch is as before, but for a backend of this name that nobody else asks for."""
    device = _install()
    plain = torch.tensor

    def tensor(data: Any, *, dtype: Any = None, device: Any = None, **rest: Any) -> Tensor:
        """`torch.tensor` does not dispatch to a Python backend."""
        made = plain(data, dtype=dtype, device="cpu" if _is_pretend(device) else device, **rest)
        return made.to(device) if _is_pretend(device) else made

    with mock.patch.object(torch, "tensor", tensor):
        yield device


class Pretended(Tensor):
    """A tensor on the device; `raw` holds its numbers."""

    raw: Tensor

    @staticmethod
    def __new__(cls, raw: Tensor) -> "Pretended":
        own = Tensor._make_wrapper_subclass(
            cls, raw.size(), raw.stride(), raw.storage_offset(), dtype=raw.dtype, device=torch.device(NAME, 0)
        )  # fmt: skip
        own.raw = raw
        return own

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]
        return f"{self.raw!r} on {NAME}:0"

    def tolist(self) -> Any:
        """Read back, as of any device; of subclasses torch refuses it."""
        return self.cpu().tolist()

    def numpy(self, **_: Any) -> Any:  # type: ignore[override]
        """Refused, as of any device."""
        raise TypeError(f"can't convert {NAME}:0 device type tensor to numpy. Use Tensor.cpu() first.")


def _run(func: Any, args: Any, kwargs: Any) -> Any:
    """Runs an operation on the CPU tensors behind the device's, and keeps the rules of a device."""
    name = func.name()
    operands = [leaf for leaf in _leaves([*args, *kwargs.values()]) if isinstance(leaf, Tensor)]
    ours = [operand for operand in operands if isinstance(operand, Pretended)]
    others = [operand for operand in operands if not isinstance(operand, Pretended)]
    into = kwargs.get("device")
    lands_here = _is_pretend(into) if into is not None else bool(ours)
    if name in _MOVES:
        lands_here = isinstance(operands[0], Pretended) if name == "aten::copy_" else lands_here
        if ours and not lands_here:
            _note("reads", name)
        if others and lands_here:
            _note("writes", name)
    elif ours and (away := [other for other in others if other.dim() > 0]):
        raise RuntimeError(f"{name}: expected all tensors on {NAME}:0, found one on {away[0].device}, {away[0].shape}")
    if name in _READ_BACK and ours:
        _note("reads", name)
    raw_args, raw_kwargs = _mapped(_raw, args), {key: _mapped(_raw, value) for key, value in kwargs.items()}
    if into is not None:
        raw_kwargs["device"] = "cpu"
    result = func(*raw_args, **raw_kwargs)
    if ours or lands_here:
        for seen in _watching:
            seen.note(func, raw_args, raw_kwargs, result, others)
    owners = {id(_raw(operand)): operand for operand in operands}  # what was written to is handed back itself

    def wrapped(out: Any) -> Any:
        if not isinstance(out, Tensor):
            return out
        owner = owners.get(id(out))
        if owner is None:
            return Pretended(out) if lands_here else out
        if owner.shape != out.shape:
            raise RuntimeError(f"{name}: would move the memory of a tensor of shape {tuple(owner.shape)}")
        return owner

    return _mapped(wrapped, result)


def _leaves(branches: Sequence[Any]) -> list[Any]:
    """What lies in nested lists and tuples; torch's own pytrees are slow."""
    leaves = []
    for branch in branches:
        if isinstance(branch, (list, tuple)):
            leaves += _leaves(branch)
        else:
            leaves.append(branch)
    return leaves


def _mapped(function: Callable[[Any], Any], branch: Any) -> Any:
    if not isinstance(branch, (list, tuple)):
        return function(branch)
    return type(branch)(_mapped(function, each) for each in branch)


def _storage(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _raw(value: Any) -> Any:
    return value.raw if isinstance(value, Pretended) else value


def _is_pretend(device: Any) -> bool:
    return device is not None and torch.device(device).type == NAME


def _note(kind: str, name: str) -> None:
    for seen in _watching:
        getattr(seen, kind).append(name)


_libraries: list[torch.library.Library] = []


@cache
def _install() -> torch.device:
    """Tells torch of the device, which can be done once in a process and not be undone."""
    _setup_privateuseone_for_python_backend(NAME)
    fallback, kernels = (
        torch.library.Library("_", "IMPL", "PrivateUse1"),
        torch.library.Library("aten", "IMPL", "PrivateUse1"),
    )
    _libraries.extend((fallback, kernels))
    fallback.fallback(lambda func, *args, **kwargs: _run(func, args, kwargs))
    for func in _UNASKED:
        kernels.impl(func, lambda *args, _func=func, **kwargs: _run(_func, args, kwargs))
    return torch.device(NAME, 0)
