"""Training to a target loss, reproducible bit for bit on one machine at one thread count."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from copy import deepcopy
from pathlib import Path

import torch
from torch import nn

from simulations.datasets.image_dataset import ImageDataset
from simulations.models.checkpoints import checkpoint_hash
from simulations.models.devices import checked_device, device_of, moved_to
from simulations.runtime.names_in_words import first_of
from simulations.runtime.random_streams import torch_stream
from simulations.specs.training_arguments import TrainingArguments
from simulations.training.epoch import check_last_batch, evaluate, is_finite, run_epoch
from simulations.training.generators import generators, preserve_rng_state, seeded, set_generators
from simulations.training.history import TrainingHistory
from simulations.training.optimizers import make_optimizer, set_rate
from simulations.training.progress_report import EpochClock, ProgressCallback, TrainingProgress, reporter
from simulations.training.result import TrainingResult, history_dataset, setting_of
from simulations.training.resume_file import (
    TrainingCheckpoint,
    load_optimizer,
    model_hash,
    optimizer_tensors,
)
from simulations.training.samples_on_device import Samples, samples_on

__all__ = ["TrainingProgress", "TrainingResult", "train"]


def train(
    model: nn.Module,
    data: ImageDataset,
    *,
    optimizer: str = TrainingArguments.optimizer,
    learning_rate: float,
    momentum: float = TrainingArguments.momentum,
    weight_decay: float = TrainingArguments.weight_decay,
    label_smoothing: float = TrainingArguments.label_smoothing,
    clip_norm: float | None = TrainingArguments.clip_norm,
    schedule: str = TrainingArguments.schedule,
    batch_size: int = TrainingArguments.batch_size,
    target_loss: float | None = TrainingArguments.target_loss,
    max_epochs: int,
    seed: int,
    precision: str = TrainingArguments.precision,
    evaluate_every: int | None = TrainingArguments.evaluate_every,
    objective: str | None = TrainingArguments.objective,
    keep: Collection[int] = (),
    device: torch.device | str | None = None,
    checkpoint: Path | str | None = None,
    progress: ProgressCallback | str | None = None,
) -> TrainingResult:
    """Train the model in place, by minibatches of cross-entropy, to a loss on the whole training set.

    The loss that decides is evaluated on all of `data` after each epoch (see `evaluate_every`), in evaluation
    mode, in the model's own type up to the logits and in float64 after them; a model that is at the target
    already takes no step.
    Each epoch visits every sample once in an order drawn from the seed's stream "order"; the last batch may
    be smaller. Two calls with the same arguments give the same bits on the CPU at the same thread count
    (another count may not, nor may a CUDA device). The global generators are left as they were; dropout draws
    from the seed's stream "dropout". Parameters that require no gradient stay as they are.

    A diverged run ends at once: model and `end` are in the state after the last evaluated epoch whose loss,
    parameters and buffers were finite, never in one that is not.

    Args:
        model: inputs (n, ...) to logits (n, k), on one device; its start is the state it comes in.
        data: the training set; moved to the device once.
        optimizer: "sgd", "adam" or "adamw" (torch's, betas 0.9 and 0.999).
        learning_rate: > 0.
        momentum: of sgd, in [0, 1), 0 is plain SGD; the others do not use it.
        weight_decay: >= 0; of weight matrices and kernels alone, see `simulations.training.optimizers`.
        label_smoothing: in [0, 1), of the loss whose gradient is followed. The loss that is reported and
            compared with `target_loss` stays the plain cross-entropy.
        clip_norm: > 0; a longer gradient, as one vector over all trained parameters, is shortened to it.
        schedule: of the learning rate over `max_epochs`: "constant", "cosine" or "step", see
            `simulations.training.optimizers.rate_factor`.
        batch_size: >= 1.
        target_loss: nats, > 0, or None to run all epochs.
        max_epochs: >= 0; passes over the data at most.
        seed: of the streams "order" and "dropout".
        precision: of the steps: "float32"; on CUDA devices of compute capability 8.0 also "tf32" products;
            there and on the CPU also "bf16" (autocast). Parameters, their updates and evaluations
            are in the model's own type in any case.
        evaluate_every: None: all samples are evaluated after each epoch. m: only where the mean loss of an
            epoch's steps is at most twice the target, m epochs after the last evaluation, and after the last
            epoch. The steps are the same; training ends at the same epoch or at most m - 1 later, and the
            history has the evaluated epochs alone. It needs label_smoothing 0.
        objective: None: cross-entropy, by sample (labels (n,)) or by token (labels (n, t), outputs
            (n, t, k)). "squared_error": of an autoencoder, whose target is its input; its error is nan.
        keep: epochs after which the state is kept, 0 the start; with `evaluate_every` None.
        device: "cpu", "cuda" or "cuda:<index>", or None for where the model is. The model comes back to
            where it came from; `start` and `end` are there too.
        checkpoint: a file that keeps the training's state (`simulations.training.resume_file`). A call that
            was killed and is made again, from the same start, goes on from it, and ends with the bits of
            one that was not killed (CPU). The file stays when the run has ended, and the same call then
            takes no step: remove it once the result is stored. A damaged file, or one of other versions,
            device or thread count, is ignored with a warning and replaced.
        progress: called with a `TrainingProgress` after each evaluated epoch (after its state was kept); or
            "bar", which shows loss, error and time left on a terminal.

    Raises:
        ValueError: a value outside these, a precision that the device lacks, a model without trainable
            parameters, or one whose loss or parameters are not finite at the start; a checkpoint of another
            call.
        OSError: the checkpoint's folder is not there or cannot be written.
    """
    arguments = TrainingArguments(
        optimizer=optimizer,
        learning_rate=learning_rate,
        momentum=momentum,
        weight_decay=weight_decay,
        label_smoothing=label_smoothing,
        clip_norm=clip_norm,
        schedule=schedule,
        batch_size=batch_size,
        target_loss=target_loss,
        max_epochs=max_epochs,
        precision=precision,
        evaluate_every=evaluate_every,
        objective=objective,
    )
    if keep and evaluate_every is not None:
        raise ValueError(f"keep = [{first_of(sorted(keep))}] needs evaluate_every None, got {evaluate_every}")
    order = torch_stream(seed, "order")
    home, where = device_of(model), checked_device(device, model, precision)
    start = _copy_of(model)
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    stepper = make_optimizer(trainable, arguments)
    file = None
    if checkpoint is not None:
        setting = setting_of(where)
        if where.type != "cpu":
            del setting["threads"]  # of no account there
        file = TrainingCheckpoint(checkpoint, _call(model, start, data, arguments, seed, keep), setting)
    saved = file.load() if file else None
    with reporter(progress, max_epochs) as report, moved_to(model, where), seeded(seed, where):
        samples = samples_on(data, where)
        if saved:
            groups, status = saved
            history = TrainingHistory.from_tensors(groups["history"])
            model.load_state_dict(groups["model"])
            if not status:
                load_optimizer(stepper, groups.get("optimizer", {}))  # plain SGD has no buffers
                set_generators(groups["generator"], order, where)
            end = _copy_of(model, home)
            kept = _kept_again(groups.get("kept", {}))
        else:
            history, end = TrainingHistory(), start
            kept = {0: start} if 0 in keep else {}
            scores = evaluate(model, samples, data.labels, objective)
            if not is_finite(model, scores):
                raise ValueError(
                    f"the model's loss or parameters are not finite before training: {scores.loss}"
                )
            check_last_batch(model, data, batch_size)
            history.add(scores, 0)
            status = arguments.verdict(0, scores.loss)
        clock, steps_taken = EpochClock(history.epochs), 0
        model.train()
        while not status:
            taken, epochs, finite = _until_evaluated(
                model, samples, stepper, order, arguments, history.epochs
            )
            steps_taken += taken
            latest = evaluate(model, samples, data.labels, objective) if finite else None
            if latest is None or not is_finite(model, latest):
                status = "diverged"
            else:
                history.add(latest, taken, epochs)
                end = _copy_of(model, home)
                status = arguments.verdict(history.epochs, latest.loss)
                if history.epochs in keep:
                    kept[history.epochs] = {name: tensor.clone() for name, tensor in end.items()}
            if file:
                groups = {"model": end, "history": history.tensors()}
                if kept:
                    groups["kept"] = {f"{e}/{n}": t for e, state in kept.items() for n, t in state.items()}
                if not status:
                    groups["optimizer"] = optimizer_tensors(stepper)
                    groups["generator"] = generators(order, where)
                file.save(groups, status)
            with preserve_rng_state(where):  # what a callback draws must not move dropout
                report(clock.progress([history], history.epochs, max_epochs, status))
        model.load_state_dict(end)
    model.zero_grad(set_to_none=True)
    if end is start:
        end = deepcopy(start)
    written = history_dataset(history, data, where, arguments, seed, status)
    return TrainingResult(model, start, end, written, status, steps_taken, kept)


def _kept_again(tensors: Mapping[str, torch.Tensor]) -> dict[int, dict[str, torch.Tensor]]:
    """States by epoch, from a checkpoint's tensors."""
    found: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        epoch, _, name = key.partition("/")
        found.setdefault(int(epoch), {})[name] = tensor
    return found


def _until_evaluated(
    model: nn.Module,
    samples: Samples,
    stepper: torch.optim.Optimizer,
    order: torch.Generator,
    arguments: TrainingArguments,
    done: int,
) -> tuple[int, int, bool]:
    """Epochs until all samples are to be evaluated: steps and epochs taken, and whether all was finite."""
    taken, epochs = 0, 0
    while True:
        set_rate(stepper, arguments, done + epochs)
        epoch = run_epoch(model, samples, stepper, order, arguments)
        taken, epochs = taken + epoch.steps, epochs + 1
        if not epoch.finite or arguments.evaluation_is_due(done + epochs, epochs, epoch.loss):
            return taken, epochs, epoch.finite


def _copy_of(model: nn.Module, device: torch.device | None = None) -> dict[str, torch.Tensor]:
    return {
        name: tensor.detach().clone() if device is None else tensor.detach().to(device, copy=True)
        for name, tensor in model.state_dict().items()
    }


def _call(
    model: nn.Module,
    start: dict[str, torch.Tensor],
    data: ImageDataset,
    arguments: TrainingArguments,
    seed: int,
    keep: Collection[int],
) -> dict[str, object]:
    """What names a call in its checkpoint."""
    return {
        "model": model_hash(model),
        "start": checkpoint_hash(start),
        "data": data.content_hash,
        **arguments.named(),
        "seed": seed,
        **({"keep": sorted(keep)} if keep else {}),
    }
