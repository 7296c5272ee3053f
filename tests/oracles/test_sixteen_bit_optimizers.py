"""`arithmetic: same` against torch.optim on 16-bit parameters, on the CPU, operation by operation in the format itself."""

import pytest
import torch
from torch import Tensor

from gradlab.config.experiment import Experiment
from gradlab.network.network import Leaf
from gradlab.network.place import Place
from gradlab.training.optimizers import optimizer

STEPS, ROWS, SIZE = 20, 2, 400
FORMATS = {"float16": torch.float16, "bfloat16": torch.bfloat16}
RATES, DECAY = (0.01, 0.1, 0.003), 0.02

NUMBERS = {
    "sgd": [{}, {}, {}],
    "momentum": [{"momentum": m} for m in (0.9, 0.5, 0.99)],
    "nesterov": [{"momentum": m} for m in (0.9, 0.5, 0.99)],
    "adagrad": [{"eps": e} for e in (1e-3, 1e-4, 1e-2)],
    "rmsprop": [{"alpha": a, "eps": e} for a, e in ((0.99, 1e-3), (0.9, 1e-4), (0.5, 1e-2))],
    "adam": [
        {"beta1": a, "beta2": b, "eps": e} for a, b, e in ((0.9, 0.999, 1e-3), (0.3, 0.95, 1e-4), (0.0, 0.9, 1e-2))
    ],
}
NUMBERS["adamw"] = NUMBERS["adam"]


def theirs(name: str, parameter: Tensor, lr: float, decay: float, own: dict[str, float]) -> torch.optim.Optimizer:
    match name:
        case "adagrad":
            return torch.optim.Adagrad([parameter], lr=lr, weight_decay=decay, eps=own["eps"])
        case "rmsprop":
            return torch.optim.RMSprop([parameter], lr=lr, weight_decay=decay, alpha=own["alpha"], eps=own["eps"])
        case "adam" | "adamw":
            kind = torch.optim.Adam if name == "adam" else torch.optim.AdamW
            return kind([parameter], lr=lr, weight_decay=decay, betas=(own["beta1"], own["beta2"]), eps=own["eps"])
    return torch.optim.SGD(
        [parameter], lr=lr, weight_decay=decay, momentum=own.get("momentum", 0.0), nesterov=name == "nesterov"
    )


STATES = {
    "sgd": (), "momentum": ("momentum_buffer",), "nesterov": ("momentum_buffer",), "adagrad": ("sum",), "rmsprop": ("square_avg",),
    "adam": ("exp_avg", "exp_avg_sq"), "adamw": ("exp_avg", "exp_avg_sq"),
}  # fmt: skip


def experiment(name: str, dtype: str, run: int, decay: float, own: dict[str, float] | None = None) -> Experiment:
    return Experiment.model_validate(
        {
            "model": {"depth": 1, "width": 5, "activation": "tanh"},
            "train": {
                "optimizer": {"name": name, **(NUMBERS[name][run] if own is None else own)}, "lr": RATES[run], "steps": STEPS,
                "weight_decay": decay, "dtype": {"storage": dtype, "arithmetic": "same"},
            },
        }
    )  # fmt: skip


def bits(tensor: Tensor) -> Tensor:
    """Place of each number among all of its format, so that neighbours differ by one; NaN has one place."""
    held = tensor.contiguous().view(torch.int16).int()
    ordered = torch.where(held < 0, -(held & 0x7FFF), held)
    return torch.where(tensor.isnan(), torch.tensor(40_000), ordered)


@pytest.mark.parametrize("decay", [0.0, DECAY])
@pytest.mark.parametrize("dtype", list(FORMATS))
@pytest.mark.parametrize("name", list(NUMBERS))
def test_every_optimizer_rounds_as_torch_does(name: str, dtype: str, decay: float) -> None:
    """Weights and state after each of 20 steps, each from torch's own before it; each run has numbers of its own.

    torch computes an operation in float32, with the learning rate or a decay as a number of the call, and rounds once. Here these are
    vectors over the runs, and a product with one is rounded to float32 before it is added. Where float32's last bit decides a rounding
    to 16 bits the result is the neighbour: for one number in 2^13 in float16, in 2^16 in bfloat16, so at most one in 400 here. A
    neighbour of what: of the larger of the number before and after, since a weight that an update brings near zero has finer ones.
    """
    generator = torch.Generator().manual_seed(7)
    format_ = FORMATS[dtype]
    value = torch.randn(ROWS, 3, SIZE, generator=generator).to(format_)
    runs = [experiment(name, dtype, run, decay) for run in range(3)]
    ours = optimizer(runs, STEPS, Place(format_))
    leaf = Leaf("weight", 0, value.clone(), torch.zeros_like(value))
    ours.prepare(leaf)
    assert all(state.dtype is format_ for state in leaf.state)
    parameters = [value[:, run].clone().requires_grad_() for run in range(3)]
    others = [theirs(name, one, RATES[run], decay, NUMBERS[name][run]) for run, one in enumerate(parameters)]
    ours.load_block(0, STEPS)
    scale = torch.ones(ROWS, 3, dtype=torch.float64)
    grain, unequal, compared = torch.finfo(format_).eps, 0, 0
    for step in range(STEPS):
        gradient = torch.randn(ROWS, 3, SIZE, generator=generator).to(format_)
        leaf.gradient.copy_(gradient)
        before = [held.clone().double() for held in (leaf.value, *leaf.state)]
        ours.begin(torch.tensor([step]))
        ours.update(leaf, scale, keep=False)
        for run, other in enumerate(others):
            parameters[run].grad = gradient[:, run].clone()
            other.step()
            state = other.state[parameters[run]]
            its = [parameters[run].detach(), *(state[key] for key in STATES[name])]
            for held, old, its_own in zip((leaf.value, *leaf.state), before, its, strict=True):
                assert its_own.dtype is format_
                apart = (held[:, run].double() - its_own.double()).abs()
                assert (apart <= grain * torch.maximum(old[:, run].abs(), its_own.double().abs())).all(), (step, run)
                unequal, compared = unequal + int((apart > 0).sum()), compared + apart.numel()
                held[:, run].copy_(its_own)
    assert unequal <= compared / 400


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_adam_on_half_parameters_is_not_finite_after_its_first_step(name: str) -> None:
    """eps, 1e-8, rounds to 0 in float16, and the square of a gradient below 2e-4 too: 0 / 0 and x / 0, where torch has them."""
    own = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
    generator = torch.Generator().manual_seed(8)
    value = torch.randn(1, 1, SIZE, generator=generator).half()
    gradient = (1e-4 * torch.randn(1, 1, SIZE, generator=generator)).half()
    gradient[..., :5] = 0.0
    one = experiment(name, "float16", 0, 0.0, own)
    ours = optimizer([one], STEPS, Place(torch.float16))
    leaf = Leaf("weight", 0, value.clone(), gradient.clone())
    ours.prepare(leaf)
    ours.load_block(0, 1)
    ours.begin(torch.tensor([0]))
    ours.update(leaf, torch.ones(1, 1, dtype=torch.float64), keep=False)
    parameter = value[:, 0].clone().requires_grad_()
    other = theirs(name, parameter, RATES[0], 0.0, own)
    parameter.grad = gradient[:, 0].clone()
    other.step()
    its = parameter.detach()
    assert not its.isfinite().all()
    assert torch.equal(bits(leaf.value[:, 0]), bits(its))
