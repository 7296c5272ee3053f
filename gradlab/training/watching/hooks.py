"""Puts hooks in place, and takes them away."""

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from gradlab.training.watching.notices import Notices
from gradlab.training.watching.rows import Rows
from gradlab.training.watching.signals import ForwardHook, InputHook, Signals
from gradlab.training.watching.taps import Taps
from gradlab.training.watching.units import SLOPES, UnitsHook


class Hooks:
    """All hooks of a watch."""

    def __init__(self, rows: Rows, notices: Notices) -> None:
        self._rows, self._notices = rows, notices
        self._handles: list[Any] = []
        self._of_parameters: list[Any] = []
        self._of_modules: list[tuple[Any, Any]] = []

    @property
    def on_every_parameter(self) -> bool:
        return bool(self._of_parameters)

    def watch_modules(self, signals: Signals, taps: Taps | None, takes_time: bool) -> None:
        """Hooks of the rows.

        Args:
            signals: Where to what they see goes.
            taps: What stands in their place in a compiled module.
            takes_time: Whether the gradient over the time steps of fused RNNs is wanted.
        """
        rows = self._rows.rows
        for index, row in enumerate(rows):
            if not row.returns:
                continue
            if taps is not None:
                self._handles.append(row.module.register_forward_hook(taps.hook(index)))
                continue
            hook = ForwardHook(signals, index, row.is_block)
            self._of_modules.append((row.module.register_forward_hook(hook), hook))
            if takes_time and isinstance(row.module, nn.RNNBase) and not row.module.bidirectional:
                first = next(place for place, each in enumerate(rows) if each.module is row.module)
                of_input = InputHook(signals, first)
                self._of_modules.append((row.module.register_forward_pre_hook(of_input), of_input))

    def watch_activations(self, model: nn.Module, signals: Signals) -> None:
        """Hooks of the activation modules."""
        channels_first = [_has_channels_first(row.module) for row in self._rows.rows]
        for module in model.modules():
            if type(module) in SLOPES:
                hook = UnitsHook(signals, module, channels_first)
                self._of_modules.append((module.register_forward_hook(hook), hook))

    def pause(self, resume: bool) -> None:
        """Takes the modules' hooks away until a step is recorded again, and puts them back: a module without hooks is called faster."""
        for handle, hook in self._of_modules:
            hooks = handle.hooks_dict_ref()
            if hooks is not None:
                if resume:
                    hooks[handle.id] = hook
                else:
                    hooks.pop(handle.id, None)

    def watch_parameters(self, accumulated: Callable[[int], None]) -> None:
        """A hook on every parameter that is trained: called when its gradient is there."""
        for place, parameter in enumerate(self._rows.parameters):
            if parameter.requires_grad:
                self._of_parameters.append(self._on_gradient(parameter, accumulated, place))

    def watch_one_parameter(self, accumulated: Callable[[int], None], place: int) -> None:
        """One hook in place of those on every parameter."""
        for handle in self._of_parameters:
            handle.remove()
        self._of_parameters = []
        self._handles.append(self._on_gradient(self._rows.parameters[place], accumulated, place))

    def _on_gradient(self, parameter: nn.Parameter, accumulated: Callable[[int], None], place: int) -> Any:
        # Weakly: torch hides from Python's garbage collector what such a hook holds on to, and a module that was let go of would stay.
        notices, called = weakref.ref(self._notices), weakref.WeakMethod(accumulated)

        def hook(_: Any) -> None:
            guard, call = notices(), called()
            if guard is not None and call is not None:
                guard.guarded(call, place)()

        return parameter.register_post_accumulate_grad_hook(hook)  # type: ignore[no-untyped-call]

    def watch_optimizer(
        self, optimizer: torch.optim.Optimizer, before: Callable[[], None], after: Callable[[], None]
    ) -> None:
        """`before` is called when the gradients are there and about to be used, `after` when they were."""
        guarded = self._notices.guarded(before)

        def hook(_: Any, args: Any, kwargs: Any) -> Any:
            closure = kwargs.get("closure") or next((each for each in args[1:] if callable(each)), None)
            if closure is None:
                guarded()
                return None
            called: list[bool] = []

            def watched(*a: Any, **k: Any) -> Any:
                """The closure computes the gradients; where it is called several times, the first call's are those before the update."""
                result = closure(*a, **k)
                if not called:
                    called.append(True)
                    guarded()
                return result

            if "closure" in kwargs:
                return args, {**kwargs, "closure": watched}
            return tuple(watched if each is closure else each for each in args), kwargs

        self._handles.append(optimizer.register_step_pre_hook(hook))
        self._handles.append(optimizer.register_step_post_hook(self._notices.guarded(after)))

    def remove(self) -> None:
        for handle in (*self._handles, *self._of_parameters, *(handle for handle, _ in self._of_modules)):
            handle.remove()
        self._handles, self._of_parameters, self._of_modules = [], [], []


def _has_channels_first(module: nn.Module) -> bool:
    """Whether a module's units lie along the second dimension of what it returns, as channels of a convolution do."""
    names = {base.__name__ for base in type(module).__mro__}
    if names & {"_ConvNd", "_BatchNorm", "_InstanceNorm", "GroupNorm"}:
        return True
    return any(parameter.ndim > 2 for parameter in module.parameters(recurse=False))


def optimizer_steps(optimizers: Sequence[torch.optim.Optimizer]) -> int:
    """Steps that the optimizers took before, as far as their state tells; 0 where they have none."""
    states = [state for each in optimizers for state in each.state.values() if isinstance(state, dict)]
    counts = [float(state["step"]) for state in states if "step" in state]
    if len(counts) == len(states):  # Adagrad has states before its first step, of 0 steps
        return int(max(counts, default=0))
    return max(1, int(max(counts, default=0)))
