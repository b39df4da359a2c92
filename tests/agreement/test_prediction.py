"""Numbers of verbs for lines of words: of the test text as many are right as the test counts."""

from typing import Any

import pytest
import torch

from tasks.agreement.task import Agreement
from tests.agreement.test_training import Toy, TrainerOf, settings_of
from unroll.contract import NewText, UserError


@pytest.mark.parametrize("network", [{}, {"kind": "window", "order": 3}])
def test_of_the_test_text_as_many_are_right_as_the_test_counts(
    network: dict[str, Any], toy: Toy, trainer_of: TrainerOf
) -> None:
    corpus, settings, task = toy(300), settings_of(network, epochs=2, learning_rate=1e-2), Agreement()
    module: Any = task.module(settings, corpus)
    module.initialise(0)
    trainer = trainer_of(epochs=2, limit_val_batches=0)
    trainer.fit(module, datamodule=task.data(settings, corpus, 0))
    (found,) = trainer.test(module, datamodule=task.data(settings, corpus, 0), verbose=False)
    text = corpus.test
    lines = [
        " ".join(corpus.vocabulary.decode(text.words[begin : begin + length]))
        for begin, length in zip(text.prefixes, text.lengths, strict=True)
    ]
    again = task.restored(settings, task.kept(settings, corpus))
    with torch.inference_mode():
        module.eval()
        whole = task.predict(settings, again, module, NewText(lines=lines, where="lines"))
        single = [task.predict(settings, again, module, NewText(lines=[line], where="lines"))[0] for line in lines[:9]]
        blank, unknown = task.predict(settings, again, module, NewText(lines=["", "xyzzy the"], where="lines"))
    right = [
        answer.text == ("plural" if plural else "singular") for answer, plural in zip(whole, text.plural, strict=True)
    ]
    assert sum(right) / len(right) == found["test/accuracy"]
    assert [answer.text for answer in single] == [answer.text for answer in whole[:9]]
    assert (blank.text, unknown.words, unknown.unknown) == ("", 2, 1)
    assert all(max(answer.probabilities, key=answer.probabilities.__getitem__) == answer.text for answer in whole)


def test_what_it_cannot_answer_is_told(toy: Toy) -> None:
    corpus, task = toy(60), Agreement()
    settings = settings_of({}, objective="language_model")
    with pytest.raises(UserError, match=r"training.objective: a trial of agreement answers lines where it was trained"):
        task.predict(settings, corpus, task.module(settings, corpus), NewText(lines=["the"], where="lines"))
    settings = settings_of({})
    with pytest.raises(UserError, match=r"--format: the trial's task reads plain lines alone \(received 'conllu'\)"):
        task.predict(
            settings, corpus, task.module(settings, corpus), NewText(lines=["the"], where="lines", format="conllu")
        )
