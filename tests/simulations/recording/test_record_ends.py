"""What `record_ends` and the two callbacks leave in a folder is what the model was, whole or not at all."""

import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from simulations.models.checkpoints import load_checkpoint
from simulations.recording import lightning_callback, record_ends, trainer_callback


class Shared(nn.Module):
    """Two names of one weight, a buffer, and an extra state that is no tensor."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)
        self.second.weight = self.first.weight
        self.norm = nn.BatchNorm1d(3)

    def get_extra_state(self):
        return {"calls": 3}

    def set_extra_state(self, state):
        pass

    def forward(self, x):
        return self.norm(self.second(self.first(x)))


def step(model, optimizer):
    optimizer.zero_grad()
    model(torch.randn(4, 3)).square().sum().backward()
    optimizer.step()


def tensors(model):
    return {n: t.detach().clone() for n, t in model.state_dict().items() if isinstance(t, torch.Tensor)}


def assert_same(path, expected):
    found = load_file(path)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("wrap", [lambda m: m, nn.DataParallel], ids=["plain", "wrapped"])
def test_start_end_and_every_second_step_of_the_models_own_optimizer(tmp_path, wrap):
    model = Shared()
    outer, other = wrap(model), nn.Linear(3, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    of_another = torch.optim.SGD(other.parameters(), lr=0.1)
    states = [tensors(model)]
    with record_ends(outer, tmp_path / "new" / "run", every=2) as record:
        for _ in range(5):
            step(other, of_another)
            step(model, optimizer)
            states.append(tensors(model))
    step(model, optimizer)
    folder = tmp_path / "new" / "run"
    assert sorted(path.name for path in folder.iterdir()) == [
        "end.safetensors",
        "start.safetensors",
        "step-00000002.safetensors",
        "step-00000004.safetensors",
    ]
    assert (record.start, record.end) == (folder / "start.safetensors", folder / "end.safetensors")
    for name, state in (("start", 0), ("step-00000002", 2), ("step-00000004", 4), ("end", 5)):
        assert_same(folder / f"{name}.safetensors", states[state])
    loaded = load_checkpoint("end", record.end, model)
    assert torch.equal(loaded["second.weight"], states[5]["first.weight"])


def test_after_an_error_there_is_a_start_and_no_end_and_nothing_goes_on(tmp_path):
    model = nn.Linear(3, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(KeyboardInterrupt), record_ends(model, tmp_path, every=1):
        raise KeyboardInterrupt
    step(model, optimizer)  # the hook is gone
    assert [path.name for path in tmp_path.iterdir()] == ["start.safetensors"]
    with (
        pytest.raises(ValueError, match=r"start\.safetensors is there already"),
        record_ends(model, tmp_path),
    ):
        pass


@pytest.mark.parametrize(
    ("model", "every", "message"),
    [
        (nn.LazyLinear(3), None, "lazy layers without weights: run one batch"),
        (nn.Linear(2, 2), 0, "every must be a number of steps >= 1, or None for none between, got 0"),
        (nn.Linear(2, 2), 1.5, "got 1.5"),
    ],
)
def test_what_cannot_be_recorded_is_refused(tmp_path, model, every, message):
    with pytest.raises(ValueError, match=message), record_ends(model, tmp_path / "run", every=every):
        pass
    assert not list(tmp_path.glob("**/*.safetensors"))


class StandIn:
    """What both libraries' base classes do: nothing."""


def with_module(monkeypatch, name, **attributes):
    for part in (name.partition(".")[0], name):
        monkeypatch.setitem(sys.modules, part, ModuleType(part))
    vars(sys.modules[name]).update(attributes)


