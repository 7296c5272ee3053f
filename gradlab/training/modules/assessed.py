"""A module as the assessment sees it: something that turns a buffer of inputs into a buffer of logits, without training.

Shapes: B examples, D inputs, C outputs; a run axis R of one.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from gradlab.network.network import Leaf, Shape
from gradlab.network.place import Place


class AssessedModule:
    """A module in evaluation mode, as `training.record.assessment` reads a network.

    Attributes:
        leaves: None: whether units are copies of one another is not looked at.
    """

    leaves: Sequence[Leaf] = ()

    def __init__(
        self,
        module: nn.Module,
        outputs: Callable[[Tensor, Tensor], Tensor],
        shape: tuple[int, ...],
        sizes: Shape,
        place: Place,
    ) -> None:
        """As the module is.

        Args:
            module: What is assessed.
            outputs: Logits [B, C] of inputs, given targets [B] of any kind.
            shape: Of one example's inputs.
            sizes: As of a network without hidden layers.
            place: Where it is.
        """
        self._module, self._outputs, self._example = module, outputs, shape
        self.shape, self.place = sizes, place
        B = sizes.batch_size
        self.inputs_RBD = place.zeros(1, B, sizes.fan_in[0])
        self.logits_RBC = place.zeros(1, B, sizes.fan_out[0], dtype=place.wide)
        self._no_targets = torch.zeros(B, dtype=torch.int64, device=place.device)

    def forward(self, probe: None) -> None:
        """Writes the logits; every part of the module is as it was before, in training mode or not."""
        modes = [(part, part.training) for part in self._module.modules()]
        self._module.eval()
        try:
            with torch.no_grad():
                inputs = self.inputs_RBD[0].view(-1, *self._example).clone()
                self.logits_RBC[0].copy_(self._outputs(inputs, self._no_targets))
        finally:
            for part, training in modes:
                part.training = training
