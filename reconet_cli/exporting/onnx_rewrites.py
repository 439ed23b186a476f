"""What PyTorch's exporter cannot say, put into an ONNX graph afterwards: sizes as paddings and slices, int8."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from reconet_cli.engines.openvino.quantize import PORTABLE_LEVEL, levels_ends, weight_reach

_SIDES = (2, 3)


class GraphEditor:
    """An ONNX graph with the node behind each value; new nodes are put before the one that needs them."""

    def __init__(self, graph: Any) -> None:
        self.graph = graph
        self.maker = {output: node for node in graph.node for output in node.output}

    def constant(self, name: str, value: np.ndarray) -> str:
        """Add an initializer and return its name."""
        from onnx import numpy_helper

        self.graph.initializer.append(numpy_helper.from_array(value, name))
        return name

    def before(self, node: Any, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Insert a node before another and return its output's name."""
        from onnx import helper

        made = helper.make_node(kind, list(inputs), [output], name=f"make_{output}", **attributes)
        self.graph.node.insert(list(self.graph.node).index(node), made)
        return output

    def nodes(self, *kinds: str) -> list[Any]:
        """The nodes of some kinds, in the order in which they are computed."""
        return [node for node in self.graph.node if node.op_type in kinds]


def slice_and_pad(model: Any) -> None:
    """Turn gathered rows and columns into what they are: a slice of the first ones, or padding by reflection.

    `AnySize` has to gather, because `torch.export` asks for proofs about sizes that a slice needs; a gather of single
    columns takes a tenth of a frame's time.
    """
    import onnxscript.optimizer

    editor = GraphEditor(model.graph)
    for number, node in enumerate(editor.nodes("Gather")):
        axis = next(attribute.i for attribute in node.attribute if attribute.name == "axis")
        if axis not in _SIDES or node.input[1] not in editor.maker:
            continue
        rows = editor.maker[editor.maker[node.input[1]].input[0]]
        if editor.maker[rows.input[0]].op_type == "CumSum":
            _slice(editor, node, axis, _count(editor, rows), f"crop_{number}")
        else:
            # last - |last - first ones|, see `graph._reflected`
            inner = editor.maker[editor.maker[rows.input[1]].input[0]]
            _pad(editor, node, axis, _count(editor, editor.maker[inner.input[1]]), f"pad_{number}")
    onnxscript.optimizer.remove_unused_nodes(model)


def _count(editor: GraphEditor, first: Any) -> str:
    """How many rows or columns `graph._first` gives, a list of one: sums of as many ones, less one."""
    ones = editor.maker[editor.maker[first.input[0]].input[0]]
    return str(editor.maker[ones.input[0]].input[1])


def _slice(editor: GraphEditor, node: Any, axis: int, count: str, name: str) -> None:
    start = editor.constant(f"{name}_start", np.array([0], np.int64))
    along = editor.constant(f"{name}_axis", np.array([axis], np.int64))
    output = node.output[0]
    editor.before(node, "Slice", [node.input[0], start, count, along], output)
    editor.graph.node.remove(node)


def _pad(editor: GraphEditor, node: Any, axis: int, count: str, name: str) -> None:
    side = editor.before(node, "Shape", [node.input[0]], f"{name}_side", start=axis, end=axis + 1)
    more = editor.before(node, "Sub", [count, side], f"{name}_more")
    ahead = editor.constant(f"{name}_ahead", np.zeros(4 + axis, np.int64))
    behind = [editor.constant(f"{name}_behind", np.zeros(3 - axis, np.int64))] if axis < 3 else []
    pads = editor.before(node, "Concat", [ahead, more, *behind], f"{name}_pads", axis=0)
    output = node.output[0]
    editor.before(node, "Pad", [node.input[0], pads], output, mode="reflect")
    editor.graph.node.remove(node)


def quantize_onnx(model: Any, ranges: Iterable[tuple[float, float]]) -> None:
    """int8 as `engine.quantize` does it, written as QuantizeLinear and DequantizeLinear around each convolution."""
    editor = GraphEditor(model.graph)
    for node, (low, high) in zip(editor.nodes("Conv", "ConvTranspose"), ranges, strict=True):
        _quantize_input(editor, node, *levels_ends(low, high))
        _quantize_weights(editor, node)


def _quantize_input(editor: GraphEditor, node: Any, low: float, high: float) -> None:
    name = f"{node.output[0]}_input"
    kind = np.int8 if low < 0 else np.uint8
    scale = editor.constant(f"{name}_scale", np.array((high - low) / 255, np.float32))
    zero = editor.constant(f"{name}_zero", np.array(0, kind))
    levels = editor.before(node, "QuantizeLinear", [node.input[0], scale, zero], f"{name}_levels")
    node.input[0] = editor.before(node, "DequantizeLinear", [levels, scale, zero], f"{name}_rounded")


def _quantize_weights(editor: GraphEditor, node: Any) -> None:
    """Kept as bytes, with a scale for each output channel."""
    from onnx import numpy_helper

    stored = next(tensor for tensor in editor.graph.initializer if tensor.name == node.input[1])
    weights = numpy_helper.to_array(stored)
    channel = 0 if node.op_type == "Conv" else 1
    scale = weight_reach(weights, channel) / PORTABLE_LEVEL
    levels = np.round(weights / scale).astype(np.int8)
    editor.graph.initializer.remove(stored)
    name = stored.name
    inputs = [
        editor.constant(f"{name}_levels", levels),
        editor.constant(f"{name}_scale", scale.reshape(-1)),
        editor.constant(f"{name}_zero", np.zeros(scale.size, np.int8)),
    ]
    node.input[1] = editor.before(node, "DequantizeLinear", inputs, name, axis=channel)