def test_the_callbacks_hooks_write_start_steps_and_end(tmp_path, monkeypatch):
    """By stand-ins for the libraries: the next two tests run where these are installed."""
    with_module(monkeypatch, "lightning.pytorch", Callback=StandIn)
    with_module(monkeypatch, "transformers", TrainerCallback=StandIn)
    model = nn.Linear(3, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    trainer = SimpleNamespace(global_step=0, is_global_zero=True)
    state = SimpleNamespace(global_step=0, is_world_process_zero=True)
    one, other = lightning_callback(tmp_path / "l", every=2), trainer_callback(tmp_path / "t", every=2)
    one.on_train_start(trainer, model)
    other.on_train_begin(None, state, None, model=model)
    states = [tensors(model)]
    for batch in range(6):
        if batch % 2:  # gradients of two batches are collected
            step(model, optimizer)
            states.append(tensors(model))
            trainer.global_step = state.global_step = len(states) - 1
            other.on_step_end(None, state, None, model=model)
        one.on_train_batch_end(trainer, model, None, None, batch)
    one.on_train_end(trainer, model)
    other.on_train_end(None, state, None, model=model)
    for folder in ("l", "t"):
        names = sorted(path.stem for path in (tmp_path / folder).iterdir())
        assert names == ["end", "start", "step-00000002"]
        for name, place in (("start", 0), ("step-00000002", 2), ("end", 3)):
            assert_same(tmp_path / folder / f"{name}.safetensors", states[place])


@pytest.mark.parametrize(
    ("make", "module", "extra"),
    [(lightning_callback, "lightning.pytorch", "lightning"), (trainer_callback, "transformers", "hf")],
)
def test_without_the_library_one_line_says_what_to_install(tmp_path, monkeypatch, make, module, extra):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"pip install 'mli-plateau\[{extra}\]'"):
        make(tmp_path)


# What the libraries say of torch, of each other and of machines is not ours to mend.
of_the_libraries = pytest.mark.filterwarnings(
    "ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning:lightning"
)


@of_the_libraries
@pytest.mark.parametrize("collected", [1, 2], ids=["every batch", "gradients of two batches"])
def test_a_fit_of_lightning_keeps_its_ends(tmp_path, collected):
    lightning = pytest.importorskip("lightning.pytorch")

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 1)

        def training_step(self, batch, _):
            return self.layer(batch).square().mean()

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    module = Module()
    before = tensors(module)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    callback = lightning_callback(tmp_path / "run", every=2)
    quiet |= {"enable_model_summary": False, "accumulate_grad_batches": collected}
    states = [before]

    class Step(torch.optim.SGD):
        def step(self, closure=None):
            loss = super().step(closure)
            states.append(tensors(module))
            return loss

    module.configure_optimizers = lambda: Step(module.parameters(), lr=0.1)
    lightning.Trainer(max_epochs=1, accelerator="cpu", callbacks=[callback], **quiet).fit(
        module, torch.utils.data.DataLoader(torch.randn(24, 3), batch_size=4)
    )
    assert len(states) == 1 + 6 // collected
    assert_same(tmp_path / "run" / "start.safetensors", before)
    assert_same(tmp_path / "run" / "end.safetensors", states[-1])
    assert_same(tmp_path / "run" / "step-00000002.safetensors", states[2])
    assert len(list((tmp_path / "run").iterdir())) == 2 + (6 // collected) // 2


@of_the_libraries
@pytest.mark.parametrize("collected", [1, 2], ids=["every batch", "gradients of two batches"])
def test_a_training_of_transformers_keeps_its_ends(tmp_path, collected):
    transformers = pytest.importorskip("transformers")

    class Module(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 1)

        def forward(self, x):
            return {"loss": self.layer(x).square().mean()}

    module = Module()
    before = tensors(module)
    arguments = transformers.TrainingArguments(
        tmp_path / "out",
        num_train_epochs=1,
        per_device_train_batch_size=4,
        gradient_accumulation_steps=collected,
        report_to=[],
        use_cpu=True,
    )
    states = [before]

    class Step(torch.optim.SGD):
        def step(self, closure=None):
            loss = super().step(closure)
            states.append(tensors(module))
            return loss

    data = [{"x": row} for row in torch.randn(24, 3)]
    callback = trainer_callback(tmp_path / "run", every=2)
    transformers.Trainer(
        module,
        arguments,
        train_dataset=data,
        callbacks=[callback],
        optimizers=(Step(module.parameters(), lr=0.1), None),
    ).train()
    assert len(states) == 1 + 6 // collected
    assert_same(tmp_path / "run" / "start.safetensors", before)
    assert_same(tmp_path / "run" / "end.safetensors", states[-1])
    assert_same(tmp_path / "run" / "step-00000002.safetensors", states[2])
    assert len(list((tmp_path / "run").iterdir())) == 2 + (6 // collected) // 2
