"""Networks, each from its own seed: fully connected, VGG-16, ResNet-18, a small vision transformer.

All return logits (n, k) that are the output of their last `nn.Linear`, unchanged: that layer's bias is the
last-layer bias of theory.md. All draw from the stream "init" of their seed only. What a bias is, and which
are left out, is in `simulations.networks.bias_modes`; how weights start in
`simulations.networks.initialisation`.
"""

from simulations.networks.bias_modes import BIAS_MODES
from simulations.networks.build import CONVOLUTIONAL, NETWORKS, build_network
from simulations.networks.fully_connected import fcn
from simulations.networks.initialisation import INIT_SCHEMES
from simulations.networks.resnet import resnet18
from simulations.networks.vgg import vgg16
from simulations.networks.vision_transformer import vit

__all__ = [
    "BIAS_MODES",
    "CONVOLUTIONAL",
    "INIT_SCHEMES",
    "NETWORKS",
    "build_network",
    "fcn",
    "resnet18",
    "vgg16",
    "vit",
]
