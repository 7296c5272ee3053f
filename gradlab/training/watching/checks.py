"""What can be watched, and what is refused by name."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import nn

from gradlab.config.quantities import GROUPS, LAYER_NAMES, selected
from gradlab.errors import UsageError
from gradlab.training.watching.record import QUANTITIES
from gradlab.training.watching.rows import unwrapped


def checked_model(model: Any) -> nn.Module:
    """The module to be watched, without wrappers.

    Raises:
        UsageError: If it is none, has no parameters or none with a shape, or is of a kind whose gradients cannot be seen.
    """
    if not isinstance(model, nn.Module):
        raise UsageError(
            f"watch  model: expected a torch.nn.Module, got {type(model).__name__}: hand over the network itself"
        )
    for module in model.modules():
        _refuse_kind(module)
    inner = unwrapped(model)
    parameters = dict(inner.named_parameters())
    if not parameters:
        raise UsageError(f"watch  model: {type(inner).__name__} has no parameters, so there is no gradient to record")
    for name, parameter in parameters.items():
        if isinstance(parameter, nn.parameter.UninitializedParameter):
            raise UsageError(f"watch  model: {name} has no shape yet: call the model once on a batch, then watch it")
        kinds = {base.__name__ for each in (parameter, parameter.data) for base in type(each).__mro__}
        if kinds & {"DTensor", "FlatParameter", "ShardedTensor"}:
            raise UsageError(
                f"watch  model: {name} is sharded (FSDP or DTensor), and a shard's norm is not the layer's: "
                "watch an unsharded copy, or train it with DistributedDataParallel"
            )
    return inner


def _refuse_kind(module: nn.Module) -> None:
    names = {base.__name__ for base in type(module).__mro__}
    if isinstance(module, nn.DataParallel):
        raise UsageError(
            "watch  model: DataParallel trains replicas whose signals a hook cannot tell apart: watch the module inside "
            "and train it on one device, or with DistributedDataParallel"
        )
    if isinstance(module, torch.jit.ScriptModule):
        raise UsageError("watch  model: TorchScript calls no hooks: watch the module before torch.jit.script or trace")
    if names & {"FullyShardedDataParallel", "FSDPModule", "FullyShardedDataParallelV2"}:
        raise UsageError(
            "watch  model: FSDP shards the parameters, and a shard's norm is not the layer's: watch an unsharded copy, "
            "or train it with DistributedDataParallel"
        )
    if names & {"DeepSpeedEngine"}:
        raise UsageError("watch  model: DeepSpeed (ZeRO) shards gradients: watch an unsharded copy of the module")


def checked_optimizers(optimizer: Any, model: nn.Module) -> list[torch.optim.Optimizer]:
    """The optimizers, without the wrappers of accelerate, transformers and Lightning.

    Raises:
        UsageError: If one is no optimizer, or steps no parameter of the model's.
    """
    given = list(optimizer) if isinstance(optimizer, list | tuple) else [optimizer]
    found = [_bare(each) for each in given]
    if not found:
        raise UsageError("watch  optimizer: the list is empty: hand over the optimizer that steps the model")
    own = {id(parameter) for parameter in model.parameters()}
    for each in found:
        if not own & {id(parameter) for group in each.param_groups for parameter in group["params"]}:
            raise UsageError(
                f"watch  optimizer: {type(each).__name__} steps none of the model's parameters: was it made for another model, "
                "or before the parameters were replaced?"
            )
    if len({id(each) for each in found}) < len(found):
        raise UsageError("watch  optimizer: one optimizer stands twice in the list: name each once")
    return found


def _bare(optimizer: Any) -> torch.optim.Optimizer:
    seen: set[int] = set()
    while id(optimizer) not in seen:
        seen.add(id(optimizer))
        for name in ("optimizer", "_optimizer"):
            inner = getattr(optimizer, name, None)
            if isinstance(inner, torch.optim.Optimizer):
                optimizer = inner
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise UsageError(
            f"watch  optimizer: expected a torch.optim.Optimizer or a list of them, got {type(optimizer).__name__}"
        )
    return optimizer


def checked_quantities(quantities: str | Sequence[str]) -> tuple[str, ...]:
    """Names of the quantities to record.

    Raises:
        UsageError: If a name is unknown, or of a quantity that only gradlab's own networks have.
    """
    try:
        names = selected(quantities, {"module", "norm"})
    except ValueError as error:
        groups = ", ".join(GROUPS)
        raise UsageError(
            f"watch  quantities: {error}: groups are {groups}; quantities {', '.join(QUANTITIES)}"
        ) from None
    asked: Iterable[str] = [quantities] if isinstance(quantities, str) else quantities
    for name in asked:
        if name in LAYER_NAMES and name not in QUANTITIES:
            raise UsageError(
                f"watch  quantities: {name} is not recorded of a module of one's own: leave it out, or ask for {', '.join(QUANTITIES)}"
            )
    return tuple(name for name in names if name in QUANTITIES)
