"""What torch's operations on a step's values mean: a C expression per column, or a way to move columns about.

An operation that is in no table sends a cell to the plain loop, with a message that names it. Most new ones are one
line here, ``"atan.default": ("atan({0})", 20)``, and one for what torch calls as its derivative.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from tasks.recurrent.compiler.graph import Graph, Node, Unsupported
from tasks.recurrent.compiler.structural import STRUCTURAL, Use, as_node
from tasks.recurrent.torch_internals import decompositions

POINTWISE: Mapping[str, tuple[str, float]] = {
    "_to_copy.default": ("(real)({0})", 1),
    "abs.default": ("fabs({0})", 1),
    "atan.default": ("atan({0})", 20),
    "clamp_max.default": ("{0} > {1} ? {1} : {0}", 1),
    "clamp_min.default": ("{0} < {1} ? {1} : {0}", 1),
    "cos.default": ("cos({0})", 20),
    "div.Scalar": ("{0} / {1}", 5),
    "div.Tensor": ("{0} / {1}", 5),
    "erf.default": ("erf({0})", 20),
    "exp.default": ("exp_real({0})", 10),
    "expm1.default": ("expm1({0})", 20),
    "lerp.Scalar": ("{0} + {2} * ({1} - {0})", 3),
    "lerp.Tensor": ("{0} + {2} * ({1} - {0})", 3),
    "log.default": ("log({0})", 20),
    "log1p.default": ("log1p({0})", 20),
    "masked_fill.Scalar": ("{1} ? {2} : {0}", 1),
    "maximum.default": ("{0} > {1} || {0} != {0} ? {0} : {1}", 2),  # NaN wins, as in torch
    "minimum.default": ("{0} < {1} || {0} != {0} ? {0} : {1}", 2),
    "mul.Scalar": ("{0} * {1}", 1),
    "mul.Tensor": ("{0} * {1}", 1),
    "neg.default": ("-{0}", 1),
    "reciprocal.default": ("(real)1 / {0}", 5),
    "relu.default": ("{0} < 0 ? 0 : {0}", 1),
    "rsub.Scalar": ("{1} - {0}", 1),
    "rsub.Tensor": ("{1} - {0}", 1),
    "rsqrt.default": ("(real)1 / sqrt({0})", 10),
    "sgn.default": ("{0} > 0 ? (real)1 : {0} < 0 ? (real)-1 : {0}", 2),
    "sigmoid.default": ("sigmoid_real({0})", 12),
    "sigmoid_backward.default": ("{0} * ((real)1 - {1}) * {1}", 3),
    "sign.default": ("{0} > 0 ? (real)1 : {0} < 0 ? (real)-1 : {0}", 2),
    "sin.default": ("sin({0})", 20),
    "sqrt.default": ("sqrt({0})", 5),
    "tanh.default": ("tanh_real({0})", 12),
    "tanh_backward.default": ("{0} * ((real)1 - {1} * {1})", 3),
    "threshold_backward.default": ("{1} <= {2} ? 0 : {0}", 1),
    "where.ScalarOther": ("{0} ? {1} : {2}", 1),
    "where.ScalarSelf": ("{0} ? {1} : {2}", 1),
    "where.self": ("{0} ? {1} : {2}", 1),
}
"""C expression and its cost in additions."""


COMPARISONS = (("eq", "=="), ("ne", "!="), ("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">="))
CONDITIONS: Mapping[str, str] = {
    **{f"{name}.{kind}": f"{{0}} {sign} {{1}}" for name, sign in COMPARISONS for kind in ("Tensor", "Scalar")},
    "bitwise_and.Tensor": "{0} && {1}",
    "bitwise_not.default": "!{0}",
    "bitwise_or.Tensor": "{0} || {1}",
    "isnan.default": "{0} != {0}",
    "logical_and.default": "{0} && {1}",
    "logical_not.default": "!{0}",
    "logical_or.default": "{0} || {1}",
}
"""The same for what is true or false."""

STORAGE = frozenset({"dtype", "layout", "device", "pin_memory", "non_blocking", "memory_format"})
"""Options about how a result is stored; its type was checked when it was traced."""

ALIASES = frozenset({"clone.default", "detach.default", "alias.default", "lift_fresh.default", "contiguous.default"})
"""What changes no value."""

FILLED: Mapping[str, float | None] = {
    "full.default": None,
    "full_like.default": None,
    "new_full.default": None,
    "new_ones.default": 1.0,
    "new_zeros.default": 0.0,
    "ones.default": 1.0,
    "ones_like.default": 1.0,
    "scalar_tensor.default": None,
    "zeros.default": 0.0,
    "zeros_like.default": 0.0,
}
"""What makes constants; None: the last number among the arguments."""


def name_of(operation: Any) -> str:
    """``tanh.default`` for ``torch.ops.aten.tanh.default``."""
    return str(operation).removeprefix("aten.")


def express(graph: Graph, name: str, values: list[Any], options: Mapping[str, Any], shape: torch.Size) -> list[Node]:
    """The nodes for what one call of an operation gives.

    Args:
        graph: takes the nodes.
        name: of the operation, see :func:`name_of`.
        values: positional arguments, nodes in the place of tensors.
        options: keyword arguments.
        shape: of the (first) result.

    Raises:
        Unsupported: the operation stands in no table, or is used in a way that is not known here.
    """
    name = name.replace("_.", ".", 1)  # autograd adds gradients up in place; nothing else sees that
    if name in ALIASES:
        return [values[0]]
    if name in FILLED:
        value, numbers = FILLED[name], (value for value in reversed(values) if isinstance(value, int | float))
        number = graph.constant(float(next(numbers)) if value is None else value)
        return [graph.pointwise("{0}", number, width=shape[1] if len(shape) > 1 else 1)]
    if name in POINTWISE or name in CONDITIONS:
        return [_pointwise(graph, name, values, options)]
    if name not in STRUCTURAL:
        raise Unsupported(f"the operation {name}")
    found = STRUCTURAL[name](Use(graph, values, options, shape))
    return found if isinstance(found, list) else [found]


def _pointwise(graph: Graph, name: str, values: list[Any], options: Mapping[str, Any]) -> Node:
    text, cost = POINTWISE[name] if name in POINTWISE else (CONDITIONS[name], 1)
    count = 1 + max(place for place in range(4) if f"{{{place}}}" in text)
    every = [*values, *(value for key, value in options.items() if key not in STORAGE)]
    # What is left over changes the operation (a rounding mode, an approximation) unless it is switched off.
    if len(every) < count or any(value is not False for value in every[count:]):
        raise Unsupported(f"this form of the operation {name}")
    inputs = [as_node(graph, value) for value in every[:count]]
    return graph.pointwise(text, *inputs, cost=cost, truth=name in CONDITIONS)


def _layer_norm(row: Tensor, shape: list[int], gain: Tensor | None, shift: Tensor | None, eps: float) -> Any:
    if list(shape) != [row.shape[1]]:
        raise Unsupported("a layer normalisation over more than a row")
    centred = row - row.mean(-1, keepdim=True)
    scale = (centred.square().mean(-1, keepdim=True) + eps).rsqrt()
    found = centred * scale if gain is None else centred * scale * gain
    return (found if shift is None else found + shift), None, scale


def _variance(row: Tensor, dim: list[int], *, correction: float = 1, keepdim: bool = False) -> Tensor:
    squares = (row - row.mean(dim, keepdim=True)).square()
    return squares.sum(dim, keepdim=keepdim) * (1 / (row.shape[1] - correction))


def _addmm(shift: Tensor, row: Tensor, weight: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    found = row.mm(weight) if alpha == 1 else row.mm(weight) * alpha
    return found + (shift if beta == 1 else shift * beta)


_aten = torch.ops.aten
_BY_TORCH = (
    *("addcmul", "celu", "elu", "elu_backward", "gelu", "gelu_backward", "hardsigmoid", "hardsigmoid_backward"),
    *("hardswish", "hardswish_backward", "hardtanh", "hardtanh_backward", "leaky_relu", "leaky_relu_backward"),
    *("log_sigmoid_backward", "log_sigmoid_forward", "mish", "mish_backward", "silu", "silu_backward"),
    *("softplus", "softplus_backward"),
)
DECOMPOSED: Mapping[Any, Callable[..., Any]] = {
    **decompositions([getattr(_aten, name) for name in _BY_TORCH]),
    _aten.addmm.default: _addmm,
    _aten.native_layer_norm.default: _layer_norm,
    _aten.var.correction: _variance,
    _aten.mv.default: lambda row, weight: (row * weight).sum(1),
    _aten.square.default: lambda row: row * row,
}
"""Operations written by simpler ones: torch's own decompositions of functions of one value, and ours of what adds."""
