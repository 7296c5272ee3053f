"""What training asks of a network: R runs of one kind side by side, every tensor with a run axis.

Shapes: L hidden layers (from 0 at the input side), the readout being layer L; R runs, B examples, D input features, N units of a layer,
C outputs. A kind of network is one class that satisfies `Network`, in a file of its own that enters it in its `KINDS`.

    z_l = h_(l-1) W_l + b_l,   h_l = phi(z_l),   δ_l = ∂L/∂z_l,   G_l = ∂L/∂W_l

Backward signals and gradients are stored, to be multiplied by 2^E of their layer (`rescaling.Rescaler`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from torch import Tensor

from gradlab.config.experiment import Experiment
from gradlab.network.activations import TensorActivation
from gradlab.network.place import Place
from gradlab.network.rescaling import Rescaler
from gradlab.results.record import Float


@dataclass(frozen=True)
class Shape:
    """Sizes that all runs of a batch share.

    Attributes:
        num_runs: Runs, R.
        batch_size: Examples a step, B.
        num_features: Inputs, D.
        num_outputs: Outputs, C.
        fan_in: Of every layer, the readout last.
        fan_out: Likewise.
        num_positions: Positions of a hidden layer's state, P: 1 but for convolutions, whose states have the shape [B, P, N].
    """

    num_runs: int
    batch_size: int
    num_features: int
    num_outputs: int
    fan_in: tuple[int, ...]
    fan_out: tuple[int, ...]
    num_positions: int = 1

    @property
    def num_layers(self) -> int:
        return len(self.fan_in) - 1

    @property
    def num_rows(self) -> int:
        """Rows of a hidden layer's signal: examples times positions."""
        return self.batch_size * self.num_positions


@dataclass
class Leaf:
    """A kind of parameter in consecutive layers, seen as [layers, R, elements].

    Attributes:
        kind: `weight`: the backward pass hands it to the probe when it needs it no more; the others are updated after the pass. `norm`
            are gains and biases of normalisations, `scale` the learned factor on a residual branch.
        inner: Whether it lies inside a branch of two layers, beside one of its kind that reads the state.
        first_layer: Layer whose 2^E the gradient of the first row carries; the next rows carry the next layers'.
        gradient: Stored gradient; an optimizer may overwrite it.
        state: The optimizer's own tensors.
        lr_factor: What its learning rate is multiplied by, None where it is the run's own.
        layers: The layers whose 2^E the gradient carries.
    """

    kind: Literal["weight", "bias", "slope", "norm", "scale"]
    first_layer: int
    value: Tensor
    gradient: Tensor
    state: tuple[Tensor, ...] = ()
    inner: bool = False
    lr_factor: float | None = None
    layers: slice = field(init=False)

    def __post_init__(self) -> None:
        self.value, self.gradient = self.value.flatten(2), self.gradient.flatten(2)
        self.layers = slice(self.first_layer, self.first_layer + len(self.value))


@dataclass(frozen=True)
class Block:
    """Signals of the consecutive hidden layers `start`..`stop - 1`; B are examples times positions.

    Attributes:
        z_LRBN: The layers' states: z of dense layers, the stream after a residual block.
        h_LRBN: The activation of each state.
        slope_LRBN: phi' of the activation function there, from `Probe.after_slopes` on; the same tensor as z where z is needed no more.
        inner_slope_LRBN: phi' inside the branches of two layers; its first row is layer `max(start, 1)`. None where there are none.
    """

    start: int
    stop: int
    z_LRBN: Tensor
    h_LRBN: Tensor
    slope_LRBN: Tensor
    inner_slope_LRBN: Tensor | None = None


class Probe(Protocol):
    """What a training step does at each block of layers; every method may be a no-op.

    Attributes:
        reads_states: Whether it looks at a block's z. Where it does not, `after_products` may find anything there. One that does not say
            so is taken for one that does.
    """

    @property
    def reads_states(self) -> bool: ...

    def after_products(self, block: Block) -> None:
        """Z and h of the block are there; phi' is not yet."""

    def after_slopes(self, block: Block) -> None:
        """The block's slopes are there; its z may be gone."""

    def after_gradients(self, start: int, stop: int, delta: Tensor, gradient: Tensor, weight: Tensor) -> None:
        """A leaf of weights, of layers `start`..`stop - 1`, is no longer needed by the pass; its gradient is there.

        Given are stored δ = ∂L/∂state [layers, R, B, N], stored G and W [layers, R, (weight matrices of a branch,) fan_in, fan_out].
        """


class Network(Protocol):
    """The networks of R runs and the two passes over them. Its buffers never move: a probe is given the same tensors at every step.

    Attributes:
        shape: Sizes.
        place: Where they lie, with as many threads as leave the bits of a run independent of its batch.
        activation: phi and phi'.
        blocks: Signals of the hidden layers, in order.
        leaves: Parameters: weights in the order of layers, then biases, then what else is learned.
        inputs_RBD: To be written before `forward`.
        logits_RBC: Output of the readout, written by `forward`.
        logit_gradient_RBC: ∂L/∂logits, to be written before `backward`.
        keeps_pass: Whether all that a probe was given in a backward pass stays what it is until the next; then updates and looks at the
            norms wait for the end of the pass, and are done for all layers at once. A kind that does not say so does not.
    """

    shape: Shape
    place: Place
    activation: TensorActivation
    blocks: Sequence[Block]
    leaves: Sequence[Leaf]
    inputs_RBD: Tensor
    logits_RBC: Tensor
    logit_gradient_RBC: Tensor

    def initialise(self, run: int, experiment: Experiment) -> None:
        """Draws the parameters of the run at a place in the batch, from its seed alone."""

    def forward(self, probe: Probe | None) -> None:
        """From `inputs_RBD` to `logits_RBC`.

        Without a probe phi' is not computed, so no backward pass may follow, and batch normalisation takes its running statistics: before
        the first `track` there are none, and those of the rows at hand stand in for them.
        """

    def backward(self, probe: Probe, rescaler: Rescaler) -> None:
        """From `logit_gradient_RBC` to the gradients of all leaves; the probe gets those of the weights block by block from the top."""

    def track(self) -> None:
        """Takes the last batch's statistics into the running ones of batch normalisation: once a training step."""

    def jacobian_factors(self, run: int, num_examples: int) -> Iterator[tuple[Float, Float]]:
        """The factors ∂z_(l+1)/∂z_l = diag(phi'(z_l)) W_(l+1) of a run's first examples E, from the top down, float64 on the host.

        To be called between `after_slopes` and the first update.

        Returns:
            phi' [E, N] and W [N, N] of each; it ends below the first layer where a number is not finite.
        """

    def with_rows(self, num_rows: int) -> "Network":
        """The same parameters with signals of their own, for so many examples; only `forward` may be called."""


Maker = Callable[[Sequence[Experiment], int, int, Place], Network]
"""Runs of one batch key, D, C and where they are to lie -> their networks, zeroed. `KINDS` maps `model.kind` to it."""
