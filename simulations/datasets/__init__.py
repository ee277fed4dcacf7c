"""Data sets: digits, MNIST, CIFAR-10, any images of the Hugging Face hub, folders of parquet; a text.

Comes in: a name, a split and how many samples. Goes out: `ImageDataset` of tensors (`load`).
image_dataset.py   what a data set is, and `load`; a new name goes to `hub_images.SHORT_NAMES`
class_sizes.py, label_noise.py   imbalance and labels drawn anew; tokens.py   the text that Python carries
hub_images.py, parquet_images.py, image_tables.py   where images are read from; pixels.py   their modes
May import: runtime, mli_theory.
"""

from simulations.datasets.image_dataset import ImageDataset, load

__all__ = ["ImageDataset", "load"]
