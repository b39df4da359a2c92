"""State and word are compared as they are."""

from __future__ import annotations

from typing import final

from torch import Tensor

from tasks.encoder_decoder.attention import Attention


@final
class Dot(Attention):
    """``score(s, h) = s^T h`` (Luong et al. 2015, arXiv 1508.04025, equation 8); both have the same size.

    Raises:
        ValueError: they have not.
    """

    def __init__(self, *, queries: int, features: int) -> None:
        super().__init__()
        if queries != features:
            raise ValueError(
                f"attention dot compares a decoder's state and an encoder's output as they are: they must have the "
                f"same size, received {queries} and {features}; attention general compares any two"
            )
        self._features = features

    def keys(self, values: Tensor) -> Tensor:
        """The encoder's outputs."""
        return values

    def scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        """See :meth:`Attention.scores`."""
        return queries @ keys.transpose(1, 2)  # (batch, target, source)

    def operations_per_source_word(self) -> int:
        """The product, and the context."""
        return 4 * self._features
