"""Verdicts, outcomes and findings: what each means, and when it is given. Limits are read from where the rules have them."""

from gradlab.judgement import limits
from gradlab.report.glossary.definition import Definition

_PAGE = "diagnosis.md"


def _percent(share: float) -> str:
    return f"{100 * share:g} %"


_TRAVELS = (
    f"the backward signal of layer 1 lies {limits.DECADES:g} decades or more {{way}} that of the last hidden layer (a factor of "
    f"{10**limits.DECADES:g}), at the first step or at the end, and it harms. It does not where the run learned half of what there is to "
    "learn and every hidden layer moved, or where training mended the signal and the run learned, or where seeds of so narrow a network "
    f"may show it by chance ({limits.CHANCE:g} standard deviations of a theory that expects less), unless the run had "
    "time to learn and learned nothing"
)

VERDICTS: tuple[Definition, ...] = (
    Definition("diverged", "verdict",
               "the loss or a gradient stopped being a finite number, so training could not go on",
               rule="some loss or gradient is NaN or infinite, from one step on to the end; it comes before every other verdict",
               also=("nan", "divergence"), see=("outcome", "nonfinite_count", "train.lr", "train.clip_norm"), page=_PAGE),
    Definition(
        "dead", "verdict",
        "most units of a layer let nothing through: their slope is zero for every example, so no gradient passes them and they learn "
        "nothing",
        rule=f"a hidden layer has a dead_fraction of {limits.DEAD_SHARE:g} or more at the end (in batches below 8: a mean_slope of "
        f"{limits.DEAD_SLOPE:g} or less). Where the run learned all the same, only if it was so from the first step on, or no unit of the "
        "layer is alive; not where the inputs are so small that biases decide which units are on. Only activations that are not flat at "
        "both ends (relu and its like)",
        also=("dead units", "dying relu", "dead relu"), see=("dead_fraction", "mean_slope", "saturated"), page=_PAGE,
    ),
    Definition(
        "exploding", "verdict",
        "the gradient grows on its way from the last hidden layer to the first, by the same factor again and again",
        rule=_TRAVELS.format(way="above") + f". Also where the preactivations grow by {limits.DECADES:g} decades or more from the first "
        f"hidden layer to the last, evenly (R² of {limits.STEADY_FIT:g} or more, {limits.FORWARD_LAYERS} layers or more), and nothing is "
        "learned",
        also=("explode", "explodes", "exploding gradient", "exploding gradients"),
        see=("vanishing", "backward_decades", "chi_1"), page=_PAGE,
    ),
    Definition(
        "vanishing", "verdict",
        "the gradient shrinks on its way from the last hidden layer to the first, so the first layers hardly learn",
        rule=_TRAVELS.format(way="below"),
        also=("vanish", "vanishes", "vanishing gradient", "vanishing gradients"),
        see=("exploding", "backward_decades", "decades", "chi_1", "theory"), page=_PAGE,
    ),
    Definition(
        "saturated", "verdict",
        "the units of a layer sit where their activation is flat at either end, so little of a gradient passes them",
        rule=f"a hidden layer has a mean_slope of {limits.SATURATED_SLOPE:g} or less at the end; where the run learned all the same, "
        "only if "
        "it was so from the first step on. Only activations that are flat at both ends (sigmoid, tanh and their like)",
        also=("saturation", "saturating"), see=("mean_slope", "inactive_fraction", "dead"), page=_PAGE,
    ),
    Definition(
        "not_learning", "verdict",
        "the gradient travels well and the units are alive, and yet nothing was learned, nor would be soon",
        rule=f"the loss does not lie below the best constant answer's by more than {limits.ERRORS:g} standard errors, and at the pace of "
        f"the run, which slows down, it would not within {limits.LONGER} times its steps; or the steps are so small that the fastest "
        "layer could have "
        f"moved by {_percent(limits.STILL)} of its weights at most; or all units of a layer are still copies of one another; or no hidden "
        "layer learns; or all rows of the data have the same inputs",
        also=("not learning", "stuck"), see=("undecided", "learning_layers", "log10_update_ratio", "symmetry", "loss_ratio"), page=_PAGE,
    ),
    Definition("undecided", "verdict",
        "nothing wrong was seen and nothing learned yet: the run was too short, or too slow so far, to tell",
        rule=f"not learned yet, but at the pace of its second half it would be within {limits.LONGER} times its steps; or fewer than "
        f"{limits.FEWEST_STEPS} steps, which show no pace",
        see=("not_learning", "healthy", "train.steps"), page=_PAGE,
    ),
    Definition("not_judged", "verdict",
               "a rule could not look, because the quantities that it reads were not recorded",
               rule="nothing critical was found, and a quantity that some rule needs is missing (record.quantities); or nothing "
               "finite was recorded",
               also=("not judged",), see=("record.quantities",), page=_PAGE),
    Definition(
        "healthy", "verdict", "the network learned, and nothing is wrong with its gradients",
        rule=f"nothing critical was found, and the loss lies below the best constant answer's by more than {limits.ERRORS:g} standard "
        f"errors ({limits.FEW_ERRORS:g} where {_percent(limits.HALF)} of that loss is gone) and by {_percent(limits.LEAST_GAIN)} of it, "
        "on the "
        "held-out part or, where that cannot tell, in training",
        see=("undecided", "holdout_gain", "best constant answer"), page=_PAGE,
    ),
)  # fmt: skip

