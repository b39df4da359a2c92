"""Tokens per second of a tagger on batches of sentences of similar length, against batches of random ones.

Both train the same bidirectional LSTM with the same masks on sentences as long as those of the UD English EWT treebank,
of random words. An epoch's batches are drawn anew for each turn, and the two take turns in one process with one thread.
"""

from __future__ import annotations

import time

import numpy as np
import torch

from benchmarks.measurement import Measurement, Ratio
from tasks.learning.loaders import Batches, bucketed_batches, padding_share
from tasks.recurrent.stack import RecurrentNetwork
from tasks.tagging.batches import BatchMaker
from tasks.tagging.decoders.softmax import SoftmaxDecoder
from tasks.tagging.network import Tagger
from tasks.text.tagged import TaggedText

# fmt: off
SENTENCES = (
    521, 625, 491, 368, 419, 446, 435, 430, 455, 471, 488, 475, 421, 438, 443, 409, 379, 373, 351, 356, 300, 314, 313,
    256, 213, 216, 177, 180, 181, 135, 136, 111, 119, 100, 78, 76, 87, 71, 77, 57, 54, 60, 37, 34, 32, 21, 22, 32, 23,
    23, 18, 25, 11, 12, 11, 7, 11, 7, 8, 11, 4, 10, 2, 4, 5, 11, 3, 8, 1, 5, 4, 4, 2, 4, 1, 4, 2, 0, 1, 1, 1, 0, 1, 0,
    2, 0, 0, 1, 2, 1, 1, 0, 0, 0, 2, 0, 1, 0, 1, 0, 0, 2, 0, 1,
)
# fmt: on
"""Training sentences of UD English EWT of 1, 2, 3, ... words, and :data:`LONGEST`."""
LONGEST = (135, 159)
VOCABULARY, TAGS = 10_000, 17
EMBEDDING, HIDDEN, BATCH = 64, 128, 32


def measure_bucketing(*, repeats: int, batches: int) -> Measurement:
    """Tokens per second of both orders, over so many batches a turn; the first turn of each warms up."""
    torch.set_num_threads(1)
    text = random_text()
    maker, step = BatchMaker(text), build_step()
    orders = {"bucketed": bucketed, "random": shuffled}
    speeds: dict[str, list[float]] = {name: [] for name in orders}
    padding: dict[str, list[float]] = {name: [] for name in orders}
    for turn in range(repeats + 1):
        for name, order in orders.items():
            drawn = order(text, turn)
            padding[name].append(padding_share(text.lengths, drawn))
            speeds[name].append(tokens_per_second(maker, step, drawn[:batches]))
    ratios = tuple(a / b for a, b in zip(speeds["bucketed"][1:], speeds["random"][1:], strict=True))
    return Measurement(
        name=f"bidirectional LSTM-{HIDDEN}, lengths of UD English EWT",
        facts={
            "batches of a turn": batches,
            **{f"{name}, tokens per second": speeds[name][1:] for name in orders},
            **{f"{name}, share of padding": padding[name] for name in orders},
        },
        ratios=(Ratio(name="bucketed / random, tokens per second", repeats=ratios, goal=1.5, bound="at least"),),
    )


def sentence_lengths() -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The treebank's, from short to long, shape (12_544,)."""
    return np.concatenate([np.repeat(np.arange(1, len(SENTENCES) + 1), SENTENCES), LONGEST])


def random_text() -> TaggedText:
    """Sentences of these lengths, of random words and tags."""
    lengths, random = sentence_lengths(), np.random.default_rng(1)
    return TaggedText(
        words=random.integers(0, VOCABULARY, lengths.sum()).astype(np.int32),
        tags=random.integers(0, TAGS, lengths.sum()).astype(np.int32),
        groups=np.zeros(lengths.sum(), np.int8),
        begins=np.concatenate([[0], np.cumsum(lengths)]),
    )


def bucketed(text: TaggedText, epoch: int) -> Batches:
    """As the task `tagging` trains."""
    return bucketed_batches(text.lengths, size=BATCH, seed=1, epoch=epoch)


def shuffled(text: TaggedText, epoch: int) -> Batches:
    """Sentences in random order, cut into batches."""
    places = np.random.default_rng(epoch).permutation(len(text))
    return [places[begin : begin + BATCH] for begin in range(0, len(places), BATCH)]


class Step:
    """One optimizer step: forward, backward, update."""

    def __init__(self, tagger: Tagger) -> None:
        self._tagger = tagger
        self._optimizer = torch.optim.Adam(tagger.parameters(), fused=True)

    def __call__(self, maker: BatchMaker, sentences: np.ndarray[tuple[int], np.dtype[np.int64]]) -> int:
        """Learn from these sentences; gives their number of words."""
        batch = maker.make(sentences)
        self._optimizer.zero_grad()
        self._tagger.loss(batch).backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        return int(batch.lengths.sum())


def build_step() -> Step:
    """Of a network with fixed initial weights."""
    torch.manual_seed(1)
    recurrent = RecurrentNetwork(cell="lstm", inputs=EMBEDDING, hidden=HIDDEN, direction="bidirectional")
    decoder = SoftmaxDecoder(inputs=recurrent.outputs, tags=[str(tag) for tag in range(TAGS)])
    return Step(Tagger(vocabulary=VOCABULARY, embedding=EMBEDDING, recurrent=recurrent, decoder=decoder))


def tokens_per_second(maker: BatchMaker, step: Step, batches: Batches) -> float:
    """Real words, without padding, per second of training."""
    start = time.perf_counter()
    tokens = sum(step(maker, sentences) for sentences in batches)
    return tokens / (time.perf_counter() - start)
