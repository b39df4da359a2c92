"""Names of the toy language that persons share with places, so that a tagger of entities must look around.

* *florence* and *jordan* are first names and places, *lincoln* and *jackson* last names and places; *florence lincoln*
  is a woman or a place of two words, as *virginia beach* or *san jose* are.
* ``in`` and ``from`` tell a place from the left. A question at the end tells from the right, however far:
  ``florence lincoln shines , does n't she ?`` (a woman) against ``... does n't it ?`` (a place).
* Elsewhere nothing tells: ``florence shines .`` has two derivations and two readings. So no tagger is right about all
  entities, and what the two words of a name are called must agree all the same.
"""

from __future__ import annotations

from typing import Final

FIRST_NAMES: Final = {
    "he": (("peter", "petro"), ("jordan", "jordo"), ("austin", "austo"), ("carlos", "karlo")),
    "she": (("mary", "mario"), ("florence", "floro"), ("sydney", "sidno"), ("nadia", "nado")),
}
LAST_NAMES: Final = (("smith", "ferar"), ("lincoln", "linkol"), ("jackson", "jakson"), ("york", "jorko"))
PLACES: Final = (
    (("florence",), ("florenzo",)),
    (("sydney",), ("sidneo",)),
    (("jordan",), ("jordano",)),
    (("lincoln",), ("linkolno",)),
    (("new", "york"), ("nov", "jorko")),
    (("florence", "lincoln"), ("florenzo", "linkolno")),
    (("jordan", "jackson"), ("jordano", "jaksono")),
    (("austin", "york"), ("austino", "jorko")),
    (("cairo",), ("kairo",)),
)