OUTCOMES: tuple[Definition, ...] = (
    Definition("completed", "outcome",
               "the run was trained to its last step; what it came to is its verdict",
               see=("verdict",)),
    Definition("failed", "outcome",
               "the run could not be carried out, and its reason is stored with it; it is trained again when it is asked for",
               see=("outcome", "reason")),
    Definition("interrupted", "outcome",
               "the run was stopped before its last step; it is trained again when it is asked for",
               see=("outcome",)),
)  # fmt: skip
"""How a run may end, besides `diverged`."""

FINDINGS: tuple[Definition, ...] = (
    Definition("symmetry", "finding",
               "all units of a layer are copies of one another, so the layer is worth a single unit",
               rule="they began alike (init: zeros, or a constant), get the same gradient and are still equal at the last step; the "
               "verdict is then not_learning",
               see=("not_learning", "model.init"), page=_PAGE),
    Definition(
        "theory", "finding", "the signals of the first step are not those that a network started as the config says can have",
        rule=f"a layer's signal lies more than {limits.NUM_SPREADS:g} standard deviations over seeds and {limits.ALLOWANCE:g} decades from "
        f"what is typical, and outside all networks drawn from theory by {limits.MARGIN:g} of theirs and {limits.ALLOWANCE:g} decades; "
        "or weights differ in size from "
        f"model.init by more than {limits.WEIGHT_ERRORS:g} standard errors and {_percent(limits.WEIGHT_SHARE)}; from "
        f"{limits.FEWEST_UNITS} units a "
        "layer on. A warning, which never decides the verdict",
        see=("expected_spread", "typical_backward_decades"), page="theory.md",
    ),
    Definition(
        "scale", "finding", "inputs or targets are of a size, or have an offset, that no start and no learning rate is made for",
        rule=f"their root mean square is above {limits.LARGE:g} or below {1 / limits.LARGE:g}; or more than {_percent(limits.OFFSET)} of "
        "the inputs' mean "
        f"square is an offset that all rows have; or one column has more than {_percent(limits.ONE_COLUMN)} of it and spreads more than "
        f"{limits.LARGE:g} times as far as the "
        f"middle one; or one target spreads more than {limits.LARGE:g} times as far as another. A warning; only where data.standardize "
        "is false",
        see=("data.standardize", "input_rms", "offset_share", "largest_share"), page=_PAGE,
    ),
    Definition(
        "first_loss", "finding", "the first answer, before any update, costs far more than one that knows nothing: the readout starts "
        "too large",
        rule=f"the first loss is more than {limits.FIRST_LOSS['cross-entropy']:g} times the best constant answer's (squared error: "
        f"{limits.FIRST_LOSS['squared error']:g} times). A warning, a note where the run learned",
        also=("first loss",), see=("loss_ratio", "best constant answer", "model.readout_init"), page=_PAGE,
    ),
    Definition("columns", "finding",
               "columns of the inputs repeat others exactly, or all of them are constant: nothing is gained by them",
               rule="a column equals another one in every training row (a note), or every column is the same in all rows (a warning)",
               see=("num_repeated", "num_constant"), page=_PAGE),
    Definition(
        "by_heart", "finding", "what was learned in training does not show on the held-out part: single examples were learned by heart",
        rule="in training the loss lies below the best constant answer's beyond chance, and on the held-out part it does not; where that "
        f"part contradicts what training shows, {_percent(limits.BY_HEART)} of the constant answer's loss has to be gone in training. A "
        "note",
        also=("by heart", "memorising", "overfitting"), see=("holdout_gain", "train_gain"), page=_PAGE,
    ),
    Definition("not_looked_at", "finding",
               "what nobody could look at, of a module of one's own: units, learning, depth or the start",
               rule="no activation module was seen, no loss was logged, no two rows with a signal follow one another, or the record "
               "begins later. A note",
               also=("not looked at",), page="watch.md"),
)  # fmt: skip
"""What is found besides the verdicts; every verdict but `healthy` is the name of a finding too."""
