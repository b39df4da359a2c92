"""Which trials begin with another one's final weights, and what must be trained for them beside the arms."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from unroll.contract import Settings, UserError, find_locations
from unroll.study._settings import dumped, without
from unroll.study.plan import Arm
from unroll.study.project import AnyTask

LONGEST_CHAIN = 20
"""More trials than begin with each other: whoever has a longer chain made a mistake."""

Sized = tuple[Arm, Settings]


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmStarts:
    """What the arms of a study begin with.

    Args:
        arms: the arms, each with the name of what it begins with.
        prepared: what they begin with that is no arm, in the same way.
    """

    arms: list[Sized]
    prepared: list[Sized]


def find_warm_starts(arms: Sequence[Sized], task: AnyTask, size: Callable[[str, Settings], Arm]) -> WarmStarts:
    """Look at what each arm begins with: another arm, or what has to be prepared, which may begin with a third.

    Args:
        arms: the arms of the study.
        task: whose :meth:`unroll.contract.Task.warm_start` says it.
        size: prepares the data of what is no arm, and counts it.

    Raises:
        UserError: arms begin with each other in a circle, or with what was trained on other data.
    """
    names = {_content(arm, settings, task): arm.name for arm, settings in arms}
    sized, begun, depths = list(arms), dict[str, str](), dict[str, int]()
    for arm, settings in sized:  # grows on the way
        if (start := task.warm_start(settings)) is None:
            continue
        content = _content(arm, start, task)
        if content not in names:
            prepared = size(f"preparation of {arm.name}", start)
            _refuse_other_data(arm, prepared)
            names[content] = prepared.name
            depths[prepared.name] = depths.get(arm.name, 0) + 1
            sized.append((prepared, start))
        begun[arm.name] = names[content]
        _refuse_endless(arm.name, begun, depths, task)
    named = [(arm.model_copy(update={"warm_start": begun.get(arm.name)}), settings) for arm, settings in sized]
    return WarmStarts(arms=named[: len(arms)], prepared=named[len(arms) :])


def in_order(begun: Mapping[str, str | None]) -> Iterator[str]:
    """Names, each after the one that it begins with: ``begun`` holds these, and no circle."""
    done = dict[str, None]()
    for name in begun:
        chain = [name]
        while (start := begun[chain[-1]]) is not None and start not in done:
            chain.append(start)
        done |= dict.fromkeys(reversed(chain))
    yield from done


def _content(arm: Arm, settings: Settings, task: AnyTask) -> tuple[str, str]:
    """What an id hashes, seeds aside."""
    return arm.fingerprint, json.dumps(without(dumped(settings), find_locations(task.settings)), sort_keys=True)


def _refuse_other_data(arm: Arm, start: Arm) -> None:
    if start.fingerprint != arm.fingerprint:
        raise UserError(
            "a trial must begin with the weights of one that was trained on the same data",
            where=f"arm '{arm.name}'",
            received=f"fingerprint {start.fingerprint}, its own is {arm.fingerprint}",
            advice="a task's warm_start gives settings with the same data",
        )


def _refuse_endless(arm: str, begun: Mapping[str, str], depths: Mapping[str, int], task: AnyTask) -> None:
    """Refuse an arm that begins with itself in the end, or what is prepared for something prepared without end."""
    where = f"{type(task).__module__.replace('.', '/')}.py: warm_start"
    if depths.get(arm, 0) == LONGEST_CHAIN:
        raise UserError(f"at most {LONGEST_CHAIN} trials may be prepared in a row", where=where)
    chain = [arm]
    while (start := begun.get(chain[-1])) is not None:
        chain.append(start)
        if start == arm:
            rule, circle = "trials cannot begin with each other in a circle", " -> ".join(chain)
            raise UserError(rule, where=where, received=circle)
