"""Professor forcing: its three losses, its gates, and that modes come together."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import logsigmoid

from tasks.remedies import professor_forcing
from tasks.remedies.free_running import run_free
from tasks.remedies.professor_forcing import ProfessorForcing
from tasks.remedies.teacher_forcing import TeacherForcing
from tests.remedies.conftest import END, HIDDEN, Tiny, examples_of, same

TARGETS = [(2, 3, 1, END), (3, END), (1, 1, END)]


def built(**options: float) -> ProfessorForcing:
    torch.manual_seed(0)
    remedy = ProfessorForcing(features=HIDDEN, discriminator=5, **options)  # type: ignore[arg-type]
    return remedy.double()


def test_losses_are_the_papers(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny, examples, remedy = (
        Tiny(batch=3),
        examples_of(*TARGETS),
        built(learns_below=1.0, heard_above=0.0, move_both=0.5),
    )
    monkeypatch.setattr(professor_forcing, "draw", lambda logits: torch.tensor([1, 2, 3]))
    found = remedy.objective(tiny, examples)
    teacher = tiny.read(tiny.embed(examples.inputs()), tiny.begin())
    free = run_free(tiny, examples, lambda logits: torch.tensor([1, 2, 3]), limit=4, stops=False).features
    likelihood = TeacherForcing(features=HIDDEN).objective(tiny, examples).loss
    for_teacher, for_free = (remedy.discriminator(one, examples.real) for one in (teacher, free))
    slow = likelihood - logsigmoid(for_free).mean() - 0.5 * (1 - for_teacher.sigmoid()).log().mean()
    own = -(logsigmoid(for_teacher) + (1 - for_free.sigmoid()).log()).mean()
    assert found.own is not None
    assert torch.allclose(found.loss, slow)
    assert torch.allclose(found.own, own)
    assert same(tiny.gradients(found.loss), tiny.gradients(slow))
    assert all(not gradient.any() for gradient in tiny.gradients(found.own)), "the discriminator's loss is its own"


def test_padding_and_length_tell_the_discriminator_nothing() -> None:
    remedy = built()
    features, real = torch.randn(4, 1, HIDDEN, dtype=torch.float64), torch.tensor([[True], [True], [False], [False]])
    other = torch.where(real.unsqueeze(2), features, torch.randn_like(features))
    assert torch.allclose(remedy.discriminator(features, real), remedy.discriminator(other, real))
    assert torch.allclose(remedy.discriminator(features[:2], real[:2]), remedy.discriminator(features, real))


@pytest.mark.parametrize(("bias", "accuracy"), [(50.0, 0.5), (-50.0, 0.5)])
def test_a_discriminator_that_guesses_is_not_heard_and_learns(bias: float, accuracy: float) -> None:
    tiny, examples, remedy = Tiny(batch=3), examples_of(*TARGETS), built()
    with torch.no_grad():
        remedy.discriminator.layers[2].weight.zero_()  # type: ignore[operator, union-attr]
        remedy.discriminator.layers[2].bias.fill_(bias)  # type: ignore[operator, union-attr]
    found = remedy.objective(tiny, examples)
    assert found.logged["discriminator_accuracy"] == accuracy
    assert (found.logged["discriminator_heard"], found.logged["discriminator_learns"]) == (0, 1)
    assert torch.allclose(found.loss, TeacherForcing(features=HIDDEN).objective(tiny, examples).loss)


def test_a_discriminator_that_is_always_right_is_heard_and_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny, examples, remedy = Tiny(batch=3), examples_of(*TARGETS), built()
    answers = iter([torch.full((3,), 5.0), torch.full((3,), -5.0), torch.full((3,), -5.0)])
    monkeypatch.setattr(remedy.discriminator, "forward", lambda features, real: next(answers).double())
    found = remedy.objective(tiny, examples)
    assert found.own is None
    assert (found.logged["discriminator_heard"], found.logged["discriminator_learns"]) == (1, 0)


def test_both_gates_are_passed_and_the_modes_come_together() -> None:
    """A model whose free states are far from its teacher-forced ones, pulled together within some updates."""
    torch.manual_seed(1)
    tiny = Tiny(seed=4, batch=32)
    targets = [TARGETS[row % 3] for row in range(32)]
    distances = {}
    for weight in (0.0, 1.0):
        tiny, remedy = Tiny(seed=4, batch=32), built(adversary=weight)
        optimizer = torch.optim.Adam(tiny.parameters(), lr=0.01)
        own = torch.optim.Adam(remedy.parameters(), lr=0.01)
        seen, gates = [], set()
        for update in range(300):
            found = remedy.objective(tiny, examples_of(*targets, update=update))
            optimizer.zero_grad()
            found.loss.backward()
            optimizer.step()
            own.zero_grad()
            if found.own is not None:
                found.own.backward()
                own.step()
            seen.append(found.logged["state_distance"])
            gates.add((found.logged["discriminator_learns"], found.logged["discriminator_heard"]))
        distances[weight] = sum(seen[-50:]) / 50
        assert (1.0, 1.0) in gates
        assert (1.0, 0.0) in gates
    assert distances[1.0] < 0.5 * distances[0.0], distances
