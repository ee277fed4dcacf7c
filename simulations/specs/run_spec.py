"""What a run is: everything that decides its numbers, and a name made of it.

A `RunSpec` is flat: its fields are the keys of a run's spec.toml, and of `[fixed]`, `[grid]` and `[[arm]]` in
a sweep's file. None is an absent key. The name is a hash of the fields, the same in every process, on every
machine and in every version of Python.
"""

from __future__ import annotations

import dataclasses
import json
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from simulations.runtime.names_in_words import first_names, first_of
from simulations.runtime.python_topics import topics_digest
from simulations.specs.line_words import line_word
from simulations.specs.other_runs import check_other_runs
from simulations.specs.run_fields import PYTHON_TOPICS, TOKEN_NETWORKS, check_value, path_refusal, typed
from simulations.specs.training_arguments import TrainingArguments

__all__ = ["RunSpec"]


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """One training run and the paths its line is walked on; checked when built.

    Attributes:
        data: a name or folder for `simulations.datasets.load`, balanced.
        limit: at most this many samples of the training split (digits: of all), or None.
        test_limit: so many samples of the test split have their line walked too; None: none.
        label_noise: share of the labels drawn anew over all classes; 1: random labels.
        imbalance: size of class 0 over that of the last, sizes geometric between.
        network: "fcn", "vgg16", "resnet18", "vit", "autoencoder", "transformer" or "lstm"; the last two take
            data "pydoc_topics" (`simulations.datasets.tokens`), and no others do.
        depth: weight layers of an fcn, blocks of a vit or transformer, layers of an lstm; None for the
            others, whose depth is their name.
        width: units in each hidden layer of an fcn or an autoencoder, numbers in a token of a vit, a
            transformer or an lstm; None for the others.
        width_multiplier: of vgg16 and resnet18; 1 is the published network.
        batch_norm: normalisation layers in vgg16 and resnet18.
        bn_policy: running statistics along the line (`simulations.models.running_statistics`): "recalibrate"
            measures them on the training samples at every alpha, so each point is evaluated as a network of
            its own.
        bias: "all" layers have one, the "last" only, or "none".
        init_scheme: "he", "torch" (its layers' default) or "orthogonal".
        init_scale: the initial weights' factor, > 0.
        imposed_bias_gap: None: the last bias is trained. g: it is frozen in training at g for class 0 and 0
            for the others, and 0 at the line's start, so that on the line it is alpha g.
        optimizer: "sgd", "adam" or "adamw".
        learning_rate: > 0.
        momentum: of sgd, in [0, 1).
        weight_decay: >= 0.
        label_smoothing: in [0, 1).
        clip_norm: of the gradient; None: not clipped.
        schedule: "constant", "cosine" or "step".
        batch_size: samples in a step.
        target_loss: training ends there, nats; None: after `max_epochs`.
        max_epochs: a run not at its target by then is stopped.
        evaluate_every: None: the loss on all samples decides after each epoch. m: it is evaluated where the
            steps' own loss is near the target, and every m epochs (`simulations.training.train`).
        precision: of training: "float32", "tf32" or "bf16". Lines are walked in the network's own.
        threads: torch's; part of what a run is, since another count gives other bits.
        paths: distinct names of `simulations.specs.run_fields.RUN_PATHS`; "no_last_bias" is the line with
            the last bias 0 at both ends.
        alphas: points on each path, ends included.
        method: of `simulations.curves.one_path`: "adaptive" or "grid".
        seed: of every random stream of the run.
        lines: words of `simulations.specs.line_words`, further lines to the end that the run is walked on;
            None: none. They decide no other number of the run.
        objective: None: cross-entropy. "squared_error": of an autoencoder, whose target is its input.
        bottleneck: units in the narrow layer of an autoencoder; None for the others.
        classes: the training samples of the first so many classes alone; None: of all.
        pretrained_layers: so many weight layers, the first, start where the same run on the first
            `pretrained_classes` classes ended; None: none. That run is made first.
        pretrained_classes: goes with it.
        text_digest: of the text of "pydoc_topics", which differs between versions of Python; a sweep's file
            may leave it out, and is then of the text of the Python that reads it.

    Raises:
        ValueError: when built from a value outside these, or from values that do not go together; the message
            shows them.
    """

    data: str = "digits"
    limit: int | None = None
    test_limit: int | None = None
    label_noise: float = 0.0
    imbalance: float = 1.0
    network: str = "fcn"
    depth: int | None = None
    width: int | None = None
    width_multiplier: float = 1.0
    batch_norm: bool = False
    bn_policy: str = "recalibrate"
    bias: str = "last"
    init_scheme: str = "he"
    init_scale: float = 1.0
    imposed_bias_gap: float | None = None
    optimizer: str = TrainingArguments.optimizer
    learning_rate: float
    momentum: float = TrainingArguments.momentum
    weight_decay: float = TrainingArguments.weight_decay
    label_smoothing: float = TrainingArguments.label_smoothing
    clip_norm: float | None = TrainingArguments.clip_norm
    schedule: str = TrainingArguments.schedule
    batch_size: int = TrainingArguments.batch_size
    target_loss: float | None = TrainingArguments.target_loss
    max_epochs: int
    evaluate_every: int | None = TrainingArguments.evaluate_every
    precision: str = TrainingArguments.precision
    threads: int = 1
    paths: tuple[str, ...] = ("linear",)
    alphas: int = 101
    method: str = "adaptive"
    seed: int
    lines: tuple[str, ...] | None = None
    objective: str | None = TrainingArguments.objective
    bottleneck: int | None = None
    classes: int | None = None
    pretrained_layers: int | None = None
    pretrained_classes: int | None = None
    text_digest: str | None = None

    def __post_init__(self) -> None:
        for name, (kind, optional) in _FIELDS.items():
            value = typed(name, getattr(self, name), kind, optional)
            object.__setattr__(self, name, value)
            if value is not None:
                check_value(name, value)
        _check_together(self)
        check_other_runs(self)

    @property
    def of_classes(self) -> bool:
        """Whether it tells classes of samples apart: logits (n, k), one label a sample."""
        return self.network not in ("autoencoder", *TOKEN_NETWORKS)

    @property
    def kept_epochs(self) -> tuple[int, ...]:
        """After which epochs its state is kept, ascending."""
        words = [line_word(text) for text in self.lines or ()]
        return tuple(sorted(word.number for word in words if word.kind == "epoch"))

    def needed_runs(self) -> tuple[RunSpec, ...]:
        """The runs whose ends this one takes, each once; they need no others."""
        found = []
        if self.pretrained_layers is not None:
            found.append(
                replace(
                    self,
                    lines=None,
                    paths=("linear",),
                    classes=self.pretrained_classes,
                    pretrained_layers=None,
                    pretrained_classes=None,
                )
            )
        for text in self.lines or ():
            word = line_word(text)
            if word.kind in ("seed", "matched"):
                found.append(self.from_other_seed(word.number))
        return tuple(dict.fromkeys(found))

    def from_other_seed(self, seed: int) -> RunSpec:
        """The same run from another seed, walked on the linear path alone."""
        return replace(self, seed=seed, lines=None, paths=("linear",))

    def training(self) -> TrainingArguments:
        """How the network is trained.

        Raises:
            ValueError: fields that do not go together.
        """
        names = (field.name for field in dataclasses.fields(TrainingArguments))
        return TrainingArguments(**{name: getattr(self, name) for name in names})

    @property
    def name(self) -> str:
        """20 hex digits over every field that is not None; the same in every process and Python version."""
        canonical = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return blake2b(canonical.encode("ascii"), digest_size=10).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """The fields that are not None, in their order; `paths` as a list."""
        values = {name: getattr(self, name) for name in _FIELDS}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
            if value is not None
        }

    def to_toml(self) -> str:
        """The fields as TOML, one a line."""
        return "".join(f"{name} = {_toml(value)}\n" for name, value in self.to_dict().items())

    def attributes(self) -> dict[str, str | int | float]:
        """The fields as attributes of a NetCDF file.

        None is "", a tuple a comma string, a bool 0 or 1; `bias` is called `bias_mode`, since `bias` is an
        array there.
        """
        found: dict[str, str | int | float] = {}
        for name in _FIELDS:
            value = getattr(self, name)
            if value is None:
                value = ""
            elif isinstance(value, tuple):
                value = ",".join(value)
            elif isinstance(value, bool):
                value = int(value)
            found[_attribute(name)] = value
        return found

    @staticmethod
    def attribute_names() -> tuple[str, ...]:
        """What `attributes` calls the fields: all that a spec decides, and nothing of what made a run."""
        return tuple(map(_attribute, _FIELDS))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunSpec:
        """The spec of these fields; the others are at their defaults.

        Raises:
            ValueError: an unknown key (the message lists the known ones), a missing one, or a value that a
                spec refuses.
        """
        cls.check_keys(values)
        required = [f.name for f in dataclasses.fields(cls) if f.default is dataclasses.MISSING]
        missing = [name for name in required if name not in values]
        if missing:
            raise ValueError(f"a run needs {first_of(missing)}, which {_are(missing)} not given")
        return cls(**values)

    @classmethod
    def from_toml(cls, source: str | Path) -> RunSpec:
        """The spec in TOML text, or in a file if given a path.

        Raises:
            ValueError: no TOML, or what `from_dict` refuses.
            FileNotFoundError: no such file.
        """
        where = source if isinstance(source, Path) else "the text"
        try:
            text = source.read_text(encoding="utf-8") if isinstance(source, Path) else source
            values = tomllib.loads(text)
        except (ValueError, RecursionError) as error:  # TOML's own, a decoder's, a number of 5,000 digits
            raise ValueError(f"{where} is no TOML: {error}") from error
        return cls.from_dict(values)

    @classmethod
    def check_keys(cls, keys: typing.Iterable[str]) -> None:
        """Refuse a name that is no field.

        Raises:
            ValueError: listing the fields.
        """
        unknown = [key for key in keys if key not in _FIELDS]
        if unknown:
            raise ValueError(
                f"unknown key{'s' if len(unknown) > 1 else ''} {first_names(unknown)}: "
                f"a run has {first_of(_FIELDS)}; `RunSpec.field_names()` gives all"
            )

    @staticmethod
    def field_names() -> tuple[str, ...]:
        """The names of all fields, in the order of their declaration."""
        return tuple(_FIELDS)

    @classmethod
    def checked(cls, key: str, text: str) -> Any:
        """`parsed`, in its field's type and looked at by itself; "" is a field that is not given.

        Raises:
            ValueError: an unknown key, or a value that the field cannot have.
        """
        kind, optional = _FIELDS[key]
        if optional and not text:
            return None
        value = typed(key, cls.parsed(key, text), kind, optional)
        check_value(key, value)
        return value

    @classmethod
    def parsed(cls, key: str, text: str) -> Any:
        """The value that a command line's `key=text` means: TOML where it is no text.

        Raises:
            ValueError: an unknown key.
        """
        cls.check_keys([key])
        kind, _ = _FIELDS[key]
        if kind is str:
            return text
        if kind is tuple:
            return tuple(part.strip() for part in text.split(","))
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except (ValueError, RecursionError):
            return text  # refused with its name by the spec


