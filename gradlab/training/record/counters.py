"""Which step it is, counted on the device, so that no step is given a number of its own by the host."""

import torch


class Counters:
    """int64 [1] on the device: the step from 0, its row in the loaded block, and the recorded steps before it in the block (frame)."""

    def __init__(self, device: torch.device) -> None:
        self._counts = torch.zeros(3, dtype=torch.int64, device=device)
        self.step, self.row, self.frame = torch.split(self._counts, 1)
        self._plain, self._recorded = (torch.tensor(ones).to(device) for ones in ([1, 1, 0], [1, 1, 1]))

    def begin_block(self) -> None:
        self._counts[1:].zero_()

    def advance(self, recorded: bool) -> None:
        self._counts.add_(self._recorded if recorded else self._plain)
