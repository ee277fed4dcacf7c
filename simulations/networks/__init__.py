"""Networks, each from its own seed: fully connected, VGG-16, ResNet-18, transformers, LSTM, autoencoder.

Comes in: sizes, bias mode, initial scale, seed. Goes out: a module; its last `nn.Linear` gives the output.
fully_connected.py, vgg.py, resnet.py, vision_transformer.py, autoencoder.py, language_models.py
build.py   any of them by name: a new network goes there
bias_modes.py   which layers have a bias; initialisation.py   how weights start; arguments.py   checks
May import: runtime.
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
