import pytest
import torch
from torch import nn

from simulations.models.running_statistics import measured_statistics


def batches(*shape, sizes=(5, 3, 7)):
    generator = torch.Generator().manual_seed(0)
    return [10 + 3 * torch.randn(n, *shape, generator=generator) for n in sizes]


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_statistics_are_those_of_all_samples_together(memory_format):
    model, data = nn.Sequential(nn.BatchNorm2d(4)).eval(), batches(4, 6, 5)

    def passes():
        for x in data:
            model(x.contiguous(memory_format=memory_format))

    found = measured_statistics(model, passes)
    values = torch.cat(data).double().movedim(1, -1).flatten(0, -2)
    torch.testing.assert_close(found["0.running_mean"], values.mean(0).float())
    torch.testing.assert_close(found["0.running_var"], values.var(0).float())


def test_a_layer_used_twice_sees_both_inputs():
    norm = nn.BatchNorm1d(3).eval()
    (x,) = batches(3, sizes=(9,))
    found = measured_statistics(norm, lambda: norm(norm(x)))
    once = (x - x.mean(0)) / (x.var(0, correction=0) + norm.eps).sqrt()
    both = torch.cat([x, once]).double()
    torch.testing.assert_close(found["running_mean"], both.mean(0).float())
    torch.testing.assert_close(found["running_var"], both.var(0).float())


def test_an_instance_norm_averages_its_samples():
    norm, data = nn.InstanceNorm1d(3, track_running_stats=True).eval(), batches(3, 8)
    found = measured_statistics(norm, lambda: [norm(x) for x in data])
    samples = torch.cat(data).double()
    torch.testing.assert_close(found["running_mean"], samples.mean(2).mean(0).float())
    torch.testing.assert_close(found["running_var"], samples.var(2).mean(0).float())


@pytest.mark.parametrize("fails", [False, True])
def test_the_layers_are_left_as_they_were(fails):
    model = nn.Sequential(nn.BatchNorm1d(3, momentum=0.3), nn.Linear(3, 2), nn.BatchNorm1d(2)).eval()
    before = dict(model.named_buffers())
    values = {name: buffer.clone() for name, buffer in before.items()}

    def passes():
        model(batches(4 if fails else 3, sizes=(6,))[0])

    if fails:
        with pytest.raises((ValueError, RuntimeError)):
            measured_statistics(model, passes)
    else:
        measured_statistics(model, passes)
    for name, buffer in model.named_buffers():
        assert buffer is before[name]
        if not name.endswith("num_batches_tracked"):  # a functional call counts in its own copy
            assert torch.equal(buffer, values[name])
    assert [m.training for m in model] == [False] * 3
    assert [model[0].momentum, model[2].momentum] == [0.3, 0.1]
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model)
