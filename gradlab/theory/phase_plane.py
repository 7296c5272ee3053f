"""chi_1 over the plane of sigma_w and sigma_b: where gradients vanish, where they explode, and the edge between.

Shapes: B values of sigma_b, W of sigma_w, Q variances of the scan.
"""

import math
from dataclasses import dataclass

import numpy as np

from gradlab.theory.activations import AnalyticActivation
from gradlab.theory.moment_tables import moment_table
from gradlab.theory.moments import Float

_STEPS_A_DECADE = 16
_SCAN_Q = 10.0 ** (np.arange(-12 * _STEPS_A_DECADE, 12 * _STEPS_A_DECADE + 1) / _STEPS_A_DECADE)
_ROUNDING = 1e-11  # relative changes below it are not told from rounding of the moments
_ROUNDS = 5  # of false position inside a step of the scan, which is 15 % of q


@dataclass(frozen=True)
class PhasePlane:
    """What a plain stack does to inputs of mean square 1 deep inside, for each scale of its start.

    Attributes:
        sigma_w_W: Weight scales (weight variance is sigma_w^2 / fan_in), [W].
        sigma_b_B: Standard deviations of the biases, [B].
        q_star_BW: Variance at which preactivations settle, [B, W]; 0 or inf where they fall or grow without end.
        chi_1_BW: Growth of a squared gradient per layer there, [B, W].
    """

    sigma_w_W: Float
    sigma_b_B: Float
    q_star_BW: Float
    chi_1_BW: Float


def phase_plane(activation: AnalyticActivation, sigma_w_W: Float, sigma_b_B: Float) -> PhasePlane:
    """`mean_field.q_star` and `chi_1` for each pair of scales, all at once, to five digits or more.

    Raises:
        ValueError: If the derivative of phi is 0, and chi_1 with it, everywhere.
    """
    if activation.sup_slope == 0.0:
        raise ValueError(f"the derivative of {activation.name} is 0: chi_1 is 0 everywhere")
    moments = moment_table(activation).moments(_SCAN_Q)
    phi2 = _PowerTable(moments.phi2, moments.phi2_slope)
    dphi2 = _PowerTable(moments.dphi2, moments.dphi2_slope)
    columns = [_settled(phi2, float(sigma_w) ** 2, sigma_b_B**2) for sigma_w in sigma_w_W]
    q_star_BW = np.stack(columns, axis=1)
    return PhasePlane(sigma_w_W, sigma_b_B, q_star_BW, sigma_w_W**2 * dphi2(q_star_BW))


class _PowerTable:
    """A moment as a function of q: cubic in logarithms between the points of the scan, outside as at its end."""

    def __init__(self, values_Q: Float, slopes_Q: Float) -> None:
        self.values_Q = values_Q
        self._logs_Q, self._slopes_Q = np.log(values_Q), slopes_Q

    def __call__(self, q: Float) -> Float:
        """The moment at variances of any shape."""
        first, last = math.log(_SCAN_Q[0]), math.log(_SCAN_Q[-1])
        step = (last - first) / (len(_SCAN_Q) - 1)
        place = (np.log(np.clip(q, _SCAN_Q[0], _SCAN_Q[-1])) - first) / step
        left = np.minimum(place.astype(np.int64), len(_SCAN_Q) - 2)
        t = place - left
        at_left, at_right = self._logs_Q[left], self._logs_Q[left + 1]
        from_left, from_right = step * self._slopes_Q[left], step * self._slopes_Q[left + 1]
        rise = at_right - at_left
        # Hermite's cubic: the values and slopes at both ends.
        bend = t * (1.0 - t) * ((from_left - rise) * (1.0 - t) - (from_right - rise) * t)
        return np.asarray(np.exp(at_left + t * rise + bend))


def _settled(phi2: _PowerTable, sigma_w2: float, sigma_b2_B: Float) -> Float:
    """Where variances settle for one weight scale, [B]."""
    start_B = sigma_w2 + sigma_b2_B
    at_start_B = _drift(phi2, start_B, sigma_w2, sigma_b2_B)
    up_B = at_start_B > 0.0
    drift_BQ = (sigma_w2 * phi2.values_Q + sigma_b2_B[:, None]) / _SCAN_Q - 1.0
    turned_BQ = np.where(
        up_B[:, None],
        (drift_BQ < -_ROUNDING) & (_SCAN_Q > start_B[:, None]),
        (drift_BQ > _ROUNDING) & (_SCAN_Q < start_B[:, None]),
    )
    last = len(_SCAN_Q) - 1
    far_B = np.where(up_B, turned_BQ.argmax(axis=1), last - turned_BQ[:, ::-1].argmax(axis=1))
    near_B = np.clip(np.where(up_B, far_B - 1, far_B + 1), 0, last)
    # The start itself may lie inside the step.
    near_q_B = np.where(up_B, np.maximum(_SCAN_Q[near_B], start_B), np.minimum(_SCAN_Q[near_B], start_B))
    found_B = _between(phi2, near_q_B, _SCAN_Q[far_B], sigma_w2, sigma_b2_B)
    found_B = np.where(turned_BQ.any(axis=1), found_B, np.where(up_B, np.inf, 0.0))
    return np.where(np.abs(at_start_B) < _ROUNDING, start_B, found_B)


def _drift(phi2: _PowerTable, q_B: Float, sigma_w2: float, sigma_b2_B: Float) -> Float:
    """Relative change of variances in one layer."""
    return (sigma_w2 * phi2(q_B) + sigma_b2_B) / q_B - 1.0


def _between(phi2: _PowerTable, near_B: Float, far_B: Float, sigma_w2: float, sigma_b2_B: Float) -> Float:
    """Where drifts change their sign between two variances each, by false position in ln q."""
    at_near_B, at_far_B = (_drift(phi2, q_B, sigma_w2, sigma_b2_B) for q_B in (near_B, far_B))
    near_B, far_B = np.log(near_B), np.log(far_B)
    middle_B = near_B
    for _ in range(_ROUNDS):
        apart_B = at_near_B - at_far_B
        share_B = np.clip(np.divide(at_near_B, apart_B, out=np.zeros_like(apart_B), where=apart_B != 0.0), 0.0, 1.0)
        middle_B = near_B + share_B * (far_B - near_B)
        at_middle_B = _drift(phi2, np.exp(middle_B), sigma_w2, sigma_b2_B)
        same_B = at_middle_B * at_near_B > 0.0
        near_B, at_near_B = np.where(same_B, middle_B, near_B), np.where(same_B, at_middle_B, at_near_B)
        far_B, at_far_B = np.where(same_B, far_B, middle_B), np.where(same_B, at_far_B, at_middle_B)
    return np.asarray(np.exp(middle_B))
