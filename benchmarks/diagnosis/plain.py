"""A case trained a second time, in plain PyTorch with autograd and torch.optim: what the proofs of the labels look at.

It shares with gradlab the data, the weights at the start and the order of the examples, so that it is the same run; forward, backward,
loss, update and every figure are PyTorch's own. No rule of gradlab is asked.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.diagnosis.case import Case
from benchmarks.diagnosis.trained import batch_of, dataset_of

DTYPES = {"float32": torch.float32, "float64": torch.float64, "bfloat16": torch.bfloat16, "float16": torch.float16}

MOST_EXAMPLES = 600
"""Training examples that the state is measured on, where there are more."""

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda z: z,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": functional.relu,
    "selu": functional.selu,
    "silu": functional.silu,
    "gelu": functional.gelu,
    "mish": functional.mish,
    "softplus": functional.softplus,
    "softsign": functional.softsign,
    "hardtanh": functional.hardtanh,
    "scaled_sigmoid": lambda z: 4 * torch.sigmoid(z) - 2,
    "step": lambda z: (z > 0).to(z.dtype) + 0 * z,  # a derivative of 0 in place of none
}


Layers = list[tuple[Tensor, Tensor]]
"""Weight [I, O] and bias [O] of every layer, the readout last."""

Look = Callable[[int, Layers, list[Tensor] | None], bool]
"""Steps taken, the network as it is then -> whether to stop."""


@dataclass(frozen=True)
class State:
    """What a network is at one moment, over the training examples.

    Attributes:
        loss: Mean loss, without its scale.
        accuracy: Share classified right, None for numbers.
        dead: Share of the units of each hidden layer with less than 0.1 % of the largest slope for every example, [depth].
        flat: Share of the entries of each hidden layer with less than a tenth of the largest slope, [depth].
        reach: log10 of the rms of ∂ℓ_i/∂z by hidden layer, in float64, [depth].
    """

    loss: float
    accuracy: float | None
    dead: list[float]
    flat: list[float]
    reach: list[float]


@dataclass(frozen=True)
class Course:
    """One training.

    Attributes:
        losses: Loss of each step's batch, with its scale; it ends where it stops being finite.
        finite: Whether it stayed finite.
        start: State before the first step.
        end: State after the last one, None where it did not stay finite.
    """

    losses: list[float] = field(repr=False)
    finite: bool
    start: State
    end: State | None


class Plain:
    """The network of a case, with everything to train it."""

    def __init__(self, case: Case) -> None:
        self.case, self.experiment = case, case.experiment
        self.dataset = dataset_of(self.experiment.data, self.experiment.train.loss)
        batch = batch_of([case], self.dataset)
        self.dtype = batch.place.dtype
        self.num_steps = batch.num_steps
        parameters = batch.network.parameters
        depth = self.experiment.model.depth
        weights = [parameters.first_RDN[0], *parameters.inner_KRNN[:, 0].unbind(0), parameters.readout_RNC[0]]
        biases = [*parameters.bias_LR1N[:, 0, 0].unbind(0), parameters.readout_bias_R1C[0, 0]]
        self.begun = [(weight.clone(), bias.clone()) for weight, bias in zip(weights, biases, strict=True)]
        self._slopes = None if parameters.slope_LR11 is None else parameters.slope_LR11[:, 0, 0, 0].clone()
        self.depth = depth
        self.inputs, targets = torch.from_numpy(self.dataset.train_inputs), torch.from_numpy(self.dataset.train_targets)
        self.targets = targets
        feed = batch.feed
        self.order: list[Tensor] = []
        while len(self.order) < self.num_steps:
            count = min(batch.block_steps, self.num_steps - len(self.order))
            feed.load_block(count)
            self.order += [feed._order_TX[step].clone() for step in range(count)]
        loss = self.experiment.train.loss
        self.loss_name = loss if loss != "auto" else ("cross_entropy" if self.classifies else "mse")

    @property
    def classifies(self) -> bool:
        """Whether the targets are classes."""
        return self.dataset.task == "classes"

    @cached_property
    def constant(self) -> tuple[float, float]:
        """Loss and accuracy of the best answer that does not look at the inputs."""
        targets = self.dataset.train_targets
        if not self.classifies:
            return float(np.mean(np.var(targets, axis=0))), 0.0
        share = np.bincount(targets) / len(targets)
        share = share[share > 0]
        entropy = float(-(share * np.log(share)).sum())
        return (float(1.0 - (share**2).sum()) / len(share) if self.loss_name == "mse" else entropy), float(share.max())

    def train(self, frozen: int = 0, rate: float = 1.0, nudge: float = 0.0, look: Look | None = None) -> Course:
        """Trains from the start.

        Args:
            frozen: Hidden layers from the input up that are not updated.
            rate: Factor on the learning rate.
            nudge: Relative size of a random change to every weight at the start.
            look: Is shown the network after every step, and says whether that is enough.
        """
        layers = [(weight.clone(), bias.clone()) for weight, bias in self.begun]
        if nudge:
            random = torch.Generator().manual_seed(1)
            for weight, _ in layers:
                weight.mul_(1 + nudge * torch.randn(weight.shape, generator=random).to(weight.dtype))
        slopes = None if self._slopes is None else list(self._slopes.clone().unbind(0))
        moving = [tensor for layer in layers[frozen:] for tensor in layer]
        if slopes is not None:
            slopes = [slope.clone() for slope in slopes]
            moving += slopes[frozen:]
        for tensor in moving:
            tensor.requires_grad_(True)
        masters = [
            tensor.detach().clone().float() if self.dtype in (torch.float16, torch.bfloat16) else tensor
            for tensor in moving
        ]
        optimizer = self.optimizer(masters, rate)
        schedule = self.experiment.train.schedule
        inputs, targets = self.inputs.to(self.dtype), self.targets if self.classifies else self.targets.to(self.dtype)
        start = self.state(layers, slopes)
        losses: list[float] = []
        base = self.experiment.train.lr * rate
        for step, index in enumerate(self.order):
            if schedule == "cosine":
                optimizer.param_groups[0]["lr"] = base * 0.5 * (1 + math.cos(math.pi * step / self.num_steps))
            for tensor in moving:
                tensor.grad = None
            loss = (
                self.loss(self._forward(inputs[index], layers, slopes)[-1], targets[index]).mean()
                * self.case.loss_scale
            )
            losses.append(float(loss.detach()))
            loss.backward()
            gradients = [torch.zeros_like(tensor) if tensor.grad is None else tensor.grad for tensor in moving]
            if not math.isfinite(losses[-1]) or not all(bool(torch.isfinite(gradient).all()) for gradient in gradients):
                return Course(losses, False, start, None)
            self._step(optimizer, moving, masters, gradients)
            if look is not None and look(step + 1, layers, slopes):
                break
        return Course(losses, True, start, self.state(layers, slopes))

    def _step(
        self, optimizer: torch.optim.Optimizer, moving: list[Tensor], masters: list[Tensor], gradients: list[Tensor]
    ) -> None:
        """One update; half precision is stepped in float32 and rounded back, as its storage is."""
        if masters is moving or masters[0] is moving[0]:
            for tensor, gradient in zip(moving, gradients, strict=True):
                tensor.grad = gradient
        else:
            for tensor, master, gradient in zip(moving, masters, gradients, strict=True):
                master.copy_(tensor.detach())
                master.grad = gradient.float()
        clip = self.experiment.train.clip_norm
        if clip is not None:
            nn.utils.clip_grad_norm_(masters, clip)
        optimizer.step()
        if masters[0] is not moving[0]:
            with torch.no_grad():
                for tensor, master in zip(moving, masters, strict=True):
                    tensor.copy_(master)

    def optimizer(self, tensors: list[Tensor], rate: float = 1.0) -> torch.optim.Optimizer:
        """torch's own optimizer of the config's name."""
        train = self.experiment.train
        own, lr, decay = train.optimizer, train.lr * rate, train.weight_decay
        match own.name:
            case "sgd":
                return torch.optim.SGD(tensors, lr, weight_decay=decay)
            case "momentum" | "nesterov":
                return torch.optim.SGD(
                    tensors, lr, momentum=own.momentum or 0.0, nesterov=own.name == "nesterov", weight_decay=decay
                )
            case "adagrad":
                return torch.optim.Adagrad(tensors, lr, eps=own.eps or 1e-10, weight_decay=decay)
            case "rmsprop":
                return torch.optim.RMSprop(tensors, lr, alpha=own.alpha or 0.0, eps=own.eps or 1e-8, weight_decay=decay)
        kind = torch.optim.AdamW if own.name == "adamw" else torch.optim.Adam
        return kind(tensors, lr, betas=(own.beta1 or 0.0, own.beta2 or 0.0), eps=own.eps or 1e-8, weight_decay=decay)

    def phi(self, z: Tensor, slope: Tensor | None) -> Tensor:
        """The activation."""
        own = self.experiment.model.activation
        if own.name == "prelu":
            assert slope is not None
            return torch.where(z > 0, z, z * slope)
        if own.name == "leaky_relu":
            return functional.leaky_relu(z, own.slope or 0.0)
        if own.name == "elu":
            return functional.elu(z, own.alpha or 1.0)
        return ACTIVATIONS[own.name](z)

    def _forward(self, x: Tensor, layers: list[tuple[Tensor, Tensor]], slopes: list[Tensor] | None) -> list[Tensor]:
        """Preactivations of all layers, the logits last."""
        signals: list[Tensor] = []
        for index, (weight, bias) in enumerate(layers):
            z = x @ weight + bias
            signals.append(z)
            if index < self.depth:
                x = self.phi(z, None if slopes is None else slopes[index])
        return signals

    def losses_of(self, layers: Layers, slopes: list[Tensor] | None, inputs: Tensor, targets: Tensor) -> Tensor:
        """Loss of each of these examples, in float64; inputs as the network is fed with them."""
        wide = [(weight.detach().double(), bias.detach().double()) for weight, bias in layers]
        own = None if slopes is None else [slope.detach().double() for slope in slopes]
        with torch.no_grad():
            return self.loss(self._forward(inputs.to(self.dtype).double(), wide, own)[-1], targets)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Loss of each example."""
        wide = logits if logits.dtype is torch.float64 else logits.float()
        match self.loss_name:
            case "cross_entropy":
                return functional.cross_entropy(wide, targets, reduction="none")
            case "binary_cross_entropy":
                return functional.binary_cross_entropy_with_logits(wide[:, 0], targets.to(wide.dtype), reduction="none")
        if self.classifies:
            targets = functional.one_hot(targets, wide.shape[1])
        return (wide - targets.to(wide.dtype)).square().mean(1)

    def state(self, layers: list[tuple[Tensor, Tensor]], slopes: list[Tensor] | None) -> State:
        """Measures the network on the training examples, in float64."""
        with torch.enable_grad():
            wide = [(weight.detach().double(), bias.detach().double()) for weight, bias in layers]
            own = None if slopes is None else [slope.detach().double() for slope in slopes]
            inputs = self.inputs.to(self.dtype).double()[:MOST_EXAMPLES]
            targets = self.targets[:MOST_EXAMPLES]
            wide[0][0].requires_grad_(True)
            signals = self._forward(inputs, wide, own)
            losses = self.loss(signals[-1], targets)
            gradients = torch.autograd.grad(losses.sum(), signals[:-1], allow_unused=True)
        dead, flat, reach = [], [], []
        sup = self._sup()
        for z, gradient in zip(signals[:-1], gradients, strict=True):
            slope = self._slope(z.detach(), None if own is None else own[len(dead)]).abs()
            dead.append(float((slope.amax(0) < 1e-3 * sup).double().mean()))
            flat.append(float((slope < 0.1 * sup).double().mean()))
            largest = 0.0 if gradient is None else float(gradient.abs().max())
            if gradient is None or not largest > 0:
                reach.append(-math.inf)
            else:
                reach.append(math.log10(largest) + 0.5 * math.log10(float((gradient / largest).square().mean())))
        accuracy = None
        if self.classifies:
            logits = signals[-1].detach()
            guess = (logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(1)
            accuracy = float((guess == targets).double().mean())
        return State(float(losses.detach().mean()), accuracy, dead, flat, reach)

    def _slope(self, z: Tensor, slope: Tensor | None) -> Tensor:
        """phi'(z), by autograd."""
        with torch.enable_grad():
            z = z.clone().requires_grad_(True)
            return torch.autograd.grad(self.phi(z, slope).sum(), z)[0]

    def _sup(self) -> float:
        """Largest slope, on a fine grid; 1 for step, which has none."""
        z = torch.linspace(-10, 10, 4001, dtype=torch.float64)
        start = None if self._slopes is None else self._slopes[0].double()
        return float(self._slope(z, start).abs().max()) or 1.0
