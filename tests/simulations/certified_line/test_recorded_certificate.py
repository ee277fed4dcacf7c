"""A certificate of the README's network, recorded once, is proved again: five digits, exact."""

from pathlib import Path

import mli
from simulations.certified_line import CertifiedLine

RECORDED = Path(__file__).parent / "recorded"
DIGITS = [0, 300, 544, 900, 1500]


def test_the_recorded_certificate_is_proved_again():
    data = mli.load("digits")
    network = mli.fcn(8, 64, 64, 10, bias="last", init_scale=0.5, seed=0)  # as in the README
    start = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    kept = CertifiedLine.from_json((RECORDED / "readme_network.json").read_text())
    end = RECORDED / "readme_network_end.safetensors"
    again = kept.verify(network, start, end, (data.inputs[DIGITS], data.labels[DIGITS]))
    assert again.cells > 20
    assert not len(again.unproved)
    # Sample 544 alone is never on the class of the largest bias: so at no alpha are all samples.
    assert kept.no_plateau is True
    assert kept.class_changes.sum() >= 5
