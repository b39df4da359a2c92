"""A prepared corpus of sentences and their translations: for each split the numbers of both, and raw references."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from tasks.text.parallel.tokenization import Tokenization
from tasks.text.prepared import Corpus, SentenceText, array_seen, kept_words, no_words, words_seen
from tasks.text.splits import SPLITS
from tasks.text.vocabulary import Vocabulary


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class RawLines:
    """Lines of text as they are written, read-only.

    Args:
        content: UTF-8 of all lines, one after the other, without line ends; shape (bytes,).
        begins: place of each line's first byte, and the number of bytes; shape (lines + 1,).
    """

    content: NDArray[np.uint8]
    begins: NDArray[np.int64]

    @classmethod
    def of(cls, lines: Sequence[str]) -> Self:
        """These lines."""
        encoded = [line.encode() for line in lines]
        return cls(
            content=np.frombuffer(b"".join(encoded), np.uint8),
            begins=np.fromiter(accumulate(map(len, encoded), initial=0), np.int64),
        )

    def __len__(self) -> int:
        return len(self.begins) - 1

    def __getitem__(self, place: int) -> str:
        if not 0 <= place < len(self):
            raise IndexError(place)
        return self.content[self.begins[place] : self.begins[place + 1]].tobytes().decode()

    def __iter__(self) -> Iterator[str]:
        return map(self.__getitem__, range(len(self)))


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class ParallelText:
    """Pairs of a sentence and its translation, read-only; no sentence is empty, and none holds ``<eos>``.

    Args:
        source: numbers of the source vocabulary.
        target: numbers of the target vocabulary.
        references: the target sentences as they are written, neither tokenized nor in lower case.
    """

    source: SentenceText
    target: SentenceText
    references: RawLines

    def __len__(self) -> int:
        return len(self.source)


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class ParallelCorpus(Corpus):
    """What a translator learns from; both vocabularies hold ``<unk>`` and ``<eos>``.

    Args:
        vocabulary: words of the source language; where both languages share one, equal to ``target_vocabulary``.
        target_vocabulary: words of the target language.
        tokenization: what a word of the source language is.
        target_tokenization: what a word of the target language is.
        train: the training text.
        validation: what is looked at while training.
        test: what is looked at once.
    """

    target_vocabulary: Vocabulary
    tokenization: Tokenization
    target_tokenization: Tokenization
    train: ParallelText
    validation: ParallelText
    test: ParallelText

    def seen(self) -> Iterator[int | bytes | memoryview]:
        """See :meth:`tasks.text.prepared.Corpus.seen`."""
        for words in (self.vocabulary, self.target_vocabulary):
            yield from words_seen(words)
        for tokenization in (self.tokenization, self.target_tokenization):
            yield from (tokenization.kind.encode(), int(tokenization.lowercase), tokenization.model.encode())
        for text in (getattr(self, split) for split in SPLITS):
            for side in (text.source, text.target):
                yield from (array_seen(side.words, "<i4"), array_seen(side.begins, "<i8"))
            yield from (array_seen(text.references.content, "u1"), array_seen(text.references.begins, "<i8"))

    def encode(self, text: str) -> NDArray[np.int32]:
        """Numbers of a raw source sentence, read as the corpus was; shape (tokens,), none for a blank one."""
        return self.vocabulary.encode(self.tokenization.split(text))

    def detokenize(self, tokens: Iterable[str]) -> str:
        """Text of target tokens, as it is to be scored or shown: in lower case if the corpus is."""
        return self.target_tokenization.join(list(tokens))

    def kept(self) -> dict[str, Any]:
        """See :meth:`tasks.text.prepared.Corpus.kept`: vocabularies and tokenization, subwords included."""
        return {
            **super().kept(),
            "sentences": len(self.train),
            "target_vocabulary": list(self.target_vocabulary.words),
            "tokenization": asdict(self.tokenization),
            "target_tokenization": asdict(self.target_tokenization),
        }

    @classmethod
    def restored(cls, kept: Mapping[str, Any]) -> Self:
        """See :meth:`tasks.text.prepared.Corpus.restored`: it encodes and detokenizes as the one that was kept."""
        train, none = (_without_words(sentences) for sentences in (kept["sentences"], 0))
        return cls(
            **kept_words(kept),
            target_vocabulary=Vocabulary(tuple(kept["target_vocabulary"])),
            tokenization=Tokenization(**kept["tokenization"]),
            target_tokenization=Tokenization(**kept["target_tokenization"]),
            train=train,
            validation=none,
            test=none,
        )


def _without_words(sentences: int) -> ParallelText:
    text = SentenceText(**no_words(sentences))
    return ParallelText(source=text, target=text, references=RawLines.of(()))
