"""The one table of a run's figures: what each is called, what it is, and how it is read."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class SummaryFigure:
    """A figure that sums up a run.

    Attributes:
        name: As conditions, JSON and tables have it, without `init.` and `final.`.
        unit: "decades" for log10, "share" from 0 to 1, "loss", "1" for what has none, else what it counts.
        definition: What it is.
        why: How it is read.
    """

    name: str
    unit: str
    definition: str
    why: str


AT_A_STEP: tuple[SummaryFigure, ...] = (
    SummaryFigure("backward_decades", "decades",
                  "decades that the backward signal gains from the last hidden layer to the first; negative where it falls",
                  "near 0: the gradient reaches the first layer as it left the last; -2: a hundredth of it does"),
    SummaryFigure("backward_slope", "decades a layer",
                  "decades that the backward signal gains in one layer on its way to the input, by least squares over the inner layers",
                  "times the number of layers it is about backward_decades, where the change is steady"),
    SummaryFigure("backward_fit", "share", "R² of the straight line whose slope is backward_slope",
                  "near 1: every layer changes the signal by the same factor, as an initialisation does; lower: single layers do"),
    SummaryFigure("forward_decades", "decades",
                  "decades that the forward signal (the preactivations' root mean square) gains from the first hidden layer to the last",
                  "near 0: layers keep the size of what they pass on"),
    SummaryFigure("grad_ratio", "decades", "decades that the weight gradient's norm gains from the last hidden layer to the first",
                  "it can hide a signal that vanishes, because it also follows the size of what comes in: read backward_decades first"),
    SummaryFigure("loss", "loss", "loss of the batch, before the update", "what training lowers"),
    SummaryFigure("accuracy", "share", "share of the batch that is classified right; null for regression", "1 is all of it"),
    SummaryFigure("holdout_loss", "loss", "loss on the held-out part", "whether what was learned holds for other examples"),
    SummaryFigure("holdout_accuracy", "share", "share of the held-out part that is classified right; null for regression",
                  "whether what was learned holds for other examples"),
    SummaryFigure("loss_ratio", "1",
                  "loss in units of the best constant answer's (ln C for C classes of equal shares), on the training rows that were "
                  "assessed, else of the batch",
                  "a readout that says nothing yet begins at 1; below 1 the network makes use of its inputs"),
    SummaryFigure("holdout_gain", "loss",
                  "loss of the best constant answer less the network's on the held-out part; its standard error is in the steps' table",
                  "above 0 by more than its error: it learned what holds for other examples"),
    SummaryFigure("holdout_balanced_accuracy", "share",
                  "mean over the classes of the share of each that is classified right on the held-out part; null for regression",
                  "rare classes count as much as frequent ones"),
)  # fmt: skip
"""At the first recorded step (`init.`) and at the last finite one (`final.`)."""

OF_A_RUN: tuple[SummaryFigure, ...] = (
    SummaryFigure("learning_layers", "layers",
                  "number of hidden layers that learn: whose median update, beside their weights, is large enough next to the largest "
                  "hidden layer's and is not lost when the weights are rounded to their format",
                  "all of them learn in a healthy network; null where updates were not recorded"),
    SummaryFigure("expected_backward_decades", "decades",
                  "backward_decades at the first step as theory expects it of the mean square over seeds; null where theory has no answer",
                  "a single seed typically lies a little lower: compare a run with typical_backward_decades"),
    SummaryFigure("expected_spread", "decades",
                  "standard deviation over seeds that theory expects of backward_decades at the first step; null where it has no answer",
                  "a run further than a few of these from what is typical was not started as its config says"),
    SummaryFigure("skipped_steps", "steps",
                  "number of steps that were skipped because a gradient overflowed; only with train.dtype.loss_scale",
                  "some at the start are normal for a dynamic loss scale"),
)  # fmt: skip
"""Of a run as a whole, and named by conditions."""

BESIDES: tuple[SummaryFigure, ...] = (
    SummaryFigure("typical_backward_decades", "decades",
                  "backward_decades that one seed typically shows at the first step, by theory at this width and batch size: the mean of "
                  "the logarithm over seeds; null where theory has no answer",
                  "what a run, or the mean over seeds, is to be compared with"),
    SummaryFigure("learning_share", "share", "learning_layers over the number of hidden layers", "1: all of them learn"),
)  # fmt: skip
"""Figures that tables show besides; `learning_share` is one of comparisons and their gates."""

SUMMARY_FIGURES: Mapping[str, SummaryFigure] = {one.name: one for one in (*AT_A_STEP, *OF_A_RUN, *BESIDES)}
