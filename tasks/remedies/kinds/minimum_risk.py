"""The expected loss over what the model writes."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from tasks.remedies.free_running import draw, run_free
from tasks.remedies.remedy import (
    PADDING,
    Examples,
    Objective,
    Remedy,
    SequenceModel,
    negative_log_likelihood,
    token_log_probabilities,
)
from tasks.remedies.rewards import REWARDS, RewardName


@final
class MinimumRisk(Remedy):
    """``sum_y Q(y) (1 - r(y, y*))`` over a set of candidates, ``Q(y) = p(y)^a / sum p^a`` (Shen et al. 2016).

    arXiv 1512.02433, equations 13 and 14. The candidates are drawn from the model without dropout; each stands once in
    the sums, however often it was drawn, and p is the product over a whole sequence. Small a makes Q nearly uniform and
    gradients small; the authors take 0.005, with 100 candidates.

    Args:
        features: not needed.
        candidates: sequences that are drawn for each sentence.
        right_candidate: whether the right sequence is one more.
        sharpness: a.
        likelihood: weight of the right tokens' negative log-likelihood, added to the risk.
        reward: r.

    Raises:
        ValueError: there is one candidate alone, whose Q is 1 whatever the model says.
    """

    warm_start = True
    warm_rate = 0.05

    def __init__(
        self,
        *,
        features: int,  # noqa: ARG002
        candidates: int = 10,
        right_candidate: bool = True,
        sharpness: float = 0.5,
        likelihood: float = 0.0,
        reward: RewardName = "bleu",
    ) -> None:
        super().__init__()
        if candidates + right_candidate < 2:
            raise ValueError(
                f"candidates must be 2 at least where the right sequence is none of them, received {candidates}"
            )
        self._candidates, self._with_right, self._sharpness = candidates, right_candidate, sharpness
        self._likelihood, self._reward = likelihood, REWARDS[reward]

    def objective(self, model: SequenceModel, examples: Examples) -> Objective:
        """Mean risk of a sentence."""
        with model.evaluating() as quiet:
            many = quiet.repeat(self._candidates)
            written = run_free(many, examples.repeat(self._candidates), draw, limit=examples.limit).tokens
        rows = self._candidates + self._with_right
        tokens = _beside(written, examples.targets if self._with_right else None, batch=len(examples.start))
        scores = self._log_probabilities(model.repeat(rows), examples.repeat(rows), tokens).view(-1, rows)
        risks, first = self._judge(tokens, examples, rows)
        posterior = (self._sharpness * scores).masked_fill(~first, -torch.inf).softmax(1)
        loss = risk = (posterior * risks.to(posterior)).sum(1).mean()
        if self._likelihood:
            right = model.read(model.embed(examples.inputs()), model.begin())
            loss = risk + self._likelihood * negative_log_likelihood(model.logits(right), examples.targets)
        distinct = first.sum(1).double().mean().item()
        return Objective(loss, logged={"risk": risk.item(), "distinct_candidates": distinct})

    def _log_probabilities(self, model: SequenceModel, examples: Examples, tokens: Tensor) -> Tensor:
        """Of whole sequences, shape (rows,), by reading them as teacher forcing reads right ones."""
        inputs = torch.cat([examples.start.unsqueeze(0), tokens[:-1].clamp(min=0)])
        logits = model.logits(model.read(model.embed(inputs), model.begin()))
        return token_log_probabilities(logits, tokens).sum(0)

    def _judge(self, tokens: Tensor, examples: Examples, rows: int) -> tuple[Tensor, Tensor]:
        """Of each candidate its risk, and whether it is the first of its kind, shapes (batch, rows)."""
        risks, first = list[float](), list[bool]()
        references = examples.references()
        seen = set[tuple[int, ...]]()
        for number, column in enumerate(tokens.T.tolist()):
            if number % rows == 0:
                seen = set()
            whole = tuple(token for token in column if token != PADDING)
            first.append(whole not in seen)
            seen.add(whole)
            written = [token for token in whole if token != examples.end]
            risks.append(1 - self._reward(written, references[number // rows]))
        shape, device = (-1, rows), tokens.device
        return torch.tensor(risks, device=device, dtype=torch.float64).view(shape), torch.tensor(
            first, device=device
        ).view(shape)


def _beside(written: Tensor, right: Tensor | None, *, batch: int) -> Tensor:
    """Candidates of each sentence next to each other, the right one last, shape (time, batch * rows)."""
    drawn = written.view(len(written), batch, -1)
    if right is None:
        return written
    time = max(len(written), len(right))
    parts = [
        torch.cat([part, part.new_full((time - len(part), *part.shape[1:]), PADDING)])
        for part in (drawn, right.unsqueeze(2))
    ]
    return torch.cat(parts, dim=2).flatten(1)
