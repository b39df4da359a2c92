"""EB-C and EB-M of a language model.

He, Zhang, Zhou and Glass 2021, *Exposure bias versus self-recovery: are distortions really incremental for
autoregressive text generation?* (EMNLP 2021, arXiv 1905.10617).

Seen at the source: the idea (what a model makes of prefixes of the data should be better than what it makes of its
own, if the discrepancy harms), both names, the formulas of d_TV and d_JS (appendix A), and that a conditional
deviation is an expectation, over prefixes of which the model wrote some words, of a divergence f_div of its
distribution of the next word. Inferred: that the other distribution is the true one, that both numbers are ratios,
and which way up, that logarithms are natural, and that the quality of EB-M is corpus BLEU. Ours: lengths, numbers of
tokens, which references, and what is done with prefixes that are outside the language.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
import torch
from torch import Tensor

from tasks.decoding.decoding import Request
from tasks.decoding.decodings.sampling import Sampling
from tasks.language_modeling.exposure.corpus_bleu import corpus_bleu
from tasks.language_modeling.exposure.divergences import jensen_shannon, total_variation
from tasks.language_modeling.exposure.names import BLEU, JENSEN_SHANNON, OUTSIDE, TOTAL_VARIATION, Compared
from tasks.language_modeling.exposure.pieces import Ids, Pieces, cut_pieces
from tasks.language_modeling.exposure.truth import Truth
from tasks.language_modeling.text_model import TextModel
from unroll.contract import derive_seed, distance_metric

LENGTHS: Final = (1, 2, 4, 8, 16, 32)
"""Tokens of the prefixes."""
CONTINUATION: Final = 10
"""Tokens that are written behind a prefix for EB-M."""
_DIVERGENCES: Final = ((TOTAL_VARIATION, total_variation), (JENSEN_SHANNON, jensen_shannon))


@final
@dataclass(slots=True)
class _Means:
    """One number behind both kinds of prefixes, by their length.

    Args:
        data: behind words of the data.
        own: behind the model's own words.
    """

    data: dict[int, float] = field(default_factory=dict)
    own: dict[int, float] = field(default_factory=dict)

    def scores(self, names: Compared) -> dict[str, float]:
        """Both, and their ratio, by metric: of every length that has both, and of all these together."""
        lengths = [length for length in self.data if length in self.own]
        found = dict[str, float]()
        for name, values in ((names.data, self.data), (names.own, self.own)):
            found |= {distance_metric(name, length): values[length] for length in lengths}
            if lengths:
                found[name] = math.fsum(values[length] for length in lengths) / len(lengths)
        top, below = (self.own, self.data) if names.own_over_data else (self.data, self.own)
        found |= {distance_metric(names.ratio, n): top[n] / below[n] for n in lengths if below[n]}
        if lengths and (sum_ := math.fsum(below[length] for length in lengths)):
            found[names.ratio] = math.fsum(top[length] for length in lengths) / sum_
        return found


@final
class ExposureMeasurement:
    """Compares a model behind words of a held-out text with the same model behind words that it wrote.

    Both kinds of prefixes begin with a sentence, and the model knows nothing of what stood before. Those of the data
    are pieces of the text; the model's own are drawn from its distribution, one token after the other. With l the
    length of a prefix:

    * deviation of the next word: ``E_w f(p_model(. | w), p_true(. | w))``, f the total variation or the
      Jensen-Shannon divergence, w the prefixes of length l. EB-C is that behind the model's own prefixes, divided by
      that behind the data's.
    * quality: corpus BLEU of the :data:`CONTINUATION` tokens that the model writes behind the prefixes, against the
      tokens at the same places of another part of the text. EB-M is the quality behind the data's prefixes, divided by
      that behind the model's own.

    Above 1, either says that the model does worse behind its own words. Behind a prefix that no sentence of the
    language begins with there is no true distribution: such prefixes are counted, as a share of all, and have no part
    in EB-C.

    Args:
        text: the held-out text, shape (tokens,).
        start: the token that ends a sentence and stands before the text.
        prefixes: how many of each kind.
        truth: the source of the text; None: unknown, and no EB-C.
    """

    def __init__(self, text: Ids, *, start: int, prefixes: int, truth: Truth | None) -> None:
        self._text, self._start, self._prefixes, self._truth = text, start, prefixes, truth

    def check(self) -> None:
        """Look whether the text is long enough.

        Raises:
            UserError: it is not.
        """
        self._cut()

    def _cut(self) -> Pieces:
        length = LENGTHS[-1] + CONTINUATION
        return cut_pieces(self._text, start=self._start, pieces=self._prefixes, length=length)

    @torch.no_grad()
    def measure(self, model: TextModel, device: torch.device) -> Mapping[str, float]:
        """All that is known of the model's exposure bias, by metric.

        The same random numbers are drawn for every model.

        Raises:
            UserError: the text is too short.
        """
        pieces = self._cut()
        starts = torch.full((self._prefixes,), self._start, device=device)
        own = self._write(model, model.initial_state(len(starts)), starts, LENGTHS[-1] + CONTINUATION, 0)
        data = torch.from_numpy(pieces.prefixes.astype(np.int64)).to(device)
        quality = self._quality(model, starts, data, own, pieces.references)
        return {**quality, **self._deviations(model, starts, data, own)}

    def _write(self, model: TextModel, state: object, before: Tensor, tokens: int, length: int) -> Tensor:
        """Draw so many tokens behind those before, shape (texts, tokens)."""
        limits = torch.full_like(before, tokens)
        seeds = [derive_seed("exposure bias", length, text) for text in range(len(before))]
        request = Request(step=model.step, state=state, start=before, end=None, limits=limits, seeds=seeds)
        drawn = [best.tokens for best, *_ in Sampling().decode(request)]
        return torch.tensor(drawn, device=before.device)

    def _quality(
        self, model: TextModel, starts: Tensor, data: Tensor, own: Tensor, references: Ids
    ) -> dict[str, float]:
        means, state, before = _Means(), model.initial_state(len(starts)), starts
        for length in range(1, LENGTHS[-1] + 1):
            _, state = model.step(before, state)
            before = data[:, length - 1]
            if length in LENGTHS:
                end = length + CONTINUATION
                right = references[:, length:end].tolist()
                written = self._write(model, state, before, CONTINUATION, length)
                means.data[length] = corpus_bleu(written.tolist(), right)
                means.own[length] = corpus_bleu(own[:, length:end].tolist(), right)
        return means.scores(BLEU)

    def _deviations(self, model: TextModel, starts: Tensor, data: Tensor, own: Tensor) -> dict[str, float]:
        if self._truth is None:
            return {}
        found, outside = {names: _Means() for names, _ in _DIVERGENCES}, dict[int, float]()
        for kind, tokens in (("data", data), ("own", own)):
            _, state = model.step(starts, model.initial_state(len(starts)))
            for length in range(1, LENGTHS[-1] + 1):
                log_probabilities, state = model.step(tokens[:, length - 1], state)
                if length not in LENGTHS:
                    continue
                true = [self._truth.after(tuple(text)) for text in tokens[:, :length].tolist()]
                inside = [row for row, known in enumerate(true) if known is not None]
                if kind == "own":
                    outside[length] = 1 - len(inside) / len(true)
                if inside:
                    known = torch.from_numpy(np.stack([each for each in true if each is not None]))
                    expected = log_probabilities[inside].double().exp().cpu()
                    for names, divergence in _DIVERGENCES:
                        getattr(found[names], kind)[length] = divergence(expected, known).mean().item()
        shares = {distance_metric(OUTSIDE, length): share for length, share in outside.items()}
        shares[OUTSIDE] = math.fsum(outside.values()) / len(outside)
        return {**shares, **{name: v for names, means in found.items() for name, v in means.scores(names).items()}}
