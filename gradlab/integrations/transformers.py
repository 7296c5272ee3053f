"""A callback for the trainer of Hugging Face's transformers."""

from typing import Any

from transformers import TrainerCallback

from gradlab.integrations.callback import WatchingCallback


class GradlabCallback(WatchingCallback, TrainerCallback):  # type: ignore[misc]  # the library is optional, and has no types here
    """Watches the model that a trainer trains, and logs the loss as often as the trainer does (`logging_steps`).

        callback = GradlabCallback(name="mine", every=10)
        Trainer(model, args, train_dataset=data, callbacks=[callback]).train()
        callback.run.stored.verdict

    It takes the arguments of `gradlab.watch`; the scaler of mixed precision is the trainer's. The trainer tells its callbacks nothing of
    what training raises: such a run is stored as interrupted when the program ends, or by `callback.run.close()`.
    """

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        self._begin(given["model"], given["optimizer"], getattr(given["optimizer"], "scaler", None))

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **given: Any) -> None:
        if logs and "loss" in logs:  # the mean since it was logged last
            self.run.log(loss=logs["loss"])

    def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        self.run.close()
