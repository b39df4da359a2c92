"""Matrix products in C: for the generated loops, and for what a cell reads at all steps at once."""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import Parameter
from torch.overrides import TorchFunctionMode

from tasks.recurrent.compiler.build import load
from tasks.recurrent.compiler.codegen import DTYPES, head

SOURCE = Path(__file__).with_name("products.c").read_text(encoding="utf-8")
GEMM = ("packed_size", "pack", "product", "outer_products")
"""Functions that generated loops call."""


@functools.cache
def products(dtype: torch.dtype) -> ctypes.CDLL:
    """The compiled products of one type of number.

    Raises:
        NoCompiler: they cannot be had.
    """
    return load(head(dtype) + SOURCE)


def bind_gemm(library: ctypes.CDLL, dtype: torch.dtype) -> None:
    """Give a generated loop the addresses of the products that it calls."""
    own = products(dtype)
    addresses = (ctypes.cast(getattr(own, name), ctypes.c_void_p) for name in GEMM)
    library.bind_gemm((ctypes.c_void_p * len(GEMM))(*addresses))


def forbid_double_backward() -> None:
    """Called in a backward pass: C cannot be differentiated, and gradients must not be missed in silence.

    Raises:
        RuntimeError: torch was asked for a gradient that can be differentiated.
    """
    if torch.is_grad_enabled():
        raise RuntimeError("a gradient of a gradient (create_graph=True) needs network.loop plain")


def are_readable(*tensors: Tensor) -> bool:
    """Whether the C may read them: on the CPU, of one type that there is C for, and no subclasses of tensors."""
    dtype = tensors[0].dtype
    return dtype in DTYPES and all(
        each.dtype == dtype and each.device.type == "cpu" and type(each) in (Tensor, Parameter) for each in tensors
    )


class _Linear(Function):
    """``x W' + b`` for x of shape (rows, inputs)."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        outputs = inputs.new_empty(len(inputs), len(weight))
        _call("linear", inputs, weight, bias, outputs)
        return outputs

    @staticmethod
    def backward(ctx: Any, into: Tensor) -> Any:
        forbid_double_backward()
        inputs, weight = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        d_inputs = torch.empty_like(inputs) if wanted[0] else None
        d_weight = torch.zeros_like(weight) if wanted[1] else None
        d_bias = weight.new_zeros(len(weight)) if wanted[2] else None
        _call("linear_back", inputs, weight, into.contiguous(), d_inputs, d_weight, d_bias)
        return d_inputs, d_weight, d_bias


@final
class OwnLinear(TorchFunctionMode):
    """While it is active, ``torch.nn.functional.linear`` is ours where it can be; ``products`` must be compiled."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Called by torch in the place of each of its functions."""
        options = kwargs or {}
        if func is not torch.nn.functional.linear or len(args) < 2 or not set(options) <= {"bias"}:
            return func(*args, **options)
        inputs, weight, *rest = args
        bias = rest[0] if rest else options.get("bias")
        given = [inputs, weight] if bias is None else [inputs, weight, bias]
        shaped = weight.dim() == 2 and inputs.shape[-1:] == weight.shape[1:]
        if not are_readable(*given) or not shaped or any(each.shape != weight.shape[:1] for each in given[2:]):
            return func(*args, **options)  # what is wrong with the arguments is described by torch's error
        # The C reads rows without gaps; weights of a layer always are, so nothing is copied as a rule.
        rows = inputs.reshape(-1, inputs.shape[-1]).contiguous()
        shift = None if bias is None else bias.contiguous()
        found: Tensor = _Linear.apply(rows, weight.contiguous(), shift)  # type: ignore[no-untyped-call]
        return found.view(*inputs.shape[:-1], len(weight))


def _call(name: str, inputs: Tensor, weight: Tensor, *others: Tensor | None) -> None:
    size = (ctypes.c_long * 3)(len(inputs), *weight.shape)
    given = (inputs, weight, *others)
    pointers = (ctypes.c_void_p * len(given))(*(None if tensor is None else tensor.data_ptr() for tensor in given))
    if getattr(products(inputs.dtype), name)(size, pointers):
        raise MemoryError("no memory is left for the scratch of a matrix product")
