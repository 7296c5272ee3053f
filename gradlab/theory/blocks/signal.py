"""What is followed from block to block: how large the state of a block is over its units, and how alike its examples are."""

from dataclasses import dataclass, replace

from gradlab.theory.scales import Scales


@dataclass(frozen=True)
class Signal:
    """A state's units: normal, around a mean that all share.

    Of B examples a unit's numbers have covariance `within` times what is left of the identity in the subspace of mean 0, and `shared`
    times
    ones. `uneven` and `parted` are how far a network's matrix of products of examples is from that: they decide what batch normalisation
    sees.

    Attributes:
        within: Variance over the examples, B / (B - 1) times that of the B numbers.
        shared: Variance over units of what all examples have in common.
        mean: Constant of all units.
        alike: Root mean square correlation of two examples, of `within` and `shared` together, around the mean.
        uneven: Variance over the examples of their own size, beside its mean squared.
        parted: Variance over pairs of examples of their correlation.
        batch_size: B.
    """

    within: float
    shared: float
    mean: float
    alike: float
    uneven: float
    parted: float
    batch_size: int

    @property
    def variance(self) -> float:
        """Over units, of one example."""
        return self.within * (1.0 - 1.0 / self.batch_size) + self.shared

    @property
    def mean_square(self) -> float:
        return self.variance + self.mean**2

    @property
    def dimension(self) -> float:
        """Dimensions that a unit's numbers, taken around their mean over the batch, are spread over: B - 1 at most."""
        share = (1.0 + self.uneven) / (self.batch_size - 1.0) if self.batch_size > 1 else 1.0
        return 1.0 / (share + self.parted)

    def through(self, scale: Scales) -> "Signal":
        """What weights and biases make of it."""
        weight, bias = scale.sigma_w**2, scale.sigma_b**2
        variance = weight * self.mean_square + bias
        within = weight * self.within
        # What the activations' mean over units gives is common to all examples, as it is one direction of the weights.
        shared = variance - within * (1.0 - 1.0 / self.batch_size)
        alike = (weight * (self.alike * self.variance + self.mean**2) + bias) / variance if variance > 0.0 else 0.0
        return replace(self, within=within, shared=max(shared, 0.0), mean=scale.bias, alike=alike)

    def plus(self, branch: "Signal", scale: float, follows: float) -> "Signal":
        """The sum with `scale` times a branch, whose weights are its own; `follows` is how far its deviations are those of this."""
        square = scale**2
        total = self.within + square * branch.within
        own = self.within / total if total > 0.0 else 1.0
        added = 1.0 - own

        def mixed(one: float, other: float) -> float:
            return own**2 * one + 2.0 * own * added * follows * one + added**2 * other

        variance = self.variance + square * branch.variance
        alike = self.alike * self.variance + square * branch.alike * branch.variance
        return replace(
            self,
            within=total,
            shared=self.shared + square * branch.shared,
            mean=self.mean + scale * branch.mean,
            alike=alike / variance if variance > 0.0 else 0.0,
            uneven=mixed(self.uneven, branch.uneven),
            parted=mixed(self.parted, branch.parted),
        )


@dataclass(frozen=True)
class Noise:
    """What an activation and the weights above it add to the logs of squared signals, times the width.

    Attributes:
        own: Variance of the log of an example's backward signal, beside what goes with the length of its state.
        pair: Covariance of two examples' at alignment 0, and ...
        aligned: ... what it gains at alignment 1.
        kept: Share of the product of two examples' backward signals that is kept, beside their squares.
        length: Variance of the log of the activations' mean square, likewise.
        pair_length: Covariance of two examples'.
        mixed: Covariance of the noise of the activations with that of the slopes.
        pair_mixed: Of two examples.
        likeness: Cosine of two examples' activations.
        slope: d ln of the activations' mean square by d ln of the state's.
        gain: d ln of the squared gradient by the same.
        lift: How far the mean of the log of a backward signal lies above minus half its variance.
    """

    own: float
    pair: float
    aligned: float
    kept: float
    length: float
    pair_length: float
    mixed: float
    pair_mixed: float
    likeness: float
    slope: float
    gain: float
    lift: float = 0.0


@dataclass(frozen=True)
class Activated:
    """What an activation with its normalisation makes of a state.

    Attributes:
        signal: The activations, `mean` being that over the units.
        passed: Factor of a squared gradient through it.
        follows: Factor of deviations of the examples' products, to first order.
        noise: What it adds, with the weights above it, to the differences between seeds.
        sizes: Shares of a batch's examples, by their size, and what passes of a squared gradient of theirs beside the whole's.
        lasts: Factor of what an example's size differs from the others' by.
    """

    signal: Signal
    passed: float
    follows: float
    noise: Noise
    sizes: tuple[tuple[float, float], ...] = ((1.0, 1.0),)
    lasts: float = 1.0
