"""The toy language: an unambiguous probabilistic grammar of English-like sentences, and its translation."""

from tasks.text.toy.dialects import Dialect
from tasks.text.toy.forms import verb_forms
from tasks.text.toy.grammar import toy_grammar
from tasks.text.toy.prefixes import Beginning, NextWord
from tasks.text.toy.sentence import ToySentence, annotate, endless, generate
from tasks.text.toy.sizes import TOY_PLACES, split_sizes

__all__ = [
    "TOY_PLACES",
    "Beginning",
    "Dialect",
    "NextWord",
    "ToySentence",
    "annotate",
    "endless",
    "generate",
    "split_sizes",
    "toy_grammar",
    "verb_forms",
]
