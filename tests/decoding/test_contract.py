"""What every file of decodings keeps to, as it is built without options."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from tasks.decoding.decoding import forbid
from tasks.decoding.decodings import DECODINGS
from tasks.decoding.settings import DecodingSettings
from tests.decoding.conftest import END, Small
from tests.decoding.test_decoding import close, only

LIMITS = torch.tensor([1, 6, 3, 2, 6])


@pytest.mark.parametrize("name", DECODINGS.names())
def test_hypotheses_have_the_models_scores_end_where_they_say_and_stay_within_their_limits(
    name: str, small: Small
) -> None:
    build: Any = DECODINGS.find(name)
    request = replace(small.request(5, 6), limits=LIMITS)
    found = build().decode(request)
    assert len(found) == 5
    for sentence, hypotheses in enumerate(found):
        assert hypotheses
        for one in hypotheses:
            score = small.score(request, sentence, one.tokens)
            assert math.isclose(one.log_probability, score, abs_tol=1e-9)
            assert END not in one.tokens[:-1]
            assert one.finished == (one.tokens[-1] == END)
            assert len(one.tokens) <= LIMITS[sentence]
            assert one.finished or len(one.tokens) == LIMITS[sentence]


@pytest.mark.parametrize("name", DECODINGS.names())
def test_a_sentence_is_decoded_alike_alone_and_in_a_batch_and_twice(name: str, small: Small) -> None:
    build: Any = DECODINGS.find(name)
    request = replace(small.request(5, 6), limits=LIMITS)
    together, again = build().decode(request), build().decode(request)
    alone = [build().decode(only(request, sentence))[0] for sentence in range(5)]
    assert all(map(close, together, alone))
    assert all(map(close, together, again))


@pytest.mark.parametrize("name", DECODINGS.names())
def test_what_may_not_be_written_is_never_written(name: str, small: Small) -> None:
    build: Any = DECODINGS.find(name)
    request = small.request(8, 12, end=None)
    found = build().decode(replace(request, step=forbid(request.step, [2])))
    assert all(math.isfinite(one.log_probability) for hypotheses in found for one in hypotheses)
    assert not any(2 in one.tokens for hypotheses in found for one in hypotheses)


@pytest.mark.parametrize("name", DECODINGS.names())
def test_its_options_are_settings(name: str) -> None:
    assert DECODINGS.options(name).keys() <= DecodingSettings.model_fields.keys() - {"method"}
