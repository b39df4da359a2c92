"""Sequences that are each extended by one token at a time and never compared: the loop of greedy and of sampling."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from tasks.decoding.decoding import Hypothesis, Request, select_rows

Choose = Callable[[Tensor, Tensor, int], Tensor]
"""From log-probabilities (rows, vocabulary), the sentences of the rows (rows,) and the step, a token for each row."""


def extend(request: Request, choose: Choose) -> list[Hypothesis]:
    """One hypothesis per sentence. Rows leave the batch as they end, so that the model is never run on what is over."""
    sentences, last, state = torch.arange(len(request.start), device=request.start.device), request.start, request.state
    tokens = list[list[int]]([] for _ in range(len(sentences)))
    totals = torch.zeros(len(sentences), dtype=torch.float64, device=last.device)
    finished = set[int]()
    step = 0
    while len(sentences):
        log_probabilities, state = request.step(last, state)
        last = choose(log_probabilities, sentences, step)
        totals[sentences] += log_probabilities.gather(1, last.unsqueeze(1)).squeeze(1).double()
        for sentence, token in zip(sentences.tolist(), last.tolist(), strict=True):
            tokens[sentence].append(token)
            if token == request.end:
                finished.add(sentence)
        step += 1
        going_on = request.limits[sentences] > step
        if request.end is not None:
            going_on &= last != request.end
        if not going_on.all():
            rows = going_on.nonzero().squeeze(1)
            sentences, last, state = sentences[rows], last[rows], select_rows(state, rows)
    ends = zip(tokens, totals.tolist(), strict=True)
    return [Hypothesis(tuple(row), total, number in finished) for number, (row, total) in enumerate(ends)]