def _fields() -> dict[str, tuple[type, bool]]:
    """Every field's type (float, int, bool, str or tuple), and whether it may be None."""
    found: dict[str, tuple[type, bool]] = {}
    for name, hint in typing.get_type_hints(RunSpec).items():
        options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        (kind,) = (option for option in options if option is not types.NoneType)
        found[name] = (typing.get_origin(kind) or kind, types.NoneType in options)
    return found


_FIELDS = _fields()


def _attribute(field: str) -> str:
    return "bias_mode" if field == "bias" else field


def _check_together(spec: RunSpec) -> None:
    """What one field alone does not show; a field that would do nothing is refused, not ignored."""
    sized = spec.network in ("fcn", "vit", "autoencoder", *TOKEN_NETWORKS)
    narrow = spec.network == "autoencoder"
    for name, has in (("depth", sized and not narrow), ("width", sized), ("bottleneck", narrow)):
        if has and getattr(spec, name) is None:
            raise ValueError(f"network {spec.network!r} needs a {name}")
        if not has and getattr(spec, name) is not None:
            raise ValueError(f"network {spec.network!r} has no {name}, got {getattr(spec, name)!r}")
    if sized and spec.width_multiplier != 1:
        raise ValueError(
            f"width_multiplier is of vgg16 and resnet18, got {spec.width_multiplier!r} for {spec.network!r}"
        )
    if sized and spec.batch_norm:
        raise ValueError(f"batch_norm is of vgg16 and resnet18, got true for {spec.network!r}")
    if not spec.batch_norm and spec.bn_policy != "recalibrate":
        raise ValueError(f"bn_policy {spec.bn_policy!r} needs batch_norm = true")
    spec.training()
    if spec.bias == "none" and spec.imposed_bias_gap is not None:
        raise ValueError(f"imposed_bias_gap = {spec.imposed_bias_gap!r} needs a last bias, got bias 'none'")
    for path in spec.paths:
        reason = path_refusal(path, bias=spec.bias, network=spec.network, batch_norm=spec.batch_norm)
        if reason:
            raise ValueError(f"path {path!r} {reason}")
    if spec.data == "digits" and spec.test_limit is not None:
        raise ValueError(f"digits has no test split, got test_limit = {spec.test_limit!r}")
    _check_objective(spec)


