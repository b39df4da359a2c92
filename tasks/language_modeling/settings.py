"""Settings of language models: the one home of every default."""

from __future__ import annotations

from typing import Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from tasks.decoding.decodings import DECODINGS
from tasks.decoding.settings import DecodingSettings
from tasks.learning.settings import LearnedSettings, ThroughTimeSettings
from tasks.named import refuse_unused
from tasks.recurrent.omega.settings import check_omega
from tasks.recurrent.settings import WIDEST, RecurrentSettings
from tasks.remedies.kinds import REMEDIES
from tasks.remedies.settings import PLAIN, RemedySettings
from tasks.text.embeddings import WordVectorSettings
from tasks.text.running import TextData
from unroll.contract import MEASUREMENT, UnusedSettings

Kind = Literal["recurrent", "window", "ngram"]


class Network(WordVectorSettings, RecurrentSettings):
    """The network: embedding, a stack of recurrent layers, an output layer over the vocabulary; or a baseline."""

    kind: Kind = Field(
        "recurrent",
        description="recurrent: reads all the text before; window: feed-forward, reads the order - 1 tokens before "
        "(Bengio et al. 2003); ngram: counts, Kneser-Ney smoothed. Each has settings of its own.",
    )
    order: int = Field(5, ge=1, le=20, description="Tokens of a window or an n-gram, with the one that is predicted.")
    direct: bool = Field(False, description="Windows: connect embeddings with the output layer directly too.")
    embedding: int | None = Field(
        None,
        ge=1,
        le=WIDEST,
        description="Size of a token's embedding; null: that of word_vectors, and without them as large as hidden.",
    )
    tie_weights: bool = Field(False, description="Use the embedding matrix as the output layer's matrix too.")
    direction: Literal["forward", "backward", "bidirectional"] = Field(
        "forward",
        json_schema_extra={"enum": ["forward"]},
        description="Order in which a sequence is read; a language model that read ahead would see what it predicts.",
    )

    @field_validator("direction")
    @classmethod
    def _reads_forward(cls, direction: str) -> str:
        if direction != "forward":
            raise ValueError("a language model must read forward: reading ahead would show it what it predicts")
        return direction

    @model_validator(mode="after")
    def _settings_are_those_of_the_kind(self) -> Self:
        refuse_unused(self, choice="kind", kinds=get_args(Kind), has=_settings_of)
        if self.kind == "window" and self.order < 2:
            raise ValueError(f"order must be at least 2 for kind window, received {self.order}")
        return self

    @model_validator(mode="after")
    def _tied_sizes_agree(self) -> Self:
        if self.tie_weights and self.embedding not in (None, self.hidden):
            raise ValueError(
                f"tie_weights needs embedding equal to hidden, received embedding {self.embedding} "
                f"and hidden {self.hidden}; leave embedding out"
            )
        if self.tie_weights and self.connections == "skip" and self.depth > 1:
            raise ValueError(
                "tie_weights needs outputs of size hidden, and connections skip gives depth times as many, "
                f"received depth {self.depth}"
            )
        return self

    @model_validator(mode="after")
    def _tied_weights_are_learned(self) -> Self:
        if self.tie_weights and self.word_vectors_use == "frozen":
            raise ValueError(
                "tie_weights and word_vectors_use frozen exclude each other: the output layer would never learn a word"
            )
        return self


def _settings_of(kind: str) -> set[str]:
    if kind == "ngram":
        return {"order"}
    both = {"tie_weights", *WordVectorSettings.model_fields}
    if kind == "window":
        return both | {"hidden", "dropout", "initialization", "initialization_scale", "order", "direct"}
    return both | RecurrentSettings.model_fields.keys()


