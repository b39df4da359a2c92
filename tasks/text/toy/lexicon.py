"""The words of the toy language and what they are in the other one.

Every table is written by hand. The other language is made up: its nouns and verbs are stems with an ending for number.
"""

from __future__ import annotations

from typing import Final

NOUNS: Final = {
    "he": (
        ("boy", "boys", "tam"),
        ("king", "kings", "rex"),
        ("man", "men", "vor"),
        ("uncle", "uncles", "ton"),
        ("waiter", "waiters", "garz"),
    ),
    "she": (
        ("girl", "girls", "mel"),
        ("queen", "queens", "ril"),
        ("woman", "women", "fen"),
        ("aunt", "aunts", "tel"),
        ("waitress", "waitresses", "gars"),
    ),
    "it": (
        ("dog", "dogs", "kub"),
        ("cat", "cats", "mir"),
        ("bird", "birds", "pil"),
        ("horse", "horses", "drum"),
        ("house", "houses", "dak"),
        ("garden", "gardens", "zel"),
        ("river", "rivers", "lim"),
        ("robot", "robots", "gok"),
        ("book", "books", "nus"),
        ("wagon", "wagons", "bur"),
    ),
}
"""By the pronoun of the singular: singular, plural, stem in the other language. The plural's pronoun is ``they``."""

VERBS: Final = {
    "INTRANSITIVE": (
        ("sleeps", "sleep", "dor", 0),
        ("sings", "sing", "kan", 0),
        ("waits", "wait", "per", 0),
        ("moves", "move", "mav", 0),
        ("laughs", "laugh", "rid", 0),
        ("falls", "fall", "kad", 0),
        ("shines", "shine", "lus", 0),
        ("vanishes", "vanish", "van", 0),
    ),
    "TRANSITIVE": (
        ("sees", "see", "vid", 0),
        ("follows", "follow", "sek", 0),
        ("finds", "find", "tro", 0),
        ("carries", "carry", "por", 0),
        ("watches", "watch", "reg", 0),
        ("needs", "need", "bez", 0),
        ("loves", "love", "am", 1),
        ("admires", "admire", "mirin", 1),
        ("praises", "praise", "laud", 1),
        ("hates", "hate", "od", -1),
        ("fears", "fear", "tim", -1),
        ("blames", "blame", "kulp", -1),
    ),
    "CLAUSAL": (
        ("thinks", "think", "pens", 0),
        ("says", "say", "dik", 0),
        ("knows", "know", "sav", 0),
        ("hopes", "hope", "esp", 0),
    ),
}
"""By what follows: nothing, an object, a clause with ``that``: singular, plural, stem, polarity."""

AUXILIARIES: Final = {
    "do": (("does", "fas"), ("do", "fanz")),
    "be": (("is", "estas"), ("are", "estanz")),
}
"""Singular and plural, each with its translation."""

ADJECTIVES: Final = (
    ("old", "alta", 0),
    ("young", "juna", 0),
    ("small", "mala", 0),
    ("tall", "longa", 0),
    ("red", "ruja", 0),
    ("quick", "rapa", 0),
    ("silent", "kalma", 0),
    ("wonderful", "mirinda", 1),
    ("kind", "bona", 1),
    ("clever", "saga", 1),
    ("lovely", "bela", 1),
    ("honest", "vera", 1),
    ("awful", "terura", -1),
    ("cruel", "kruda", -1),
    ("stupid", "stulta", -1),
    ("boring", "teda", -1),
    ("nasty", "aka", -1),
)
"""Word, translation, polarity."""

INVARIABLE: Final = {
    "DETERMINER:singular": ("DET", (("the", "lo"), ("this", "tis"), ("every", "omnis"), ("one", "un"))),
    "DETERMINER:plural": ("DET", (("the", "la"), ("these", "tiar"), ("many", "multar"), ("two", "duar"))),
    "MANNER": (
        "ADV",
        (
            ("loudly", "laute"),
            ("quietly", "kviete"),
            ("slowly", "lente"),
            ("suddenly", "subite"),
            ("gladly", "lete"),
            ("alone", "sole"),
        ),
    ),
    "FREQUENCY": ("ADV", (("often", "ofte"), ("never", "nunke"), ("always", "semper"), ("rarely", "rare"))),
    "VERY": ("ADV", (("very", "tre"),)),
    "PREPOSITION": (
        "ADP",
        (("near", "ape"), ("behind", "retro"), ("beside", "flanke"), ("above", "supre"), ("with", "kun")),
    ),
    "PLACE PREPOSITION": ("ADP", (("from", "de"), ("in", "en"))),
    "AND": ("CCONJ", (("and", "ed"),)),
    "WHEN": ("SCONJ", (("when", "kuan"),)),
    "THAT": ("SCONJ", (("that", "ke"),)),
    "RELATIVE": ("PRON", (("that", "kiu"),)),
    "NOT": ("PART", (("not", "ne"),)),
    "NT": ("PART", (("n't", "nek"),)),
    "COMMA": ("PUNCT", ((",", ","),)),
    "STOP": ("PUNCT", ((".", "."),)),
    "QUESTION MARK": ("PUNCT", (("?", "?"),)),
}
"""Symbol of the grammar: part of speech, then words with their translations."""

FIRST_NAMES: Final = {
    "he": (("peter", "petro"), ("john", "jono"), ("omar", "omaro"), ("carlos", "karlo")),
    "she": (("mary", "mario"), ("alice", "alis"), ("nadia", "nado"), ("ingrid", "ingri")),
}
LAST_NAMES: Final = (("smith", "ferar"), ("jones", "jonson"), ("silva", "silvar"), ("tanaka", "tanak"))
PLACES: Final = (
    (("paris",), ("parizo",)),
    (("cairo",), ("kairo",)),
    (("lima",), ("limao",)),
    (("oslo",), ("osla",)),
    (("new", "york"), ("nov", "jorko")),
    (("buenos", "aires"), ("bonaero",)),
    (("cape", "town"), ("kapo", "urbo")),
)
PRONOUNS: Final = {"he": "il", "she": "el", "it": "ol", "they": "ilar"}