def _check_objective(spec: RunSpec) -> None:
    """Network, data and objective go together."""
    if (spec.network == "autoencoder") != (spec.objective == "squared_error"):
        raise ValueError(
            f"objective 'squared_error' is of network 'autoencoder', and of no other: got network "
            f"{spec.network!r}, objective {spec.objective!r}"
        )
    tokens = spec.network in TOKEN_NETWORKS
    if tokens != (spec.data == PYTHON_TOPICS):
        raise ValueError(
            f"networks {' and '.join(TOKEN_NETWORKS)} go with data {PYTHON_TOPICS!r}, and with no other: got "
            f"network {spec.network!r}, data {spec.data!r}"
        )
    if tokens != (spec.text_digest is not None):
        raise ValueError(
            f"data {PYTHON_TOPICS!r} needs a text_digest, and no others have one: this Python's is "
            f"{topics_digest() if tokens else spec.text_digest!r}"
        )
    if spec.of_classes:
        return
    for name in (
        "label_noise",
        "imbalance",
        "imposed_bias_gap",
        "classes",
        "pretrained_layers",
        "test_limit",
    ):
        default = RunSpec.__dataclass_fields__[name].default
        if getattr(spec, name) != default:
            raise ValueError(f"{name} is of networks that tell classes apart, not of {spec.network!r}")
    if spec.objective is not None and spec.label_smoothing > 0:
        raise ValueError(f"label_smoothing is of cross-entropy, not of objective {spec.objective!r}")


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # printable text: then JSON's escapes are TOML's
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return repr(value)


def _are(names: list[str]) -> str:
    return "are" if len(names) > 1 else "is"
