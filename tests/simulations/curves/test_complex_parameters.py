"""Complex parameters along the line, against a plain loop in complex128."""

import numpy as np
import pytest
import torch
from torch import nn

from simulations.curves.one_path import interpolation_curves
from simulations.line.paths import noise_start, point_on_path, zero_start
from simulations.models.checkpoints import checkpoint_hash
from simulations.prediction.gain_prediction import predict_from_probe
from simulations.prediction.signal_gain import SignalLine
from simulations.runtime.random_streams import torch_stream
from simulations.user_data.content_digest import ContentDigest
from tests.plain_line import plain_line
from tests.simulations.curves.helpers.networks import copy_of

X = torch.randn(50, 8, generator=torch_stream(0, "inputs"))
Y = torch.arange(50) % 3
ALPHAS = np.linspace(0, 1, 9)


class Fourier(nn.Module):
    """A product in frequency space, as of a Fourier neural operator."""

    def __init__(self, dtype=torch.complex64):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(5, 6, dtype=dtype))
        self.head = nn.Linear(12, 3)

    def forward(self, x):
        modes = torch.fft.rfft(x.to(self.weight.real.dtype), dim=1) @ self.weight
        return self.head(torch.tanh(torch.view_as_real(modes).flatten(1)).to(self.head.weight.dtype))


class ComplexLayers(nn.Module):
    """Complex linear layers with complex biases, and the size of what they give as logits."""

    def __init__(self):
        super().__init__()
        self.first, self.second = (
            nn.Linear(8, 6, dtype=torch.complex64),
            nn.Linear(6, 3, dtype=torch.complex64),
        )

    def forward(self, x):
        h = self.first(x.to(torch.complex64))
        return self.second(h / (1 + h.abs())).abs()


def ends(make):
    torch.manual_seed(0)
    start = copy_of(make())
    torch.manual_seed(1)
    model = make()
    return model, start, copy_of(model)


@pytest.mark.parametrize("make", [Fourier, ComplexLayers, lambda: Fourier(torch.complex128)])
@pytest.mark.parametrize("method", ["grid", "adaptive"])
def test_the_line_is_the_plain_loops(make, method):
    run = ends(make)
    alphas = ALPHAS if method == "grid" else np.linspace(0, 1, 65)
    plain = plain_line(*run, X, Y, alphas)
    found = interpolation_curves(*run, (X, Y), alphas=alphas, method=method)
    np.testing.assert_allclose(found.loss, plain.loss, rtol=3e-6 if method == "grid" else 0, atol=1e-3)
    if method == "grid":
        np.testing.assert_allclose(found.error, plain.error, atol=0)


@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")
def test_half_complex_numbers_go_by_complex128():
    start, end = (torch.tensor([a], dtype=torch.complex32) for a in (1 + 1j, 3 - 5j))
    point = point_on_path({"w": start}, {"w": end}, {"w": 1}, 0.25)["w"]
    assert point.dtype == torch.complex32
    assert complex(point.to(torch.complex64)[0]) == 1.5 - 0.5j


def test_complex_biases_are_biases_that_walk_alone():
    run = ends(ComplexLayers)
    plain = plain_line(*run, X, Y, ALPHAS, coefficient=lambda n, a: a if n.endswith("bias") else 1.0)
    found = interpolation_curves(*run, (X, Y), alphas=ALPHAS, path="bias")
    np.testing.assert_allclose(found.loss, plain.loss, rtol=3e-6)


def test_starts_of_zeros_and_of_noise():
    end = {"w": torch.full((3000,), 1 + 2j), "n": torch.tensor(3)}
    zero = zero_start(end)
    assert not zero["w"].any()
    assert zero["n"] == 3
    like = {"w": torch.complex(torch.linspace(-3, 3, 3000), torch.linspace(1, -1, 3000)), "n": end["n"]}
    noise = noise_start(end, like, seed=1)["w"]
    assert noise.dtype == torch.complex64
    spread = np.std(like["w"].numpy())
    assert abs(np.std(noise.numpy()) / spread - 1) < 5 / (4 * 3000) ** 0.5
    assert abs(noise.imag.std() / noise.real.std() - 1) < 0.15


def test_hashes_see_the_imaginary_part_and_not_how_a_conjugate_is_kept():
    w = torch.tensor([1 + 2j, 3 - 1j])
    assert checkpoint_hash({"w": w.conj()}) == checkpoint_hash({"w": w.conj().resolve_conj()})
    assert checkpoint_hash({"w": w.conj()}) != checkpoint_hash({"w": w})
    assert checkpoint_hash({"w": w + 1j}) != checkpoint_hash({"w": w})
    digests = []
    for tensor in (w, w.conj(), w.conj().resolve_conj()):
        digest = ContentDigest()
        digest.add(tensor, "w")
        digests.append(digest.hexdigest())
    assert digests[1] == digests[2] != digests[0]


def test_what_is_not_finite_in_the_imaginary_part_is_refused():
    model, start, end = ends(Fourier)
    end["weight"][0, 0] = complex(0, float("inf"))
    with pytest.raises(ValueError, match=r"end\['weight'\] holds values that are not finite"):
        interpolation_curves(model, start, end, (X, Y))


def test_the_gain_law_follows_complex_weights():
    """Degrees by finite differences of the gain in the plain network, complex directions included."""
    model, start, end = ends(lambda: Fourier(torch.complex128))
    model.double()
    start, end = ({n: t.to(model.state_dict()[n].dtype) for n, t in s.items()} for s in (start, end))
    line = SignalLine(model, start, end, (X.double(), Y), n_probe=20)
    step = 1e-5
    slope = (line.gain_at(1.0) - line.gain_at(1.0 - step)) / step
    assert sum(line.degree_by_layer().values()) == pytest.approx(slope, rel=1e-3)
    assert set(line.retention()) == {"weight", "head.weight"}
    assert predict_from_probe(model, start, end, (X.double(), Y), n_probe=20).held_out_loss_error < 10


def test_complex_logits_are_refused():
    model = nn.Linear(8, 3, dtype=torch.complex64)
    start = copy_of(model)
    end = {n: t + 1 for n, t in start.items()}
    with pytest.raises(ValueError, match="returned complex logits"):
        interpolation_curves(model, start, end, (X.to(torch.complex64), Y))
