"""Where the rules draw their lines: every limit that a verdict or a finding rests on, with the reason for its size.

The rules import them from here, and so does what explains a rule to its reader, which loads no rule.
"""

# The signal across depth

DECADES = 2.0
"""Change of the signal across depth that counts: a factor of 100, so that the weakest layer gets less than
`LEARNING_SHARE` of the strongest one's update where updates follow the signal. Networks of measured depth by depth
agree: at 1.1 decades they train, at 2.2 and more they stay at chance with the same learning rate (tanh, σ_b² = 0.05,
σ_w² = 1 and 1.3, 20 to 80 layers)."""

STEADY_FIT = 0.9
"""R² from which the change is called steady: the same factor in every layer, so the initialisation's, not a single
layer's."""

CHANCE = 3.0
"""Standard deviations over seeds within which a narrow network's decades are one seed's chance, where theory expects
less than `DECADES` of its kind: one seed in four hundred lies beyond."""

FORWARD_LAYERS = 5
"""Fewest layers from which steady growth of the forward signal can be told from a jump in one layer."""

# Units

DEAD_SHARE = 0.9
"""Share of a layer's units without a slope for any example from which the layer counts as dead. In a deep healthy ReLU
network up to half the units are off for a whole batch, because examples align with depth, and training moves that to
0.7; nine in ten is beyond both at every width, and leaves a tenth of the layer to carry everything."""

DEAD_SLOPE = (1.0 - DEAD_SHARE) / 2.0
"""The same, read off `mean_slope` where batches are too small to tell a dead unit from one that is off: a living ReLU
unit is on for half of the examples."""

SATURATED_SLOPE = 0.15
"""Mean slope beside the largest one up to which a layer counts as saturated. For Gaussian preactivations that is a
standard deviation of 5.3 for tanh and twice that for sigmoid, and three entries in four have less than a tenth of the
largest slope; tanh at σ_w² = 4 has 0.45, sigmoid at its critical point 0.24, Xavier 0.6 and more."""

# Layers that learn, and the slope over depth

TRIMMED_DEPTH = 12
"""From this depth on the slope leaves out the layers at both ends, which carry the shapes of the input and of the
readout."""

TRIMMED_LAYERS = 2
"""How many it leaves out at each end."""

LEARNING_SHARE = 0.01
"""A layer learns if its update ratio is at least this share of the largest hidden layer's."""

LEAST_CHANGED = 0.01
"""Share of its weights whose stored value an update has to change, in a 16-bit format, for a layer to learn.

An update that is rounded to the weights' format changes the smallest of them alone. The smallest hundredth of normal weights lies
within 0.013 standard deviations of zero and holds 7e-4 of the layer's norm, and what has grown beyond its grain moves no more: with
fewer, all that a layer can ever change by is a thousandth of itself. Measured in plain PyTorch (bfloat16 and float16; sgd, momentum,
adam; up to 1,500 steps), freezing a layer below the limit changed no step's loss by more than 0.6 %."""

# Learning

LEARNED = 0.5
"""Share of what could be gained from which a run counts as one that learned: half of the loss gone, half of the way
from chance to all right."""

STUCK_SHARE = 0.1
"""Share of the loss, or of the way from chance to all right, below which nothing was learned: batch noise stays below
it."""

ERRORS = 3.0
"""Standard errors by which a loss has to lie below the constant answer's: one run in seven hundred does by chance."""

LEAST_GAIN = 1e-4
"""Share of the constant answer's loss that has to be gone: outputs that have hardly begun to depend on the inputs (inputs of 1e-6) gain a
millionth of it from all examples alike, many standard errors and next to nothing."""

BY_HEART = 0.1
"""Share of the constant answer's loss that has to be gone in training where the held-out part shows nothing: each parameter fits some noise
of the examples that it is trained on, and up to a few percent of the loss tell no more than that."""

EARNED = 0.2
"""Share of its gain that a run has to have gained since the first step."""

LONGER = 10
"""Times its steps within which a run that has not learned yet may still do."""

HALF, FEW_ERRORS = 0.5, 1.5
"""Share of the constant answer's loss that is gone, and standard errors, from which a part shows that a run learned though few examples
tell: with k rare ones that all are right now the gain is √k of its errors, however little loss is left."""

FEWEST_STEPS = 100
"""Updates below which a loss that stays is no finding: at the usual ratio of 10^-3 so few move a weight by a tenth."""

STILL = 1e-3
"""Share of its weights by which the fastest layer could have moved in the whole run, or in `FEWEST_STEPS` updates of
its size, up to which it stands still: then even a short run can be judged."""

FIRST_LOSS = {"cross-entropy": 3.0, "squared error": 30.0}
"""First loss, in units of the best constant answer's, above which it is no usual start: a usual one has 1.5 for a cross-entropy, and for a
squared error 2 to 6, or 20 of one-hot targets, whose variance is small."""

# The data

LARGE = 10.0
"""Root mean square above which, and below one over which, values are not of a usual size: a first layer's preactivations, and the
gradients of its weights, are off by as much. Grey values from 0 to 16 have 8, those from 0 to 1 about 0.3."""

OFFSET = 0.95
"""Share of the inputs' mean square that their columns' means may have: beyond, examples differ by a quarter of what they have in common,
and a network sees their differences as little beside it."""

ONE_COLUMN = 0.9
"""Share of the mean squares that one column may have, where it also spreads `LARGE` times as far as the middle one: beyond, a network
sees little else."""

# What theory forbids

NUM_SPREADS = 6.0
"""Standard deviations over seeds, ..."""

ALLOWANCE = 0.1
"""... and decades more, up to which a profile is taken as it is: the spread is an estimate, good to a quarter."""

MARGIN = 2.0
"""A profile is forbidden if it lies outside all of them by so many of their standard deviations and by `ALLOWANCE`."""

FEWEST_UNITS = 16
"""Width below which theory, which is that of wide networks, forbids nothing: units that all happen to be off are then a
matter of course."""

WEIGHT_ERRORS = 6.0
"""Standard errors by which a layer's weight norm has to differ from the start's, and ..."""

WEIGHT_SHARE = 0.01
"""... the share of it that it may differ besides, for rounding in 16 bits."""