class Training(RemedySettings, ThroughTimeSettings):
    """Truncated back-propagation through time over contiguous columns of the training text."""

    batch_size: int = Field(32, ge=1, le=WIDEST, description="Columns that the training text is cut into.")
    accumulate: int = Field(
        1, ge=1, le=WIDEST, description="Windows of bptt steps whose mean gradient makes an optimizer step."
    )
    bptt: int = Field(
        20, ge=1, le=WIDEST, description="Steps that the gradient goes back; the state is carried further."
    )
    reduction: Literal["token_mean", "time_sum"] = Field(
        "token_mean",
        description="Loss: mean over tokens, or sum over the steps of a window and mean over columns (Zaremba).",
    )
    evaluation_batch_size: int = Field(
        1,
        ge=1,
        le=WIDEST,
        json_schema_extra={MEASUREMENT: True},
        description="Columns that held-out text is cut into; 1: every token sees all the text before it. "
        "The same for all arms.",
    )
    completions: int | None = Field(
        None,
        ge=1,
        le=100,
        json_schema_extra={MEASUREMENT: True},
        description="Words of the list that a writer chooses from: with it the test text is scored as it would be "
        "completed, too; null: it is not. The same for all arms.",
    )
    exposure_bias: int | None = Field(
        None,
        ge=1,
        le=WIDEST,
        json_schema_extra={MEASUREMENT: True},
        description="Prefixes from the test text, and as many of the model's own, behind which it is compared: its "
        "exposure bias; null: it is not measured. The same for all arms.",
    )


class LanguageModelingSettings(LearnedSettings):
    """Everything that a study can set about a language model."""

    data: TextData = Field(default_factory=TextData, description="The text.")
    network: Network = Field(default_factory=Network, description="The network.")
    training: Training = Field(default_factory=Training, description="How it learns.")

    @model_validator(mode="after")
    def _training_goes_with_the_kind(self) -> Self:
        for name in ("omega", "diagnose_every"):
            value = getattr(self.training, name)
            if value is not None and self.network.kind != "recurrent":
                rule = f"{name} needs kind recurrent, received {value} for kind {self.network.kind}"
                raise UnusedSettings(rule, unused=[f"training.{name}"], choice="network.kind")
        return self

    @model_validator(mode="after")
    def _remedy_is_of_running_text(self) -> Self:
        training, network = self.training, self.network
        if (remedy := training.remedy) == PLAIN:
            return self
        if network.kind != "recurrent":
            rule = f"remedy needs kind recurrent, received {remedy} for kind {network.kind}"
            raise UnusedSettings(rule, unused=["training.remedy"], choice="network.kind")
        if not REMEDIES.find(remedy).of_running_text:
            fit = [name for name in REMEDIES.names() if REMEDIES.find(name).of_running_text]
            raise ValueError(
                f"a remedy of running text, which is cut into windows, must do without whole sentences, received "
                f"training.remedy {remedy}; choose among {', '.join(fit)}"
            )
        for name, plain in (("omega", None), ("reduction", "token_mean")):
            if (value := getattr(training, name)) != plain:
                raise ValueError(f"training.{name} {value} is for teacher forcing, received remedy {remedy}")
        given = [name for name in ("recurrent_dropout",) if getattr(network, name)]
        given += ["dropout_kind locked"] if network.dropout and network.dropout_kind == "locked" else []
        if given:
            raise ValueError(
                f"network.{' and network.'.join(given)} would keep one mask for a window; with remedy {remedy} the "
                "network takes its steps one by one: leave it out, or use dropout and zoneout, which are drawn at each"
            )
        return self

    @model_validator(mode="after")
    def _omega_has_its_network(self) -> Self:
        if self.training.omega is not None:
            check_omega(self.network)
        return self


class WritingSettings(DecodingSettings):
    """How a trained language model goes on with a text."""

    method: str = Field(
        "sampling",
        json_schema_extra={"enum": list(DECODINGS.names())},
        description="How tokens are chosen: drawn, or those of a probable text.",
    )
    length: int | None = Field(
        None,
        ge=1,
        le=100_000,
        description="Most tokens that are written, the line's end among them; null: 40 words or 200 characters.",
    )
    unknown: Literal["forbidden", "allowed"] = Field(
        "forbidden", description="Whether <unk>, which stands for no word in particular, may be written."
    )
