"""Export a machine to ONNX, with its ticks as a real loop: the number of ticks is an input of the exported file."""

import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from os import PathLike
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

import cofire
from cofire import checks
from cofire.ctm._json import described
from cofire.ctm._model import CTM
from cofire.ctm._onnx_graph import Pieces, join
from cofire.ctm._onnx_modules import Ask, OneTick, Perceive, start_state
from cofire.files import write_atomically

TRACES = ("pre_activation", "post_activation", "sync_out", "sync_action", "attention")
_MOST = 2**31 - 1  # bytes that a file of this format can hold


def export_onnx(
    model: CTM,
    path: str | PathLike[str],
    example: Tensor,
    *,
    question: Tensor | None = None,
    traces: Sequence[str] = (),
) -> None:
    """Write a machine as an ONNX file (in evaluation mode) for any batch size and any number of ticks.

    Arguments: `example`, an observation as the machine is called with, whose sizes but for the batch are kept (and the
    number of frames of a stream); an example `question` where the machine is asked; `traces` to give out beside the
    answer, of "pre_activation", "post_activation", "sync_out", "sync_action" and "attention".

    Inputs of the file: `x`, `question` where there is one, and `ticks` (an int64 scalar: the ticks of thought, after
    stream and question where there are). Outputs: `logits` (B, out, T), `certainty` (B, T), `energy` (B, T) and
    further heads (B, out, T) where there are, and the traces with ticks first.

    Raises MissingExtra without the extra `cofire[onnx]`; InvalidValue for a machine without an answer or with weights
    that are not float32, for traces that it does not have, and for weights beyond the 2 GB of a file.
    """
    onnx = _extra()
    _check(model, example, question, traces)
    was_training = model.training
    try:
        with torch.no_grad(), _quiet():
            pieces = _pieces(model.eval(), example, question, tuple(traces))
    finally:
        model.train(was_training)
    joined = join(onnx, pieces)
    facts = {"cofire": cofire.__version__, "config": json.dumps(described(model.config))}
    onnx.helper.set_model_props(joined, facts)
    if joined.ByteSize() > _MOST:
        got = f"{joined.ByteSize() / 1e9:.1f} GB"
        raise checks.InvalidValue(checks.message("weights", "2 GB or less", got, "a machine with fewer neurons"))
    onnx.checker.check_model(joined)
    write_atomically(path, lambda file: file.write(joined.SerializeToString()))


def _extra() -> ModuleType:
    try:
        import_module("onnxscript")
        import_module("onnx.compose")
        return import_module("onnx")
    except ImportError as error:
        got, fix = f"an environment without {error.name}", "pip install 'cofire[onnx]'"
        raise checks.MissingExtra(checks.message("extra onnx", "onnx and onnxscript", got, fix)) from error


def _check(model: CTM, example: Tensor, question: Tensor | None, traces: Sequence[str]) -> None:
    checks.integer("samples in example", len(example), low=1, fix="give one sample or more")
    dtype = model.start_window.dtype
    if dtype != torch.float32:
        raise checks.InvalidValue(checks.message("model", "weights of float32", f"{dtype}", "model.float()"))
    if model.answer is None:
        fix = "give the configuration an answer"
        raise checks.InvalidValue(checks.message("model", "a machine with an answer head", "none", fix))
    if (question is None) != (model.question is None):
        wanted, got = ("no question", "one") if model.question is None else ("an example question", "none")
        raise checks.InvalidValue(
            checks.message("question", wanted, got, "export_onnx(…, question=z) where it is asked")
        )
    absent = ("sync_action", "attention") if model.attention is None else ()
    for name in traces:
        checks.choice("traces", name, [one for one in TRACES if one not in absent])


def _pieces(model: CTM, example: Tensor, question: Tensor | None, traces: tuple[str, ...]) -> Pieces:
    attending, streamed = model.attention is not None, model.config.streamed
    frames = example.flatten(0, 1) if streamed else example
    frames = torch.cat([frames, frames])[: max(2, len(frames))]  # an axis of length one would not be kept open
    seen = ("keys", "values") if attending else ("features",)
    sights = Perceive(model)(frames)
    state = start_state(model, len(frames))
    fed = (torch.zeros(len(frames), model.synapse.inputs), torch.tensor(True)) if attending and streamed else ()
    energy = () if model.energy is None else ("energy",)
    asked = None
    if model.question is not None and question is not None:
        asked = _export(Ask(model.question), (question.repeat(2, 2),), [{0: _AUTO, 1: _AUTO}])
    batch_axes = [2, *(0 for _ in list(state)[1:])]
    axes = [{} if one.dim() == 1 else {axis: _AUTO} for one, axis in zip(state.values(), batch_axes, strict=True)]
    axes += [{0: _AUTO} if one.dim() else {} for one in (*sights, *fed)]
    first = {name: one.numpy() for name, one in start_state(model, 1).items()}
    return Pieces(
        perceive=_export(Perceive(model), (frames,), [{0: torch.export.Dim("batch")}]),
        ask=asked,
        tick=_export(OneTick(model, traces), (*state.values(), *sights, *fed), [tuple(axes)]),
        start={
            name: (one, axis if one.ndim > 1 else None)
            for (name, one), axis in zip(first.items(), batch_axes, strict=True)
        },
        seen=seen,
        said=("logits", "certainty", *energy, *model.more_heads),
        traces=traces,
        width=model.synapse.inputs,
        streamed=streamed,
    )


_AUTO = torch.export.Dim.AUTO


def _export(module: nn.Module, given: tuple[Tensor, ...], axes: Sequence[Any]) -> Any:
    """The module as an ONNX model, in which the given axes stay open."""
    exported = torch.onnx.export(module.eval(), given, dynamic_shapes=tuple(axes), dynamo=True, verbose=False)
    if exported is None:
        raise RuntimeError("the exporter gave no model")
    return exported.model_proto


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep from the user what the exporter says about itself, and nothing else."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx._internal.exporter._registration", "onnx_ir")]
    levels = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning)
            yield
    finally:
        for one, level in zip(loggers, levels, strict=True):
            one.setLevel(level)
