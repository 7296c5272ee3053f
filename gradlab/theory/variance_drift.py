"""How the variance of a network of finite width drifts from layer to layer, and what that does to the backward signal.

Write q_l for the variance of a layer's preactivations, as one network has it, and x_l for the deviation of ln q_l from
the mean-field value. q_{l+1} = sigma_w^2 mean(phi^2) + sigma_b^2 over n units, so for two examples i, j

    x' = a x + e,    a = d ln q' / d ln q,    Cov(e_i, e_j) = s^2 Cov(phi_i^2, phi_j^2) / (n E[phi^2]^2)

where s is the share of q' that does not come from the biases. The log of the squared backward signal at layer l is the
sum over the layers above of ln chi_1(q), whose response to x is g = d ln E[phi'^2] / d ln q, and of the noise of the
units (`spread`), which is correlated with e of its own layer, as both look at the same units:

    G_l = sum_{m >= l} g_m x_m,    dG_l / dx_l = r_l = g_l + a_l r_{l+1}
    Cov(G) = r_l^2 Cov(x_l) + sum_m r_{m+1}^2 Cov(e_m) + 2 sum_m r_{m+1} Cov(e_m, noise_m)

Two effects move the mean. To second order the drift moves that of ln q and of ln chi_1, by the curvature of their
maps. And a matrix is used twice: W has made the preactivations z = W h that the signal d passed, so of W^T d the part
along h is not random but h (z . d) / |h|^2. Let u = (z . d)^2 / (|z|^2 |d|^2) be their likeness, 1 / n by chance, and
c = E[phi^2 phi'^2] / (E[phi^2] E[phi'^2]); then

    E|d'|^2 = chi_1 |d|^2 (1 + c (u - 1/n))
    u' = (rho u + (1 + 2 g s - rho) / n) / (1 + c (u - 1/n))
    rho = s (d ln E[phi^2] / d ln q)^2 E[phi^2] / (q E[phi'^2])

With s = 1 and settled, rho = chi_parallel^2 / chi_1. relu has rho = 1 and g = 0, so its mean is exact at any width; tanh
has g < 0 and loses about depth / n nats. Where chi_parallel^2 > chi_1, as in softplus networks, the part of the signal
that lies along the preactivations falls more slowly than the rest, and in the end it is all that arrives, however wide
the network.
The derivation is this project's own; `tests/physics` holds it against seeds.
"""

import math
from dataclasses import dataclass

import numpy as np

from gradlab.theory.moment_tables import Moments
from gradlab.theory.moments import Float


@dataclass(frozen=True)
class Pair:
    """What the layers do to two examples, each an array [depth].

    Attributes:
        alignment_gain: a of the derivation.
        growth: m.
        variance: Cov(phi_i^2, phi_j^2) / E[phi^2]^2.
        mixed: Cov(phi_i^2, phi'_j^2) / (E[phi^2] E[phi'^2]).
        similar: Correlation of the preactivations.
    """

    alignment_gain: Float
    growth: Float
    variance: Float
    mixed: Float
    similar: Float


@dataclass(frozen=True)
class VarianceDrift:
    """How deviations x of ln q travel upwards, and what they do to the backward signal; each [depth].

    Attributes:
        response: a = d ln q' / d ln q.
        curve: Its derivative by ln q.
        gain: g = d ln E[phi'^2] / d ln q.
        gain_curve: Its derivative by ln q.
        signal: Share of the next variance that comes from this layer; the rest is the biases'.
        retained: rho, the part of the signal's likeness with the preactivations that the next layer down keeps.
        cross: E[phi^2 phi'^2] / (E[phi^2] E[phi'^2]), the weight of that likeness.
        width: Units of a hidden layer.
    """

    response: Float
    curve: Float
    gain: Float
    gain_curve: Float
    signal: Float
    retained: Float
    cross: Float
    width: int

    @classmethod
    def of(cls, variances: Float, moments: Moments, signal: Float, width: int) -> "VarianceDrift":
        """The drift of a network of some moments."""
        response = signal * moments.phi2_slope
        curve = signal * (moments.phi2_curve + moments.phi2_slope**2) - response**2
        below = np.append(1.0, signal[:-1])  # the share of a layer's own variance that the signal below brought
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            size = np.exp(np.log(moments.phi2) - np.log(variances) - np.log(moments.dphi2))
        retained = np.nan_to_num(below * moments.phi2_slope**2 * size)
        return cls(response, curve, moments.dphi2_slope, moments.dphi2_curve, signal, retained, moments.cross, width)

    def covariances(self, pair: Pair) -> tuple[Float, Float]:
        """Of two examples: Cov(x_i, x_j), and Cov(G_i, G_j) with the part that it shares with the units' noise."""
        step = self.steps(pair).tolist()
        mixed = (self.signal * pair.mixed / self.width).tolist()
        response, gain = self.response.tolist(), self.gain.tolist()
        depth = len(step)
        drifted = [0.0] * depth
        for layer in range(depth - 1):
            drifted[layer + 1] = response[layer] ** 2 * drifted[layer] + step[layer]
        added, reach, total = [0.0] * depth, 0.0, 0.0
        for layer in range(depth - 2, -1, -1):
            total += reach * reach * step[layer] + 2.0 * reach * mixed[layer]
            reach = gain[layer] + response[layer] * reach
            added[layer] = reach * reach * drifted[layer] + total
        return np.array(drifted), np.array(added)

    def steps(self, pair: Pair) -> Float:
        """Cov(e_i, e_j) of two examples."""
        return np.asarray(self.signal**2 * pair.variance / self.width)

    def means(self, own: Pair, drifted: Float) -> tuple[Float, Float]:
        """Mean of x to second order, and of the sum of the deviations of ln chi_1 over the layers up to the last.

        Args:
            own: An example with itself.
            drifted: Variance of x.
        """
        # The log of a mean over units lies half its variance lower.
        bend = (0.5 * (self.curve * drifted - self.steps(own))).tolist()
        response = self.response.tolist()
        means = [0.0] * len(bend)
        for layer in range(len(bend) - 1):
            means[layer + 1] = response[layer] * means[layer] + bend[layer]
        growth = self.gain * np.array(means) + 0.5 * self.gain_curve * drifted
        return np.array(means), from_above(growth)

    def reused(self) -> Float:
        """Log of the growth of the mean signal that comes of weights used both ways, over the layers up to the last."""
        gain, signal, retained = self.gain.tolist(), self.signal.tolist(), self.retained.tolist()
        cross, chance, found = self.cross.tolist(), 1.0 / self.width, [0.0] * len(gain)
        likeness = chance * max(1.0 + 2.0 * gain[-1] * signal[max(len(gain) - 2, 0)], 0.0)
        for layer in range(len(gain) - 2, -1, -1):
            growth = max(1.0 + cross[layer] * (likeness - chance), chance)
            found[layer] = math.log(growth)
            fresh = 1.0 + 2.0 * gain[layer] * signal[max(layer - 1, 0)] - retained[layer]
            likeness = (retained[layer] * likeness + chance * max(fresh, 0.0)) / growth
        return from_above(np.array(found))


def from_above(parts: Float) -> Float:
    """Sum of the parts from each layer to the last but one, [depth]; 0 for the last layer."""
    return np.append(np.cumsum(parts[-2::-1])[::-1], 0.0) if len(parts) > 1 else np.zeros(1)
