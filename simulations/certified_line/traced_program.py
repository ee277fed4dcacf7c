"""A torch module read as operations that can be certified, by torch.fx; the rest is refused by its name."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from simulations.certified_line.in_place import refuse_shared_changes
from simulations.models.last_layer import LastLayer

__all__ = ["Operation", "Program", "traced_program"]

_LAYERS = (
    "Linear, Conv1d to 3d, BatchNorm in evaluation mode, ReLU, LeakyReLU, average and max pooling, sums of "
    "branches, Flatten, Identity, and Dropout in evaluation mode"
)
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
_AVERAGES = (
    nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d,
    nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d,
)  # fmt: skip
_MAXIMA = (
    nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d,
    nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d,
)  # fmt: skip
_FUNCTIONS: dict[Any, str] = {
    **dict.fromkeys((torch.relu, torch.relu_, functional.relu, functional.relu_), "relu"),
    functional.leaky_relu: "leaky_relu",
    **dict.fromkeys((operator.add, operator.iadd, torch.add), "sum"),
    **dict.fromkeys((functional.avg_pool2d, functional.adaptive_avg_pool2d), "average"),
    **dict.fromkeys((functional.max_pool2d, functional.adaptive_max_pool2d), "maximum"),
    torch.flatten: "flatten",
}
_METHODS = {"relu": "relu", "relu_": "relu", "flatten": "flatten", "add": "sum", "add_": "sum"}


@dataclass(frozen=True)
class Operation:
    """One step of a module's forward, on one sample.

    Attributes:
        kind: "input", "linear", "convolution", "norm", "unit" (max(z, s z)), "sum", "average" or "maximum".
        inputs: places of the operations whose results it takes.
        shape: of its result.
        name: the module's name, or the function's, as messages and the certificate's hash tell it.
        detail: how its layer or function is set, for the hash.
        slope: s of a "unit".
        call: of an average or maximum, the pooling itself, on a batch.
    """

    kind: str
    inputs: tuple[int, ...]
    shape: tuple[int, ...]
    name: str
    detail: str = ""
    slope: float = 1.0
    call: Callable[[torch.Tensor], torch.Tensor] | None = None

    def __str__(self) -> str:
        """What the hash of the network takes."""
        return f"{self.kind} {self.inputs} {self.shape} {self.name} {self.detail} {self.slope}"


@dataclass(frozen=True)
class Program:
    """Operations in their order; the first is the input, the last gives the logits.

    Attributes:
        operations: as they run.
        last_layer: the Linear or convolution that makes the logits, up to a ReLU after it; None of none.
    """

    operations: tuple[Operation, ...]
    last_layer: LastLayer | None


def traced_program(model: nn.Module, sample_shape: tuple[int, ...]) -> Program:
    """The operations of the module's forward.

    Args:
        model: only read.
        sample_shape: of one sample.

    Raises:
        ValueError: a layer or operation that cannot be certified, by its name; hooks; dropout or batch norm
            in training mode; shapes that do not fit; a change in place of what is read again.
    """
    _refuse_hooks(model)
    try:
        graph = fx.symbolic_trace(model).graph
    except Exception as error:  # fx raises what the user's forward raises
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(f"torch.fx cannot trace {type(model).__name__}: {first}") from error
    reader = _Reader(dict(model.named_modules()), tuple(sample_shape))
    nodes = list(graph.nodes)
    for node in nodes:
        reader.read(node)
    refuse_shared_changes(nodes, reader.modules, reader.named, reader.passes_on)
    return reader.program(type(model).__name__)


class _Reader:
    """What each node is: the place of an operation, and a shape."""

    def __init__(self, modules: dict[str, nn.Module], sample_shape: tuple[int, ...]) -> None:
        self.modules = modules
        self.passes_on: set[fx.Node] = set()
        self._sample_shape = sample_shape
        self._operations: list[Operation] = []
        self._known: dict[fx.Node, tuple[int, tuple[int, ...]]] = {}
        self._output: int | None = None

    def read(self, node: fx.Node) -> None:
        if node.op == "placeholder":
            if self._operations:
                raise ValueError(f"the model takes {node.target!r} too; a certified line needs one input")
            self._add(node, Operation("input", (), self._sample_shape, "input"))
            return
        if node.op == "output":
            result = node.args[0]
            if not isinstance(result, fx.Node) or result not in self._known:
                raise ValueError("the model must return its last layer's output, one tensor of logits")
            self._output, shape = self._known[result]
            if len(shape) != 1:
                raise ValueError(
                    f"the model must return logits, one row a sample, but a sample gives {shape}"
                )
            return
        kind, slope = self._kind(node)
        inputs = [self._known[before] for before in node.all_input_nodes if before in self._known]
        if kind == "sum":
            self._add_sum(node)
        elif len(inputs) != 1 or len(node.all_input_nodes) != 1:
            raise ValueError(f"{self.named(node)} takes several branches, or none, and is no sum of two")
        elif kind in ("nothing", "flatten"):
            (place, shape) = inputs[0]
            self.passes_on.add(node)
            self._known[node] = place, (prod(shape),) if kind == "flatten" else shape
        else:
            self._add(node, self._one_input(node, kind, slope, *inputs[0]))

    def program(self, name: str) -> Program:
        """The operations up to the output."""
        assert self._output is not None
        operations = self._operations[: self._output + 1]
        if not any(one.kind in ("linear", "convolution") for one in operations):
            raise ValueError(f"{name} has no Linear layer or convolution to certify")
        last = operations[-1]
        while last.kind == "unit":
            last = operations[last.inputs[0]]
        layer = None
        if last.kind in ("linear", "convolution"):
            bias = None if self.modules[last.name].bias is None else f"{last.name}.bias"
            layer = LastLayer(last.name, bias)
        return Program(tuple(operations), layer)

    def _add(self, node: fx.Node, operation: Operation) -> None:
        self._operations.append(operation)
        self._known[node] = len(self._operations) - 1, operation.shape

    def _add_sum(self, node: fx.Node) -> None:
        terms = [*node.args[:2], node.kwargs.get("other")][:2]
        known = [self._known.get(term) if isinstance(term, fx.Node) else None for term in terms]
        if known[0] is None or known[1] is None or set(node.kwargs) - {"other"}:
            raise ValueError(f"{self.named(node)} is no sum of two branches; what is added must be one")
        (one, shape), (other, second) = known[0], known[1]
        if shape != second:
            raise ValueError(f"{self.named(node)} adds {shape} and {second}: the shapes must be equal")
        self._add(node, Operation("sum", (one, other), shape, self.named(node)))

    def _one_input(
        self, node: fx.Node, kind: str, slope: float, place: int, shape: tuple[int, ...]
    ) -> Operation:
        if kind == "unit":
            return Operation("unit", (place,), shape, self.named(node), slope=slope)
        if kind in ("average", "maximum"):
            call = self._pooling(node)
            after = self._shape_after(node, call, shape)
            return Operation(kind, (place,), after, self.named(node), self._detail(node), call=call)
        name = str(node.target)
        layer: Any = self.modules[name]
        if kind == "linear":
            if shape != (layer.in_features,):
                raise ValueError(
                    f"{name} takes ({layer.in_features},) a sample and gets {shape}: flatten before it"
                )
            return Operation(kind, (place,), (layer.out_features,), name)
        if kind == "convolution":
            blank = {"weight": torch.zeros(layer.weight.shape, dtype=torch.float64)}
            if layer.bias is not None:
                blank["bias"] = torch.zeros(layer.bias.shape, dtype=torch.float64)

            def call(x: torch.Tensor) -> torch.Tensor:
                result: torch.Tensor = torch.func.functional_call(layer, blank, (x,))
                return result

            return Operation(kind, (place,), self._shape_after(node, call, shape), name, self._detail(node))
        if not shape or shape[0] != layer.num_features:
            raise ValueError(f"{name} norms {layer.num_features} channels and gets {shape}")
        return Operation(kind, (place,), shape, name, self._detail(node))

    def _shape_after(
        self, node: fx.Node, call: Callable[[torch.Tensor], torch.Tensor], shape: tuple[int, ...]
    ) -> tuple[int, ...]:
        try:
            result = call(torch.zeros(1, *shape, dtype=torch.float64))
        except (RuntimeError, TypeError, ValueError) as error:
            raise ValueError(f"{self.named(node)} does not take {shape} a sample: {error}") from error
        if not isinstance(result, torch.Tensor):
            raise ValueError(f"{self.named(node)} returns more than one tensor")
        return tuple(result.shape[1:])

    def _pooling(self, node: fx.Node) -> Callable[[torch.Tensor], torch.Tensor]:
        if node.op == "call_module":
            return self.modules[str(node.target)]
        function: Any = node.target
        rest, named = node.args[1:], dict(node.kwargs)
        return lambda x: function(x, *rest, **named)

    def _detail(self, node: fx.Node) -> str:
        if node.op == "call_module":
            return repr(self.modules[str(node.target)])
        return f"{node.args[1:]} {dict(node.kwargs)}"

    def _kind(self, node: fx.Node) -> tuple[str, float]:
        """What a node does, and the slope of a unit."""
        kind, slope = self._found_kind(node)
        if kind in ("relu", "leaky_relu"):
            if not 0.0 <= slope <= 1.0:
                raise ValueError(f"{self.named(node)} has slope {slope}: one from 0 to 1 can be certified")
            return "unit", slope
        return kind, 1.0

    def _found_kind(self, node: fx.Node) -> tuple[str, float]:
        if node.op == "call_module":
            return self._kind_of_module(node, self.modules[str(node.target)])
        kind = None
        if node.op == "call_function":
            kind = _FUNCTIONS.get(node.target)
        elif node.op == "call_method":
            kind = _METHODS.get(str(node.target))
        if kind == "flatten" and _flattened_dimensions(node) != (1, -1):
            kind = None
        if kind is None:
            raise self._cannot(node)
        slope: Any = 0.0
        if kind == "leaky_relu":
            slope = node.args[1] if len(node.args) > 1 else node.kwargs.get("negative_slope", 0.01)
            if not isinstance(slope, (int, float)):
                raise ValueError(
                    f"{self.named(node)} has a slope that is computed; only a number is certified"
                )
        return kind, float(slope)

    def _kind_of_module(self, node: fx.Node, module: Any) -> tuple[str, float]:
        kind = type(module)
        if kind is nn.Linear:
            return "linear", 1.0
        if kind in _CONVOLUTIONS:
            if module.padding_mode != "zeros":
                raise ValueError(
                    f"{node.target} pads with {module.padding_mode!r}; only zeros can be certified"
                )
            return "convolution", 1.0
        if kind in _NORMS:
            if module.training or module.running_mean is None:
                raise ValueError(
                    f"{node.target} is a {kind.__name__} that norms by its batch: only kept statistics can "
                    "be certified; call model.eval() first"
                )
            return "norm", 1.0
        if kind is nn.ReLU:
            return "relu", 0.0
        if kind is nn.LeakyReLU:
            return "leaky_relu", float(module.negative_slope)
        if kind in _AVERAGES:
            return "average", 1.0
        if kind in _MAXIMA:
            return "maximum", 1.0
        if kind is nn.Flatten and (module.start_dim, module.end_dim) == (1, -1):
            return "flatten", 1.0
        if kind is nn.Identity:
            return "nothing", 1.0
        if kind in _DROPOUTS:
            if module.training:
                raise ValueError(
                    f"{node.target} is a {kind.__name__} in training mode: call model.eval() first"
                )
            return "nothing", 1.0
        raise self._cannot(node)

    def _cannot(self, node: fx.Node) -> ValueError:
        return ValueError(f"{self.named(node)} cannot be certified; layers that can: {_LAYERS}")

    def named(self, node: fx.Node) -> str:
        """A node as messages name it."""
        if node.op == "call_module":
            return f"{node.target} ({type(self.modules[str(node.target)]).__name__})"
        if node.op == "get_attr":
            return f"the tensor {node.target}, used outside a layer,"
        target: Any = node.target
        name = target if isinstance(target, str) else getattr(target, "__name__", str(target))
        module = getattr(target, "__module__", None)
        shown = f"{module}.{name}" if module not in (None, operator.__name__, "_operator") else name
        return f"the operation {shown}"


def _flattened_dimensions(node: fx.Node) -> tuple[Any, Any]:
    given = dict(zip(("start_dim", "end_dim"), node.args[1:], strict=False)) | dict(node.kwargs)
    return given.get("start_dim", 0), given.get("end_dim", -1)


def _refuse_hooks(model: nn.Module) -> None:
    for name, module in model.named_modules():
        if module._forward_hooks or module._forward_pre_hooks:
            raise ValueError(
                f"{name or type(model).__name__} has forward hooks, which may change its output: remove them"
            )
