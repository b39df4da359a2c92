"""From raw text to tokens and back: words, subwords or characters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, Literal, final

from tasks.text.vocabulary import UNKNOWN

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TokenKind = Literal["words", "white_space", "subwords", "characters"]
_BLANK: Final = "▁"
"""Begins a subword that begins a word."""


@final
@dataclass(frozen=True, kw_only=True)
class Tokenization:
    """What a token of a language is; all of it can be written as JSON.

    Words are those of ``13a``, the tokenization in which BLEU is computed (Post, 2018, "A Call for Clarity in Reporting
    BLEU Scores"), as ``sacrebleu`` has it; or what white space separates, of text that was cut before. Subwords are
    pairs of characters or subwords that were merged, the most frequent first (Sennrich et al., 2016, "Neural Machine
    Translation of Rare Words with Subword Units"), never across a blank or a punctuation mark. Characters include the
    blanks. A run of white space counts as one blank, and as none at either end.

    Args:
        kind: which.
        lowercase: whether text is read without regard to case.
        model: what was learned about subwords, as the library ``tokenizers`` writes it; empty for other kinds.
    """

    kind: TokenKind
    lowercase: bool = False
    model: str = ""

    def split(self, text: str) -> list[str]:
        """Tokens of a text; none of a blank one."""
        text = " ".join(text.lower().split() if self.lowercase else text.split())
        match self.kind:
            case "words":
                tokens: list[str] = _words()(text).split()
                return tokens
            case "white_space":
                return text.split()
            case "subwords":
                return _subwords(self.model).encode(text).tokens
            case "characters":
                return list(text)

    def join(self, tokens: Sequence[str]) -> str:
        """Text of tokens: words with a blank between each two; subwords and characters as they were before.

        ``<unk>`` among subwords stays as it is.
        """
        match self.kind:
            case "words" | "white_space":
                return " ".join(tokens)
            case "subwords":
                return "".join(tokens).replace(_BLANK, " ").strip()
            case "characters":
                return "".join(tokens)


def made_by(kind: TokenKind) -> dict[str, str]:
    """The library that says what a token of this kind is, and its version, on which prepared text depends; {} for none.

    Subwords are learned by ``tokenizers``, words are cut by ``sacrebleu``.
    """
    libraries = {"subwords": "tokenizers", "words": "sacrebleu"}
    return {library: version(library)} if (library := libraries.get(kind)) else {}


def fit_subwords(texts: Iterable[str], *, size: int, lowercase: bool) -> Tokenization:
    """Learn subwords; the same texts give the same, bit by bit.

    Args:
        texts: of the training text, and of nothing else.
        size: most subwords, ``<unk>`` included; all characters are kept even if they are more.
        lowercase: see :class:`Tokenization`.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    marks = pre_tokenizers.Metaspace(replacement=_BLANK, prepend_scheme="always")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([marks, pre_tokenizers.Punctuation()])
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=[UNKNOWN], show_progress=False)
    tokenizer.train_from_iterator((text.lower() if lowercase else text for text in texts), trainer)
    return Tokenization(kind="subwords", lowercase=lowercase, model=tokenizer.to_str())


@cache
def _words() -> Any:
    from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

    return Tokenizer13a()  # type: ignore[no-untyped-call]


@lru_cache(maxsize=8)
def _subwords(model: str) -> Tokenizer:
    from tokenizers import Tokenizer

    tokenizer: Tokenizer = Tokenizer.from_str(model)
    return tokenizer
