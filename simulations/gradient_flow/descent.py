"""`descend`: gradient descent beside the flow, on the same model, batched in torch float64."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
import xarray as xr
from numpy.typing import ArrayLike

from mli_theory.domain import DomainError
from simulations.gradient_flow.problem import Problem

__all__ = ["descend"]

_LOOK_EVERY = 64  # steps between two looks at the losses, each of which waits for the device


def descend(
    weights: ArrayLike,
    degree: int,
    learning_rate: float,
    final_loss: float,
    bias: ArrayLike | None = None,
    *,
    class_shares: ArrayLike | None = None,
    train_bias: bool = True,
    optimizer: Literal["sgd", "adam"] = "sgd",
    momentum: float = 0.0,
    max_steps: int = 100_000,
    record: int = 200,
    device: str | torch.device = "cpu",
) -> xr.Dataset:
    """Full-batch gradient descent from `weights`, (k, k) or (m, k, k), to final_loss or for max_steps.

    Plain gradient descent is Euler's method for the flow: step n stands for time n learning_rate, with
    momentum for n learning_rate / (1 - momentum) after its start. Adam has no such time (nan). A seed that
    reached final_loss, looked at every 64 steps and at every record, stays where it was.

    Returns:
        step(record), geometrically spaced, the start and the last step included; time(record);
        weights, bias, loss as `integrate` has them; status per seed: "reached", "running" (stopped at
        max_steps) or "diverged" (not finite; it keeps its last finite record).

    Raises:
        DomainError: as `integrate` for the start and final_loss; a learning rate that is not positive, a
            momentum outside [0, 1), an unknown optimizer, momentum with Adam.
    """
    problem = Problem.checked(weights, degree, bias, class_shares)
    problem.check_final_loss(final_loss, train_bias)
    if not (np.isfinite(learning_rate) and learning_rate > 0):
        raise DomainError(f"learning_rate must be positive and finite, got {learning_rate}")
    if not 0 <= momentum < 1:
        raise DomainError(f"momentum must lie in [0, 1), got {momentum}")
    if optimizer not in ("sgd", "adam") or (optimizer == "adam" and momentum):
        raise DomainError(
            f'optimizer must be "sgd" or "adam" (without momentum), got {optimizer!r}, {momentum}'
        )
    if max_steps < 1 or record < 2:
        raise DomainError(f"max_steps must be >= 1 and record >= 2, got {max_steps} and {record}")
    state = _State(problem, train_bias, device)
    parameters = [state.weights, state.bias] if train_bias else [state.weights]
    update: torch.optim.Optimizer
    if optimizer == "adam":
        update = torch.optim.Adam(parameters, lr=learning_rate)
    else:
        update = torch.optim.SGD(parameters, lr=learning_rate, momentum=momentum)
    spaced = np.unique(np.geomspace(1, max_steps, record - 1).round().astype(np.int64))
    steps, snapshots = [0], [state.look(final_loss)]
    for step in range(1, max_steps + 1):
        state.set_gradient()
        update.step()
        due = step == spaced[min(len(steps) - 1, len(spaced) - 1)]
        if due or step % _LOOK_EVERY == 0:
            snapshot = state.look(final_loss)
            stopped = bool((state.stopped != 0).all())
            if due or stopped:
                steps.append(step)
                snapshots.append(snapshot)
            if stopped:
                break
    return _dataset(problem, state, np.array(steps), snapshots, learning_rate, momentum, optimizer)


class _State:
    """Parameters (m, k, k) and (m, k), and the snapshot at which each run stopped."""

    def __init__(self, problem: Problem, train_bias: bool, device: str | torch.device) -> None:
        def on_device(array: np.ndarray) -> torch.Tensor:
            return torch.tensor(array, dtype=torch.float64, device=device)

        self.degree, self.train_bias = problem.degree, train_bias
        self.weights, self.bias = on_device(problem.weights), on_device(problem.bias)
        self.shares = on_device(problem.shares)
        self.eye = torch.eye(len(problem.shares), dtype=torch.bool, device=device)
        self.stopped = torch.zeros(len(problem.weights), dtype=torch.int8, device=device)
        self.kept: tuple[torch.Tensor, ...] | None = None

    def set_gradient(self) -> None:
        """dL/dW and dL/db; 1 - p_jj is the sum of the other classes."""
        logits = self.weights**self.degree + self.bias[:, :, None]
        others = torch.softmax(logits, dim=1).masked_fill_(self.eye, 0.0)
        pull = torch.where(self.eye, others.sum(dim=1, keepdim=True), -others) * self.shares
        self.weights.grad = -self.degree * self.weights ** (self.degree - 1) * pull
        if self.train_bias:
            self.bias.grad = -pull.sum(dim=2)

    def loss(self) -> torch.Tensor:
        """Training loss (m,)."""
        logits = self.weights**self.degree + self.bias[:, :, None]
        label = torch.diagonal(logits, dim1=1, dim2=2)
        rivals = torch.logsumexp(logits.masked_fill(self.eye, -torch.inf), dim=1)
        return torch.nn.functional.softplus(rivals - label, threshold=700.0) @ self.shares

    def look(self, final_loss: float) -> tuple[np.ndarray, ...]:
        """Weights, bias and loss of every run, those that stopped as they were then (on the CPU)."""
        loss = self.loss()
        finite = torch.isfinite(loss) & torch.isfinite(self.weights).flatten(1).all(dim=1)
        now = (self.weights.clone(), self.bias.clone(), loss)
        # A diverged run keeps what the look before it saw.
        frozen = (self.stopped != 0) | ~finite
        if self.kept is None:
            self.kept = now
        else:
            self.kept = tuple(
                torch.where(frozen.view(-1, *[1] * (new.ndim - 1)), old, new)
                for old, new in zip(self.kept, now, strict=True)
            )
        running = self.stopped == 0
        self.stopped[running & ~finite] = 2
        self.stopped[running & finite & (loss <= final_loss)] = 1
        return tuple(part.cpu().numpy() for part in self.kept)


def _dataset(
    problem: Problem,
    state: _State,
    steps: np.ndarray,
    snapshots: list[tuple[np.ndarray, ...]],
    learning_rate: float,
    momentum: float,
    optimizer: str,
) -> xr.Dataset:
    weights, bias, loss = (np.stack(parts, axis=1) for parts in zip(*snapshots, strict=True))
    time = steps * learning_rate / (1.0 - momentum) if optimizer == "sgd" else np.full(len(steps), np.nan)
    status = np.array(["running", "reached", "diverged"])[state.stopped.cpu().numpy()]
    dataset = xr.Dataset(
        {
            "step": ("record", steps),
            "time": ("record", time),
            "weights": (("seed", "record", "class_index", "sample"), weights),
            "bias": (("seed", "record", "class_index"), bias),
            "loss": (("seed", "record"), loss),
            "status": ("seed", status),
        },
        attrs={
            "degree": problem.degree,
            "class_shares": problem.shares,
            "learning_rate": learning_rate,
            "momentum": momentum,
            "optimizer": optimizer,
        },
    )
    return dataset if problem.batched else dataset.isel(seed=0, drop=True)
