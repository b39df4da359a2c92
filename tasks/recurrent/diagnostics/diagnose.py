"""What happens inside a recurrent network: gates, states, recurrent matrices, and gradients through time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn

from tasks.recurrent.cell import State
from tasks.recurrent.diagnostics.gradient_flow import gradient_profiles
from tasks.recurrent.diagnostics.state_capture import Record, record_states
from tasks.recurrent.stack import RecurrentNetwork

SATURATED_LOW, SATURATED_HIGH = 0.1, 0.9
"""A gate below or above is left- or right-saturated (Karpathy et al. 2015, arXiv 1506.02078, section 4.3)."""


def diagnose(model: nn.Module, score: Callable[[], Tensor]) -> dict[str, float]:
    """Measure every recurrent network of a model from inside.

    The model computes in evaluation mode meanwhile, by the plain loop, and draws nothing at random; weights, their
    gradients and the state of all generators are as before when this returns.

    Args:
        model: what holds the networks.
        score: runs the model and gives the sum over sequences of the loss at each one's last step.

    Returns:
        By name, for each layer such as ``layer0`` (with its network's name before it where there are several):

        - ``gates/layer0/f/saturated_low`` and ``saturated_high``: share of a gate's values below 0.1 and above 0.9;
        - ``state/layer0/c/norm``: L2 norm of a part of the state, averaged over steps and sequences;
        - ``recurrent/layer0/U_f/spectral_radius`` and ``largest_singular_value`` of each recurrent block;
        - ``gradient_flow/layer0/distance_10``: see
          :func:`~tasks.recurrent.diagnostics.gradient_flow.gradient_profiles`, and
          ``gradient_flow/layer0/c/distance_10`` for a part of the state.
    """
    with evaluation(model), ExitStack() as stack:
        networks = {name: part for name, part in model.named_modules() if isinstance(part, RecurrentNetwork)}
        recordings = {name: stack.enter_context(record_states(network)) for name, network in networks.items()}
        loss = score()
    records = {
        f"{name}.{layer}" if len(networks) > 1 else layer: record
        for name, recording in recordings.items()
        for layer, record in recording.items()
    }
    values = {
        f"gradient_flow/{layer}/{f'{part}/' if part else ''}distance_{distance}": norm
        for layer, profiles in gradient_profiles(loss, records).items()
        for part, profile in profiles.items()
        for distance, norm in profile.items()
    }
    with torch.no_grad():
        for name, record in records.items():
            values |= {f"gates/{name}/{path}": value for path, value in gate_saturation(record).items()}
            values |= {f"state/{name}/{path}/norm": value for path, value in state_norms(record).items()}
            values |= {f"recurrent/{name}/U_{path}": value for path, value in spectra(record).items()}
    return values


@contextmanager
def evaluation(model: nn.Module) -> Iterator[None]:
    """Evaluation mode within, and afterwards each module in the mode that it was in."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def gate_saturation(record: Record) -> dict[str, float]:
    """Shares of saturated values by gate, over all real steps, sequences and units."""
    cell, real = record.layer.cell, record.real()
    # Gates depend on the state before a step: all steps at once, parts of shape (time, batch, hidden).
    before: State = tuple(torch.stack(part) for part in zip(record.before, *record.states[:-1], strict=True))
    gates = cell.activations(cell.project(record.inputs), before)
    shares: dict[str, float] = {}
    for name, gate in gates.items():
        values = gate[real]
        shares[f"{name}/saturated_low"] = (values < SATURATED_LOW).double().mean().item()
        shares[f"{name}/saturated_high"] = (values > SATURATED_HIGH).double().mean().item()
    return shares


def state_norms(record: Record) -> dict[str, float]:
    """Mean L2 norm of each part of the state, over all real steps and sequences."""
    real, parts = record.real(), zip(*record.states, strict=True)
    named = zip(record.layer.cell.parts, parts, strict=True)
    return {name: torch.stack(part).norm(dim=-1)[real].mean().item() for name, part in named}


def spectra(record: Record) -> dict[str, float]:
    """Largest absolute eigenvalue and largest singular value of each recurrent block; NaN for one that is not finite.

    A largest singular value below 1 over the activation's largest slope suffices for gradients to vanish; one above it
    is necessary for them to explode, and not sufficient. The spectral radius decides neither.
    """
    found: dict[str, float] = {}
    for name, block in record.layer.cell.recurrent_blocks().items():
        matrix = (block if block.dtype == torch.float64 else block.float()).detach().cpu()  # LAPACK's types
        finite = bool(matrix.isfinite().all())
        found[f"{name}/spectral_radius"] = torch.linalg.eigvals(matrix).abs().max().item() if finite else math.nan
        found[f"{name}/largest_singular_value"] = torch.linalg.svdvals(matrix)[0].item() if finite else math.nan
    return found
