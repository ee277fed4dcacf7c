"""Networks of one logit, networks that draw, and data that are drawn: one line, before any work."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from simulations.certified_line import certify_line
from simulations.curves.logit_paths import logit_path
from simulations.curves.one_path import interpolation_curves
from simulations.curves.several_paths import PathBetweenStates, curves_together
from simulations.datasets.image_dataset import ImageDataset
from simulations.models.last_layer import LastLayer
from simulations.prediction.gain_prediction import predict_from_endpoints, predict_from_probe
from simulations.training.single import train
from tests.simulations.curves.helpers.networks import copy_of, moved
from validation.diagnosis import diagnose

N = 40


def images(n=N, labels=None):
    stream = torch.Generator().manual_seed(0)
    return torch.randn(n, 6, generator=stream), torch.arange(n) % 3 if labels is None else labels


def line_of(model):
    start = copy_of(model)
    return start, moved(start, 1)


def together(model, start, end, data):
    return curves_together(
        model, {"one": PathBetweenStates(start, end)}, data, LastLayer("last", None), alphas=3
    )


CALLS = {
    "interpolation_curves": lambda *line: interpolation_curves(*line, alphas=3),
    "curves_together": together,
    "logit_path": logit_path,
    "predict_from_endpoints": predict_from_endpoints,
    "predict_from_probe": predict_from_probe,
    "diagnose": lambda model, start, end, data: diagnose(model, end, start, data),
}


@pytest.fixture(params=CALLS.values(), ids=CALLS)
def call(request):
    return request.param


class Squeezed(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(6, 1)

    def forward(self, x):
        return self.last(x).squeeze(1)


@pytest.mark.parametrize("make", [lambda: nn.Sequential(nn.Linear(6, 1)), Squeezed], ids=["(n, 1)", "(n,)"])
@pytest.mark.parametrize("labels", [torch.zeros(N).long(), torch.arange(N) % 2], ids=["zeros", "0 and 1"])
def test_one_logit_is_refused_by_its_shape(call, make, labels):
    model = make()
    with pytest.raises(
        ValueError, match=r"one output a sample, shape \(\d+,( 1)?\).*objective='binary'"
    ) as error:
        call(model, *line_of(model), images(labels=labels))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("labels", [torch.zeros(N).long(), torch.arange(N) % 2], ids=["zeros", "0 and 1"])
def test_one_logit_is_not_certified(labels):
    model = nn.Sequential(nn.Linear(6, 1))
    with pytest.raises(ValueError, match=r"one output a sample, shape \(40, 1\).*objective='binary'"):
        certify_line(model, *line_of(model), images(labels=labels))


def test_one_logit_is_not_trained():
    inputs, labels = images(labels=torch.zeros(N).long())
    with pytest.raises(ValueError, match="one output a sample"):
        train(
            nn.Sequential(nn.Linear(6, 1)),
            ImageDataset(inputs, labels, 2),
            learning_rate=0.1,
            max_epochs=1,
            seed=0,
        )


class AlwaysDropout(nn.Module):
    def forward(self, x):
        return nn.functional.dropout(x, 0.3)


class OwnGenerator(nn.Module):
    """Draws from a stream that no global state tells of."""

    def __init__(self):
        super().__init__()
        self.stream = np.random.default_rng(0)

    def forward(self, x):
        return x + torch.from_numpy(self.stream.normal(0, 0.1, x.shape)).to(x.dtype)


class Remembers(nn.Module):
    """No draw, but what it saw before is part of what it returns."""

    def __init__(self):
        super().__init__()
        self.mean = 0.0

    def forward(self, x):
        self.mean = 0.9 * self.mean + 0.1 * float(x.mean())
        return x - self.mean


class StochasticDepth(nn.Module):
    def forward(self, x):
        return x * (torch.rand(len(x), 1) > 0.2)


@pytest.mark.parametrize("layer", [AlwaysDropout, OwnGenerator, Remembers, StochasticDepth])
def test_a_network_that_draws_in_evaluation_mode_is_refused(call, layer):
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(6, 8), layer(), nn.Linear(8, 3))
    before = torch.get_rng_state()
    with pytest.raises(ValueError, match=r"differ by up to .* random in evaluation mode") as error:
        call(model, *line_of(model), images())
    assert "\n" not in str(error.value)
    assert torch.equal(torch.get_rng_state(), before)


class LearnedNoise(nn.Module):
    """Noise as large as the product of two parameters."""

    def __init__(self):
        super().__init__()
        self.size, self.gate = nn.Parameter(torch.ones(())), nn.Parameter(torch.ones(()))

    def forward(self, x):
        return x + self.size * self.gate * torch.randn_like(x)


@pytest.mark.parametrize(
    ("sizes", "gates", "alpha"),
    [((1.0, 0.0), (1.0, 1.0), "0"), ((0.0, 1.0), (1.0, 1.0), "1"), ((1.0, 0.0), (0.0, 1.0), "0.5")],
    ids=["at the start", "at the end", "in the middle"],
)
def test_noise_of_a_learned_size_is_found_wherever_it_is_not_0(call, sizes, gates, alpha):
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(6, 8), LearnedNoise(), nn.Linear(8, 3))
    start, end = line_of(model)
    for state, size, gate in ((start, sizes[0], gates[0]), (end, sizes[1], gates[1])):
        state["1.size"], state["1.gate"] = torch.tensor(size), torch.tensor(gate)
    either = rf"({alpha}|{1 - float(alpha):g})"  # one of the calls walks from the end to the start
    with pytest.raises(ValueError, match=rf"at alpha = {either}: the network is random in evaluation mode"):
        call(model, start, end, images())


def test_noise_that_a_path_keeps_at_0_is_no_noise():
    model = nn.Sequential(nn.Linear(6, 8), LearnedNoise(), nn.Linear(8, 3))
    start, end = line_of(model)
    end["1.size"] = torch.zeros(())
    for path in ("bias", "last_bias"):
        interpolation_curves(model, start, end, images(), alphas=3, path=path)


def test_dropout_that_knows_its_mode_is_not_refused(call):
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3)).train()
    call(model, *line_of(model), images())
    assert all(module.training for module in model.modules())


class Noisy(Dataset):
    """Augments: every reading of a sample gives other numbers."""

    def __len__(self):
        return N

    def __getitem__(self, i):
        return images()[0][i] + 0.1 * torch.randn(6), i % 3


class Reordered:
    """Batches of one sample in another order in every pass: the first may be the same by chance."""

    def __init__(self):
        self.batch_sampler = type("Drawn", (), {"sampler": torch.utils.data.RandomSampler(range(2))})

    def __iter__(self):
        raise AssertionError("read before it was refused")


SHUFFLED = {
    "a shuffling loader": lambda: DataLoader(TensorDataset(*images()), batch_size=8, shuffle=True),
    "in one batch": lambda: DataLoader(TensorDataset(*images()), batch_size=N, shuffle=True),
    "a weighted sampler": lambda: DataLoader(
        TensorDataset(*images()), sampler=torch.utils.data.WeightedRandomSampler(torch.ones(N), N)
    ),
    "two samples, told by its sampler": Reordered,
    "augmentation": Noisy,
    "a loader that augments": lambda: DataLoader(Noisy(), batch_size=8),
}


@pytest.mark.parametrize("make", SHUFFLED.values(), ids=SHUFFLED)
def test_data_that_are_drawn_anew_are_refused_though_one_pass_is_made(call, make):
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    passes = []
    model.register_forward_hook(lambda *_: passes.append(1))
    with pytest.raises(ValueError, match="turn shuffling") as error:
        call(model, *line_of(model), make())
    assert not passes
    assert "\n" not in str(error.value)


def test_a_hook_that_augments_is_refused():
    model = nn.Linear(6, 3)

    def hook(item):
        from simulations.user_data.data_passes import Batch

        return Batch((item[0] + torch.randn(6),), {}, item[1])

    with pytest.raises(ValueError, match="turn shuffling"):
        logit_path(model, *line_of(model), images(), batch_hook=hook)


@pytest.mark.parametrize(("value", "word"), [(np.nan, "nan"), (np.inf, "inf")])
@pytest.mark.parametrize("as_loader", [False, True])
def test_a_sample_that_is_not_finite_is_named(call, value, word, as_loader):
    # 64 units: an infinite input that every unit cuts to 0 is a sample like any other.
    model = nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 3))
    inputs, labels = images()
    inputs[29, 4] = value
    data = DataLoader(TensorDataset(inputs, labels), batch_size=8) if as_loader else (inputs, labels)
    with pytest.raises(
        ValueError, match=rf"not finite at .*sample 29 of the data holds {word} \(argument 0\)"
    ):
        call(model, *line_of(model), data)


def test_the_split_of_a_sample_that_is_not_finite_is_named():
    model = nn.Linear(6, 3)
    inputs, labels = images()
    bad = inputs.clone()
    bad[3, 0] = np.nan
    with pytest.raises(ValueError, match=r"sample 3 of the data holds nan .* of the split 'test'"):
        interpolation_curves(
            model, *line_of(model), {"train": (inputs, labels), "test": (bad, labels)}, alphas=3
        )


def test_a_network_that_knows_missing_values_takes_them():
    class Filled(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = nn.Linear(6, 3)

        def forward(self, x):
            return self.last(x.nan_to_num())

    inputs, labels = images()
    inputs[29, 4] = np.nan
    model = Filled()
    assert interpolation_curves(model, *line_of(model), (inputs, labels), alphas=3).loss.notnull().all()
