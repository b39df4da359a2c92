"""Professor forcing: its three losses, its gates, and that modes come together."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import logsigmoid

from tasks.remedies.free_running import run_free
from tasks.remedies.kinds import professor_forcing
from tasks.remedies.kinds.professor_forcing import ProfessorForcing
from tasks.remedies.kinds.teacher_forcing import TeacherForcing
from tests.remedies.conftest import END, HIDDEN, Tiny, examples_of, same

TARGETS = [(2, 3, 1, END), (3, END), (1, 1, END)]


def built(**options: float) -> ProfessorForcing:
    torch.manual_seed(0)
    remedy = ProfessorForcing(features=HIDDEN, discriminator=5, **options)
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
        remedy.discriminator.layers[2].weight.zero_()  # type: ignore[operator]
        remedy.discriminator.layers[2].bias.fill_(bias)  # type: ignore[operator]
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


def train(adversary: float) -> tuple[list[float], set[tuple[float, float]]]:
    """Distances between the modes' states and the gates' positions, update by update."""
    torch.manual_seed(1)
    tiny, remedy = Tiny(seed=4, batch=16), built(adversary=adversary)
    optimizer, own = torch.optim.Adam(tiny.parameters(), lr=0.01), torch.optim.Adam(remedy.parameters(), lr=0.02)
    distances, gates = list[float](), set[tuple[float, float]]()
    for update in range(120):
        found = remedy.objective(tiny, examples_of(*[TARGETS[row % 3] for row in range(16)], update=update))
        optimizer.zero_grad()
        found.loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        own.zero_grad()
        if found.own is not None:
            found.own.backward()  # type: ignore[no-untyped-call]
            own.step()
        distances.append(found.logged["state_distance"])
        gates.add((found.logged["discriminator_learns"], found.logged["discriminator_heard"]))
    return distances, gates


def test_both_gates_open_and_close_and_the_modes_come_together() -> None:
    alone, _ = train(0.0)
    together, gates = train(5.0)
    assert gates == {(1.0, 0.0), (1.0, 1.0), (0.0, 1.0)}
    assert sum(together[-30:]) < sum(alone[-30:]) / 3
    assert sum(together[-30:]) / 30 < sum(together[:10]) / 10 / 3
