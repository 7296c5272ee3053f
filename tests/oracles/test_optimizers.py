"""Each optimizer's update from identical gradients against torch.optim in float64."""

import math
from collections.abc import Callable

import pytest
import torch

from gradlab.config.experiment import Experiment
from gradlab.network.network import Leaf
from gradlab.network.place import Place
from gradlab.training.optimizers import optimizer

STEPS = 12

THEIRS = {
    "sgd": lambda p, lr, wd, o: torch.optim.SGD(p, lr=lr, weight_decay=wd),
    "momentum": lambda p, lr, wd, o: torch.optim.SGD(p, lr=lr, weight_decay=wd, momentum=o["momentum"]),
    "nesterov": lambda p, lr, wd, o: torch.optim.SGD(p, lr=lr, weight_decay=wd, momentum=o["momentum"], nesterov=True),
    "adagrad": lambda p, lr, wd, o: torch.optim.Adagrad(p, lr=lr, weight_decay=wd, eps=o["eps"]),
    "rmsprop": lambda p, lr, wd, o: torch.optim.RMSprop(p, lr=lr, weight_decay=wd, alpha=o["alpha"], eps=o["eps"]),
    "adam": lambda p, lr, wd, o: torch.optim.Adam(
        p, lr=lr, weight_decay=wd, betas=(o["beta1"], o["beta2"]), eps=o["eps"]
    ),
    "adamw": lambda p, lr, wd, o: torch.optim.AdamW(
        p, lr=lr, weight_decay=wd, betas=(o["beta1"], o["beta2"]), eps=o["eps"]
    ),
}

NUMBERS = [
    {"momentum": 0.9, "alpha": 0.99, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
    {"momentum": 0.5, "alpha": 0.9, "beta1": 0.8, "beta2": 0.95, "eps": 1e-5},
    {"momentum": 0.0, "alpha": 0.5, "beta1": 0.0, "beta2": 0.9, "eps": 1e-3},
]
RATES, DECAYS = (0.01, 0.1, 0.003), (0.02, 0.1, 0.3)
WARMUPS = (5, 0, STEPS)
"""Of the three runs, where there is warmup."""


def experiment(name: str, run: int, decay: bool, schedule: str, warmup: int = 0) -> Experiment:
    own = {key: value for key, value in NUMBERS[run].items() if key in OWN[name]}
    return Experiment.model_validate(
        {
            "model": {"depth": 1, "width": 5, "activation": "tanh"},
            "train": {
                "optimizer": {"name": name, **own}, "lr": RATES[run], "steps": STEPS, "schedule": schedule, "warmup": warmup,
                "weight_decay": DECAYS[run] if decay else 0.0, "dtype": "float64",
            },
        }
    )  # fmt: skip


OWN = {
    "sgd": (), "momentum": ("momentum",), "nesterov": ("momentum",), "adagrad": ("eps",), "rmsprop": ("alpha", "eps"),
    "adam": ("beta1", "beta2", "eps"), "adamw": ("beta1", "beta2", "eps"),
}  # fmt: skip


@pytest.mark.parametrize("warms", [False, True])
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("decay", [False, True])
@pytest.mark.parametrize("name", list(THEIRS))
def test_updates_agree_with_torch(name: str, decay: bool, schedule: str, warms: bool) -> None:
    """Each run has numbers of its own; the stored gradients carry an exponent of their own. 1e-12 relative to the weight."""
    warmups = WARMUPS if warms else (0, 0, 0)
    runs = [experiment(name, run, decay, schedule, warmups[run]) for run in range(3)]
    if name == "nesterov":  # torch asks for a positive momentum there
        runs = runs[:2]
    R, rows, size = len(runs), 2, 30
    generator = torch.Generator().manual_seed(5)
    value = torch.randn(rows, R, size, generator=generator, dtype=torch.float64)
    ours = optimizer(runs, STEPS, Place(torch.float64))
    leaf = Leaf("weight", 0, value.clone(), torch.zeros_like(value))
    ours.prepare(leaf)
    scale = 2.0 ** torch.randint(-5, 5, (rows, R), generator=generator).double()
    parameters = [value[:, run].clone().requires_grad_() for run in range(R)]
    theirs = []
    for run, parameter in enumerate(parameters):
        numbers = {**NUMBERS[run]}
        one = THEIRS[name]([parameter], RATES[run], DECAYS[run] if decay else 0.0, numbers)
        theirs.append((one, torch.optim.lr_scheduler.LambdaLR(one, factor(schedule, warmups[run]))))
    ours.load_block(0, STEPS)
    for step in range(STEPS):
        gradient = torch.randn(rows, R, size, generator=generator, dtype=torch.float64)
        leaf.gradient.copy_(gradient / scale.unsqueeze(2))
        before = leaf.value.clone()
        ours.begin(torch.tensor([step]))
        update = ours.update(leaf, scale, keep=True)
        if update is None:
            assert ours.derives_norm
        else:
            assert torch.allclose(update, leaf.value - before, rtol=0, atol=1e-14)
        for run, (one, schedule_of) in enumerate(theirs):
            parameters[run].grad = gradient[:, run].clone()
            one.step()
            schedule_of.step()
            torch.testing.assert_close(leaf.value[:, run], parameters[run].detach(), rtol=1e-12, atol=1e-14)


def factor(schedule: str, warmup: int) -> Callable[[int], float]:
    """The factor on the learning rate at a step."""

    def at(step: int) -> float:
        course = (1.0 + math.cos(step / STEPS * math.pi)) / 2.0 if schedule == "cosine" else 1.0
        return course * min(1.0, step / warmup) if warmup else course

    return at


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_a_warmup_is_linear_from_zero_and_then_the_schedule(schedule: str) -> None:
    ours = optimizer(
        [experiment("sgd", run, False, schedule, warmup) for run, warmup in enumerate(WARMUPS)],
        STEPS,
        Place(torch.float64),
    )
    for run, warmup in enumerate(WARMUPS):
        found = [ours.schedule(step, run) for step in range(STEPS)]
        assert found == pytest.approx([factor(schedule, warmup)(step) for step in range(STEPS)], rel=1e-15)
        assert (found[0] == 0.0) is (warmup > 0)


def test_one_step_of_cosine_starts_at_lr_and_nears_zero() -> None:
    ours = optimizer([experiment("sgd", 0, False, "cosine")], STEPS, Place(torch.float64))
    assert ours.schedule(0, 0) == 1.0
    assert 0 < ours.schedule(STEPS - 1, 0) < 0.02
