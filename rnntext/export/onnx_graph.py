"""Graphs of ONNX, built node by node.

Values are known by name. Where an operation takes a value, it also takes an array, which becomes a constant.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from rnntext.errors import UsageError
from rnntext.run.arrays import Array
from rnntext.version import __version__

OPSET = 17  # of the operations; ONNX Runtime knows it since version 1.12
_IR_VERSION = 8  # of the file format, which came with this opset
MAX_BYTES = 2**31 - 2**20  # of a file, as Protocol Buffers allow

Value: TypeAlias = str | Array  # the name of a value, or a constant
Dimension: TypeAlias = int | str  # a size, or the name of one that may vary
FLOAT, DOUBLE, INTEGER = (np.dtype(name) for name in ("float32", "float64", "int64"))


def package() -> Any:
    """The package onnx.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        message = "--to onnx needs the package onnx, which is not installed: pip install 'rnntext[onnx]'"
        raise UsageError(message) from error
    return onnx


class Graph:
    """A graph.

    Args:
        name: what tools call it.

    Attributes:
        inputs, outputs: type and shape of each, by name, in order.
    """

    def __init__(self, name: str) -> None:
        self._onnx = package()
        self._name = name
        self._nodes: list[Any] = []
        self._constants: dict[str, Array] = {}
        self._domains = {"": OPSET}  # sets of operations, and their versions
        self.inputs: dict[str, tuple[np.dtype[Any], tuple[Dimension, ...]]] = {}
        self.outputs: dict[str, tuple[np.dtype[Any], tuple[Dimension, ...]]] = {}

    def input(self, name: str, dtype: np.dtype[Any], *shape: Dimension) -> str:
        """An input; returns its name."""
        self.inputs[name] = (dtype, shape)
        return name

    def output(self, name: str, value: Value, dtype: np.dtype[Any], *shape: Dimension) -> None:
        """Makes a value an output."""
        self._append("Identity", (value,), [name], {})
        self.outputs[name] = (dtype, shape)

    def constant(self, array: Array, name: str) -> str:
        """A constant with a name of its own, such as that of a weight; returns it. The same name is the same array."""
        self._constants[name] = array
        return name

    def add(self, operation: str, *inputs: Value, **attributes: Any) -> str:
        """Adds an operation with one output; returns its name. An input "" is left out; the attribute `domain` names
        the set of operations that it is from, if it is none of ONNX's own."""
        return self.add_several(operation, 1, *inputs, **attributes)[0]

    def add_several(self, operation: str, count: int, *inputs: Value, **attributes: Any) -> list[str]:
        """Adds an operation with several outputs; returns their names."""
        number = len(self._nodes)
        outputs = [f"{operation}_{number}_{index}" for index in range(count)]
        self._append(operation, inputs, outputs, attributes)
        return outputs

    def _append(
        self, operation: str, inputs: tuple[Value, ...], outputs: list[str], attributes: Mapping[str, Any]
    ) -> None:
        number = len(self._nodes)
        names = []
        for index, value in enumerate(inputs):
            if not isinstance(value, str):
                value = self.constant(value, f"constant_{number}_{index}")
            names.append(value)
        self._domains.setdefault(attributes.get("domain", ""), 1)
        node = self._onnx.helper.make_node(operation, names, outputs, f"{operation}_{number}", **attributes)
        self._nodes.append(node)

    def to_bytes(self, description: Mapping[str, Any]) -> bytes:
        """The content of the ONNX file.

        Args:
            description: becomes its metadata: texts as they are, all other values as JSON.

        Raises:
            UsageError: the file would be larger than the format allows.
        """
        # 1. Refuse what is too large.
        size = sum(array.nbytes for array in self._constants.values())
        if size > MAX_BYTES:
            raise UsageError(f"--to onnx: {size} bytes of weights are more than the format holds; try --to text")
        # 2. Make the graph.
        onnx = self._onnx
        graph = onnx.helper.make_graph(
            self._nodes,
            self._name,
            [self._info(name, *about) for name, about in self.inputs.items()],
            [self._info(name, *about) for name, about in self.outputs.items()],
            [onnx.numpy_helper.from_array(array, name) for name, array in self._constants.items()],
        )
        # 3. Make the model.
        model = onnx.helper.make_model(
            graph,
            opset_imports=list(itertools.starmap(onnx.helper.make_opsetid, self._domains.items())),
            ir_version=_IR_VERSION,
            producer_name="rnntext",
            producer_version=__version__,
        )
        texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in description.items()}
        onnx.helper.set_model_props(model, texts)
        content: bytes = model.SerializeToString()
        return content

    def _info(self, name: str, dtype: np.dtype[Any], shape: tuple[Dimension, ...]) -> Any:
        """Name, type and shape of an input or an output, as ONNX writes them."""
        kind = self._onnx.helper.np_dtype_to_tensor_dtype(dtype)
        return self._onnx.helper.make_tensor_value_info(name, kind, shape)

    def table(self) -> str:
        """The inputs and the outputs in Markdown, for a README."""
        lines = []
        for title, values in (("in", self.inputs), ("out", self.outputs)):
            for name, (dtype, shape) in values.items():
                sizes = ", ".join(map(str, shape))
                lines.append(f"- {title}: `{name}` `[{sizes}]`, {dtype}\n")
        return "".join(lines)


def axes(*numbers: int) -> Array:
    """The numbers of axes, or other whole numbers, as operations take them."""
    return np.array(numbers, np.int64)
