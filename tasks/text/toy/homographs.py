"""Words of the toy language of which many have two parts of speech, so that a tagger must look around.

* *guard, walk, plant, ...* are nouns and verbs, and the plural of one looks like the singular of the other: after
  ``these`` or an adjective a noun, after the subject a verb. What stands to the left mostly tells.
* *light, secret, cold, ...* are adjectives and nouns. In front of a noun that is a verb too, only what stands to the
  right tells them apart, as in English garden paths: ``the light guards the king`` (noun, verb) and
  ``the light guards sleep`` (adjective, noun).
* *that* is also a determiner, and who knows a thing or knows ``that ...`` uses one verb: ``knows that dog`` against
  ``knows that the dog sleeps``.

A whole sentence still has one derivation, hence one part of speech for each of its words.
"""

from __future__ import annotations

from typing import Final

from tasks.text.toy import lexicon

NOUNS: Final = {
    "he": (
        ("guard", "guards", "gar"),
        ("cook", "cooks", "kuk"),
        ("guide", "guides", "gvid"),
        ("king", "kings", "rex"),
        ("man", "men", "vor"),
    ),
    "she": (
        ("nurse", "nurses", "nurs"),
        ("judge", "judges", "jud"),
        ("pilot", "pilots", "pilot"),
        ("queen", "queens", "ril"),
        ("woman", "women", "fen"),
    ),
    "it": (
        ("plant", "plants", "plan"),
        ("watch", "watches", "hor"),
        ("walk", "walks", "prom"),
        ("dance", "dances", "danz"),
        ("fall", "falls", "kasc"),
        ("love", "loves", "amor"),
        ("fear", "fears", "timor"),
        ("hope", "hopes", "esper"),
        ("light", "lights", "lum"),
        ("secret", "secrets", "sekret"),
        ("cold", "colds", "frid"),
        ("square", "squares", "kvad"),
        ("dog", "dogs", "kub"),
        ("house", "houses", "dak"),
    ),
}
VERBS: Final = {
    "INTRANSITIVE": (
        ("walks", "walk", "mar", 0),
        ("dances", "dance", "dan", 0),
        ("falls", "fall", "kad", 0),
        ("cooks", "cook", "kuir", 0),
        ("sleeps", "sleep", "dor", 0),
        ("waits", "wait", "per", 0),
    ),
    "TRANSITIVE": (
        ("guards", "guard", "gard", 0),
        ("guides", "guide", "gvidar", 0),
        ("nurses", "nurse", "flez", 0),
        ("judges", "judge", "jug", 0),
        ("plants", "plant", "plat", 0),
        ("watches", "watch", "reg", 0),
        ("knows", "know", "sav", 0),
        ("hears", "hear", "aud", 0),
        ("sees", "see", "vid", 0),
        ("follows", "follow", "sek", 0),
        ("loves", "love", "am", 1),
        ("fears", "fear", "tim", -1),
    ),
    "CLAUSAL": (
        ("knows", "know", "sav", 0),
        ("hears", "hear", "aud", 0),
        ("hopes", "hope", "esp", 0),
        ("thinks", "think", "pens", 0),
    ),
}
ADJECTIVES: Final = (
    ("light", "luma", 0),
    ("secret", "sekreta", 0),
    ("cold", "frida", 0),
    ("square", "kvadra", 0),
    ("old", "alta", 0),
    ("small", "mala", 0),
    ("clever", "saga", 1),
    ("cruel", "kruda", -1),
)
INVARIABLE: Final = {
    **lexicon.INVARIABLE,
    "DETERMINER:singular": (
        "DET",
        (("the", "lo"), ("this", "tis"), ("that", "tiu"), ("every", "omnis"), ("one", "un")),
    ),
}
