"""Joining exported modules into one ONNX graph: what is seen, the start state, and a loop around a tick."""

from typing import Any, NamedTuple

import numpy as np

# Axes of what a file gives for a thought; everything else that heads say is (batch, outputs, ticks) as logits are.
AXES = {"certainty": ("batch", "ticks"), "energy": ("batch", "ticks")}


class Pieces(NamedTuple):
    """What a graph is made of: exported models, names of their results, and start values for a batch of one."""

    perceive: Any
    ask: Any | None
    tick: Any
    start: dict[str, tuple[np.ndarray, int | None]]  # value, and its batch axis
    seen: tuple[str, ...]  # keys and values, or features
    said: tuple[str, ...]  # what heads say at a tick
    traces: tuple[str, ...]
    width: int  # of what is fed
    streamed: bool


class _Graph:
    """Nodes that name their own results."""

    def __init__(self, onnx: Any, prefix: str = ""):
        self.onnx, self.prefix = onnx, prefix
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []

    def add(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """A node with one result."""
        result = name or f"{self.prefix}{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(kind, list(inputs), [result], **attributes))
        return result

    def constant(self, values: Any, dtype: Any = np.int64) -> str:
        """A constant."""
        name = f"{self.prefix}constant_{len(self.initializers)}"
        array = np.asarray(values, dtype, order="C")
        self.initializers.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def size(self, tensor: str, axis: int) -> str:
        """The length of an axis, a scalar."""
        return self.add("Squeeze", self.add("Shape", tensor, start=axis, end=axis + 1))

    def embed(self, model: Any, prefix: str, *inputs: str) -> list[str]:
        """An exported model as part of this graph: the names of its results."""
        graph = self.onnx.compose.add_prefix(model, prefix).graph
        for given, wanted in zip(inputs, graph.input, strict=True):
            self.add("Identity", given, name=wanted.name)
        self.nodes += graph.node
        self.initializers += graph.initializer
        return [one.name for one in graph.output]


def join(onnx: Any, pieces: Pieces) -> Any:
    """The whole model."""
    graph = _Graph(onnx)
    helper, proto = onnx.helper, onnx.TensorProto
    batch = graph.add("Shape", "x", start=0, end=1)
    starts = []
    for value, axis in pieces.start.values():
        start = graph.constant(value, value.dtype)
        if axis is not None:
            before, after = (graph.constant(part) for part in (value.shape[:axis], value.shape[axis + 1 :]))
            start = graph.add("Expand", start, graph.add("Concat", before, batch, after, axis=0))
        starts.append(start)
    seen, trips = _sights(graph, pieces, batch)
    states = [f"end_{name}" for name in pieces.start]
    by_tick = [f"{name}_by_tick" for name in (*pieces.said, *pieces.traces)]
    body, initializers = _body(onnx, pieces, seen)
    graph.initializers += initializers
    graph.nodes.append(helper.make_node("Loop", [trips, "", *starts], [*states, *by_tick], body=body))
    outputs = []
    for name, raw, info in zip((*pieces.said, *pieces.traces), by_tick, body.output[1 + len(states) :], strict=True):
        kind = info.type.tensor_type
        if name in pieces.traces:
            graph.add("Identity", raw, name=name)
            axes = ("ticks", "batch", *(f"{name}_{n}" for n in range(len(kind.shape.dim) - 1)))
        else:
            axes = AXES.get(name, ("batch", f"{name}_outputs", "ticks"))
            graph.add("Transpose", raw, name=name, perm=[1, 2, 0] if len(axes) == 3 else [1, 0])
        outputs.append(helper.make_tensor_value_info(name, kind.elem_type, list(axes)))
    given = [_input(onnx, pieces.perceive, "x", pieces.streamed)]
    if pieces.ask is not None:
        given.append(_input(onnx, pieces.ask, "question", False))
    given.append(helper.make_tensor_value_info("ticks", proto.INT64, []))
    whole = helper.make_graph(graph.nodes, "thought", given, outputs, graph.initializers)
    opsets, version = pieces.tick.opset_import, pieces.tick.ir_version
    return helper.make_model(whole, opset_imports=opsets, ir_version=version, producer_name="cofire")


def _input(onnx: Any, model: Any, name: str, streamed: bool) -> Any:
    """An input of the file: that of an exported model, with frames where it is a stream of them."""
    kind = model.graph.input[0].type.tensor_type
    rest = [one.dim_value or one.dim_param for one in kind.shape.dim][1:]
    return onnx.helper.make_tensor_value_info(name, kind.elem_type, ["batch", *(["frames"] if streamed else []), *rest])


def _sights(graph: _Graph, pieces: Pieces, batch: str) -> tuple[dict[str, str], str]:
    """What there is to see, by name, and the number of trips of the loop."""
    if not pieces.streamed:
        return dict(zip(pieces.seen, graph.embed(pieces.perceive, "see/", "x"), strict=True)), "ticks"
    frames = graph.size("x", 1)
    rank = len(pieces.perceive.graph.input[0].type.tensor_type.shape.dim)
    inside = graph.add("Shape", "x", start=2)
    turned = graph.add("Transpose", "x", perm=[1, 0, *range(2, rank + 1)])
    flat = graph.add("Reshape", turned, graph.add("Concat", graph.constant([-1]), inside, axis=0))
    count = graph.add("Shape", "x", start=1, end=2)
    seen = {"frames": frames}
    for name, one in zip(pieces.seen, graph.embed(pieces.perceive, "see/", flat), strict=True):
        apart = graph.add("Concat", count, graph.constant([-1]), graph.add("Shape", one, start=1), axis=0)
        seen[name] = graph.add("Reshape", one, apart)
    row = graph.add("Concat", graph.constant([1]), batch, graph.constant([pieces.width]), axis=0)
    silence = graph.add("Expand", graph.constant([[[0.0]]], np.float32), row)
    trips = graph.add("Add", "ticks", frames)
    if "features" in seen:
        seen["features"] = graph.add("Concat", seen["features"], silence, axis=0)
        return seen, trips
    seen["fed"] = silence
    if pieces.ask is not None:
        (asked,) = graph.embed(pieces.ask, "ask/", "question")
        seen["fed"] = graph.add("Concat", asked, silence, axis=0)
        trips = graph.add("Add", trips, graph.size("question", 1))
    return seen, trips


def _body(onnx: Any, pieces: Pieces, seen: dict[str, str]) -> tuple[Any, list[Any]]:
    """The loop's body, and the constants that it needs around it."""
    helper, proto = onnx.helper, onnx.TensorProto
    prefixed = onnx.compose.add_prefix(pieces.tick, "tick/").graph
    graph = _Graph(onnx, "body/")
    states = list(prefixed.input)[: len(pieces.start)]
    wanted = [one.name for one in prefixed.input][len(pieces.start) :]
    if pieces.streamed:
        ready = _pick(graph, pieces, seen)
    else:
        ready = [seen[name] for name in pieces.seen]
    for one, name in zip(ready, wanted, strict=True):
        graph.add("Identity", one, name=name)
    graph.add("Identity", "going_on", name="stays")
    number, condition, stays = (
        helper.make_tensor_value_info(name, kind, [])
        for name, kind in (("number", proto.INT64), ("going_on", proto.BOOL), ("stays", proto.BOOL))
    )
    nodes, outputs = [*graph.nodes, *prefixed.node], [stays, *prefixed.output]
    body = helper.make_graph(nodes, "tick", [number, condition, *states], outputs)
    return body, [*graph.initializers, *prefixed.initializer]


def _pick(graph: _Graph, pieces: Pieces, seen: dict[str, str]) -> list[str]:
    """What the tick of this number sees of a stream: its frame, then the question, then silence."""
    zero, one = graph.constant(0), graph.constant(1)

    def part(name: str, number: str) -> str:
        last = graph.add("Sub", graph.size(seen[name], 0), one)
        return graph.add("Gather", seen[name], graph.add("Min", number, last), axis=0)

    parts = [part(name, "number") for name in pieces.seen]
    if "fed" in seen:
        later = graph.add("Max", graph.add("Sub", "number", seen["frames"]), zero)
        parts += [part("fed", later), graph.add("Less", "number", seen["frames"])]
    return parts
