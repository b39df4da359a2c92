"""The search that beams of fixed and of variable width share."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from tasks.decoding.decoding import Hypothesis, Request, select_rows

Prune = Callable[[Tensor, Tensor], Tensor]
"""Which candidates stay. From their scores and from the log-probabilities of their last tokens alone, both of shape
(sentences, parents, candidates per parent) and -inf where there is none, a mask of that shape."""


def search(request: Request, *, width: int, per_parent: int, prune: Prune | None) -> list[list[Hypothesis]]:
    """Breadth-first search that keeps the best prefixes of each sentence.

    At each step every live prefix is extended by its most probable tokens, and the best candidates stay, as many as the
    sentence's width. One that ends leaves the search, and the width of its sentence falls by one; the search of a
    sentence is over at width 0, or at its limit, where what is left is unfinished.

    Args:
        request: what is to be decoded.
        width: most prefixes of a sentence.
        per_parent: most candidates that extend one prefix; the width bounds them, too.
        prune: which candidates must go before the width is looked at; None: none.

    Returns:
        For each sentence all that ended, then what did not, in the order in which they were found.
    """
    device, batch = request.start.device, len(request.start)
    # Live prefixes are rows, sorted by sentence and, within one, from the best to the worst.
    sentences, last, state = torch.arange(batch, device=device), request.start, request.state
    prefixes = request.start.new_empty(batch, 0)
    scores = torch.zeros(batch, device=device)
    widths = torch.full((batch,), width, device=device)
    ended: list[list[Hypothesis]] = [[] for _ in range(batch)]
    cut: list[list[Hypothesis]] = [[] for _ in range(batch)]
    while len(sentences):
        log_probabilities, state = request.step(last, state)
        count = min(width, per_parent, log_probabilities.shape[1])
        best, tokens = log_probabilities.topk(count, dim=1)
        rows_before = torch.searchsorted(sentences, torch.arange(batch, device=device))
        slots = torch.arange(len(sentences), device=device) - rows_before[sentences]
        steps = best.new_full((batch, int(slots.max()) + 1, count), -torch.inf)
        steps[sentences, slots] = best
        totals = torch.full_like(steps, -torch.inf)
        totals[sentences, slots] = scores.to(best).unsqueeze(1) + best
        if prune is not None:  # what a model says that has diverged, NaN, stays: every sentence has a hypothesis
            totals = totals.masked_fill(~(prune(totals, steps) | totals.isnan()), -torch.inf)
        flat = totals.flatten(1)
        kept, places = flat.topk(min(width, flat.shape[1]), dim=1)
        stays = (torch.arange(kept.shape[1], device=device) < widths.unsqueeze(1)) & (kept != -torch.inf)
        sentences, ranks = stays.nonzero(as_tuple=True)
        scores, places = kept[sentences, ranks], places[sentences, ranks]
        parents = rows_before[sentences] + places // count
        last = tokens[parents, places % count]
        prefixes = torch.cat([prefixes[parents], last.unsqueeze(1)], dim=1)

        is_end = last == request.end if request.end is not None else torch.zeros_like(last, dtype=torch.bool)
        at_limit = ~is_end & (request.limits[sentences] <= prefixes.shape[1])
        for rows, found in ((is_end, ended), (at_limit, cut)):
            leaving = zip(sentences[rows].tolist(), prefixes[rows].tolist(), scores[rows].tolist(), strict=True)
            for sentence, prefix, score in leaving:
                found[sentence].append(Hypothesis(tuple(prefix), score, finished=found is ended))
        widths -= torch.bincount(sentences[is_end], minlength=batch)
        going_on = (~is_end & ~at_limit).nonzero().squeeze(1)
        sentences, last, scores, prefixes = (part[going_on] for part in (sentences, last, scores, prefixes))
        state = select_rows(state, parents[going_on])
    return [[*finished, *unfinished] for finished, unfinished in zip(ended, cut, strict=True)]
