"""`record_ends` as a callback of Lightning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from simulations.recording.record_ends import RecordedEnds

__all__ = ["lightning_callback"]


def lightning_callback(folder: Path | str, every: int | None = None) -> Any:
    """A `lightning.pytorch.Callback` that keeps start, end and, with `every`, states between them.

        trainer = lightning.Trainer(callbacks=[mli.lightning_callback("run")])

    The names are those of the LightningModule: `mli diagnose` leaves a prefix `model.` out by itself.

    Args:
        folder: as of `record_ends`.
        every: optimizer steps between states, counted by the trainer.

    Raises:
        ImportError: Lightning is not installed.
        ValueError: as `RecordedEnds`, when the fit begins.
    """
    try:
        from lightning.pytorch import Callback
    except ImportError as error:
        raise ImportError(
            "mli.lightning_callback needs Lightning: pip install 'mli-plateau[lightning]'"
        ) from error

    class EndsCallback(Callback):  # type: ignore[misc, unused-ignore]
        """Start, steps and end of one fit."""

        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            """After a checkpoint was restored, before the first step."""
            self.record = RecordedEnds(folder, every, writes=trainer.is_global_zero)
            self.record.write_start(pl_module)
            self.last = trainer.global_step

        def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
            """A batch makes no step where gradients are collected over several."""
            if trainer.global_step > self.last:
                self.last = trainer.global_step
                self.record.write_step(pl_module, self.last)

        def on_train_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002 - Lightning's signature
            """The fit ended well."""
            self.record.write_end(pl_module)

    return EndsCallback()
