"""A callback for Lightning's trainer, under either of its names (`lightning`, `pytorch_lightning`)."""

from typing import Any

from gradlab.integrations.callback import WatchingCallback

try:
    from lightning.pytorch import Callback
except ImportError:
    from pytorch_lightning import Callback


class GradlabCallback(WatchingCallback, Callback):  # type: ignore[misc]  # the library is optional, and has no types here
    """Watches the LightningModule that a trainer fits, and logs its loss.

        callback = GradlabCallback(name="mine", every=10)
        Trainer(callbacks=[callback]).fit(module, loader)
        callback.run.stored.verdict

    It takes the arguments of `gradlab.watch`; the scaler of mixed precision is the trainer's.
    """

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self._begin(pl_module, trainer.optimizers, getattr(trainer.precision_plugin, "scaler", None))

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
        if loss is not None:  # none where the step of a batch was left out
            # The trainer has divided it, where batches are accumulated.
            self.run.log(loss=loss * trainer.accumulate_grad_batches)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        self.run.close()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        if self._run is not None:
            self._run.__exit__(type(exception), exception, exception.__traceback__)
