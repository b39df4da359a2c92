"""Text that a trained language model writes: from what people type to tokens, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, cast, final

import pytorch_lightning as pl

from tasks.decoding.decoding import forbid
from tasks.decoding.settings import build_decoding
from tasks.language_modeling.counting import CountingModule
from tasks.language_modeling.module import LanguageModelingModule
from tasks.language_modeling.settings import WritingSettings
from tasks.language_modeling.text_model import CountedModel, TextModel, continuation_request
from tasks.text.running import TokenCorpus
from tasks.text.running.prepare import Level, tokenize
from unroll.contract import Continuation, Settings, Writer

LENGTHS: Final = {"word": 40, "character": 200}
"""Most tokens that are written where nobody says how many."""


def text_model(module: pl.LightningModule) -> TextModel:
    """What goes on with text in a trained module.

    Raises:
        TypeError: the module is of another task, or has counted nothing.
    """
    match module:
        case LanguageModelingModule():
            return module.network
        case CountingModule(model=model) if model is not None:
            return CountedModel(model)
    raise TypeError(f"no trained language model: {type(module).__name__}")


@final
class TextWriter(Writer):
    """Reads a beginning as training text is read: behind a line's end, its own lines ending with one each.

    The last line is gone on with, up to its end.

    Args:
        model: the language model, on the processor.
        corpus: the text that it learned from; its words are enough.
        level: what a token is.
    """

    def __init__(self, model: TextModel, corpus: TokenCorpus, *, level: Level) -> None:
        self.unit = level
        self._model, self._vocabulary, self._start, self._level = model, corpus.vocabulary, corpus.start, level

    def unknown(self, beginning: str) -> Sequence[str]:
        """See :meth:`Writer.unknown`."""
        return [token for token in self._tokens(beginning) if token not in self._vocabulary]

    def write(self, beginning: str, options: Settings, *, seed: int) -> Sequence[Continuation]:
        """See :meth:`Writer.write`; a word follows behind a blank."""
        chosen = cast("WritingSettings", options)
        request = continuation_request(
            self._model,
            self._read(beginning),
            limit=chosen.length or LENGTHS[self._level],
            end=self._start,
            seed=seed,
        )
        if chosen.unknown == "forbidden" and (unknown := self._vocabulary.unknown) is not None:
            request = replace(request, step=forbid(request.step, [unknown]))
        (found,) = build_decoding(chosen).decode(request)
        return [
            Continuation(
                text=self._text(beginning, one.tokens[:-1] if one.finished else one.tokens),
                log_probability=one.log_probability,
                finished=one.finished,
            )
            for one in found
        ]

    def suggest(self, beginning: str, count: int) -> Sequence[tuple[str, float]]:
        """See :meth:`Writer.suggest`; equally likely ones in the order of their numbers."""
        request = continuation_request(self._model, self._read(beginning), limit=1, end=None, seed=0)
        log_probabilities, _ = request.step(request.start, request.state)
        probabilities, tokens = log_probabilities[0].exp().sort(descending=True, stable=True)
        words = self._vocabulary.decode(tokens[:count].tolist())
        return list(zip(words, probabilities[:count].tolist(), strict=True))

    def _tokens(self, beginning: str) -> list[str]:
        *lines, last = beginning.split("\n")
        return [*tokenize(lines, self._level), *(last if self._level == "character" else last.split())]

    def _read(self, beginning: str) -> list[int]:
        return [self._start, *self._vocabulary.encode(self._tokens(beginning)).tolist()]

    def _text(self, beginning: str, tokens: Sequence[int]) -> str:
        written = self._vocabulary.decode(tokens)
        if self._level == "character":
            return "".join(written)
        blank = " " if written and beginning and not beginning[-1].isspace() else ""
        return blank + " ".join(written)
