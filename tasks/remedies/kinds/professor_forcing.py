"""The model's states are to look alike, whoever wrote the words."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from tasks.recurrent.stack import RecurrentNetwork
from tasks.remedies.free_running import draw, run_free
from tasks.remedies.remedy import Examples, Objective, Remedy, SequenceModel, negative_log_likelihood


@final
class Discriminator(nn.Module):
    """Probability that features come from teacher forcing: a bidirectional GRU, its mean over steps, two layers.

    Args:
        features: size of a step's features.
        hidden: of the GRU in each direction, and of the layer above.
    """

    def __init__(self, *, features: int, hidden: int) -> None:
        super().__init__()
        self.network = RecurrentNetwork(cell="gru", inputs=features, hidden=hidden, direction="bidirectional")
        self.layers = nn.Sequential(nn.Linear(2 * hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def forward(self, features: Tensor, real: Tensor) -> Tensor:
        """Logits, shape (batch,), from (time, batch, features) and where a step is real, (time, batch)."""
        lengths = real.sum(0)
        outputs, _ = self.network(features, lengths=lengths, final_state=False)
        logits: Tensor = self.layers(outputs.sum(0) / lengths.unsqueeze(1)).squeeze(1)
        return logits


@final
class ProfessorForcing(Remedy):
    """Likelihood, and an adversary that cannot tell free-running from teacher-forced states (Lamb et al. 2016).

    arXiv 1610.09038, section 2.2: with B the features of all steps (the authors' B also has the output's
    probabilities), ``C_d = -log D(B_teacher) - log(1 - D(B_free))``
    for the discriminator and ``C_f = -log D(B_free)`` for the model, beside its negative log-likelihood; no gradient
    flows through the drawn words. As in section 2.3 each of the two waits for the other: the discriminator learns only
    while it is wrong often enough, and the model hears of it only while it is right often enough.

    At the rate of its own that the authors have, 1e-4, the discriminator needs a long run, and before that the remedy
    is teacher forcing: of the first 300 updates on the toy language (GRU of 64, batches of 32) the model hears of it in
    7 %, at 1e-3 in 44 %. ``train/discriminator_heard`` says how it was.

    Args:
        features: size of a step's features.
        discriminator: size of its layers.
        adversary: weight of ``C_f``.
        move_both: whether teacher-forced states are also drawn towards free-running ones, ``C_t``, with this weight.
        learns_below: accuracy above which the discriminator does not learn.
        heard_above: accuracy below which the model does not hear of it.
    """

    own_rate = 1e-4  # as in the authors' program
    of_running_text = True

    def __init__(
        self,
        *,
        features: int,
        discriminator: int = 64,
        adversary: float = 1.0,
        move_both: float = 0.0,
        learns_below: float = 0.99,
        heard_above: float = 0.75,
    ) -> None:
        super().__init__()
        self.discriminator = Discriminator(features=features, hidden=discriminator)
        self._adversary, self._both = adversary, move_both
        self._learns_below, self._heard_above = learns_below, heard_above

    def objective(self, model: SequenceModel, examples: Examples) -> Objective:
        """Mean negative log-likelihood per right token, and the adversary's mean per sentence while it is heard."""
        teacher = model.read(model.embed(examples.inputs()), model.begin())
        loss = negative_log_likelihood(model.logits(teacher), examples.targets)
        # As long as the right sentence, whatever is drawn: length must not give away who wrote.
        free = run_free(model, examples, draw, limit=len(examples.targets), stops=False).features
        real = examples.real
        told = self.discriminator(teacher.detach(), real), self.discriminator(free.detach(), real)
        accuracy = torch.cat([told[0] > 0, told[1] < 0]).double().mean().item()
        own = (softplus(-told[0]) + softplus(told[1])).mean() if accuracy <= self._learns_below else None
        heard = accuracy >= self._heard_above
        if heard:
            loss = loss + self._adversary * softplus(-self.discriminator(free, real)).mean()
            if self._both:
                loss = loss + self._both * softplus(self.discriminator(teacher, real)).mean()
        logged = {
            "discriminator_accuracy": accuracy,
            "discriminator_learns": float(own is not None),
            "discriminator_heard": float(heard),
            "state_distance": _distance(teacher, free, real),
        }
        return Objective(loss, own, logged)


def _distance(teacher: Tensor, free: Tensor, real: Tensor) -> float:
    """Euclidean distance between the mean features of the two modes."""
    return float((teacher.detach()[real].mean(0) - free.detach()[real].mean(0)).norm())
