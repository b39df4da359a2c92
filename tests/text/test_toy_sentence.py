"""What is known about a sentence, against the plain tables of the lexicon."""

import re
from random import Random

import pytest

from tasks.text.toy import ToySentence, annotate, generate, lexicon, toy_grammar
from tasks.text.toy.derivation import draw
from tasks.text.toy.rules import Entry

PLURAL_NOUNS = {plural for rows in lexicon.NOUNS.values() for _, plural, _ in rows}
GENDERS = {singular: gender for gender, rows in lexicon.NOUNS.items() for singular, _, _ in rows} | {
    name: gender for gender, names in lexicon.FIRST_NAMES.items() for name, _ in names
}
PLURAL_VERBS = {row[1] for rows in lexicon.VERBS.values() for row in rows} | {"do", "are"}
POLARITIES = {row[0]: row[2] for row in lexicon.ADJECTIVES} | {
    form: row[3] for rows in lexicon.VERBS.values() for row in rows for form in row[:2]
}


@pytest.fixture(scope="module")
def sentences() -> list[ToySentence]:
    return generate(11, "annotations", 2000)


def test_a_stream_is_a_function_of_seed_and_name_and_can_be_prolonged() -> None:
    few, many = generate(1, "train", 20), generate(1, "train", 50)
    assert many[:20] == few
    assert generate(2, "train", 20) != few
    assert generate(1, "test", 20) != few


def test_every_word_is_annotated(sentences: list[ToySentence]) -> None:
    for sentence in sentences:
        assert len(sentence.words) == len(sentence.parts_of_speech) == len(sentence.entity_tags)
        assert sentence.words[-1] in (".", "?")
        assert sentence.log_probability < 0


def test_entities_are_the_names(sentences: list[ToySentence]) -> None:
    people = {first for names in lexicon.FIRST_NAMES.values() for first, _ in names}
    families = {last for last, _ in lexicon.LAST_NAMES}
    places = {words for words, _ in lexicon.PLACES}
    spans = set()
    for sentence in sentences:
        for place, (tag, part_of_speech) in enumerate(zip(sentence.entity_tags, sentence.parts_of_speech, strict=True)):
            assert (tag == "O") == (part_of_speech != "PROPN")
            if tag.startswith("B-"):
                more = re.match(rf"(?: I-{tag[2:]})*", " " + " ".join(sentence.entity_tags[place + 1 :]))
                assert more is not None
                spans.add((tag[2:], sentence.words[place : place + 1 + more[0].count("I-")]))
    assert {kind for kind, _ in spans} == {"PER", "LOC"}
    for kind, words in spans:
        if kind == "LOC":
            assert words in places
        else:
            assert words[0] in people
            assert set(words[1:]) <= families
            assert len(words) <= 2
    assert any(len(words) == 2 for kind, words in spans if kind == "LOC")


def test_sentiment_is_what_its_words_say_and_not_turns_the_next_around(sentences: list[ToySentence]) -> None:
    for sentence in sentences:
        total, sign = 0, 1
        for word in sentence.words:
            total += sign * POLARITIES.get(word, 0)
            sign = -1 if word == "not" else 1
        assert sentence.sentiment == ("positive" if total > 0 else "negative" if total < 0 else "neutral")
    assert {sentence.sentiment for sentence in sentences} == {"positive", "neutral", "negative"}


def test_subject_and_verb_agree_across_attractors(sentences: list[ToySentence]) -> None:
    numbers = {True: "plural", False: "singular"}
    for sentence in sentences:
        verb = sentence.words[sentence.verb_index]
        assert sentence.parts_of_speech[sentence.verb_index] in ("VERB", "AUX")
        assert sentence.subject_number == numbers[verb in PLURAL_VERBS], sentence
        subject = sentence.words[sentence.subject_index]
        pair = "and" in sentence.words[: sentence.verb_index]
        if not pair:
            assert sentence.subject_number == numbers[subject in PLURAL_NOUNS | {"they"}], sentence
        between = range(sentence.subject_index + 1, sentence.verb_index)
        nouns = [
            place
            for place in between
            if sentence.parts_of_speech[place] == "NOUN" or sentence.entity_tags[place].startswith("B-")
        ]
        others = [place for place in nouns if numbers[sentence.words[place] in PLURAL_NOUNS] != sentence.subject_number]
        assert sentence.attractors == len(others), sentence
    assert {0, 1, 2} <= {sentence.attractors for sentence in sentences}


def test_a_tag_names_gender_and_number_of_the_subject(sentences: list[ToySentence]) -> None:
    tagged = [sentence for sentence in sentences if sentence.words[-1] == "?"]
    assert len(tagged) > 500
    for sentence in tagged:
        auxiliary, nt, pronoun = sentence.words[-4:-1]
        subject = sentence.words[sentence.subject_index]
        verb = sentence.words[sentence.verb_index]
        assert nt == "n't"
        assert (auxiliary in ("do", "are")) == (sentence.subject_number == "plural")
        assert (auxiliary in ("is", "are")) == (verb in ("is", "are"))
        if sentence.subject_number == "plural":
            assert pronoun == "they"
        elif sentence.parts_of_speech[sentence.subject_index] == "PRON":
            assert pronoun == subject
        else:
            assert pronoun == GENDERS.get(subject, "it"), "a place is an it"


@pytest.mark.parametrize(
    ("words", "translation"),
    [
        (
            "when she sleeps , the boy admires the river that laughs .",
            "el doras kuan , lo tamo lo limo kiu ridas mirinas .",
        ),
        (
            "these houses that many wagons need sleep quietly , do n't they ?",
            "tiar dakoj kiu multar buroj bezanz kviete doranz , ilar nek fanz ?",
        ),
        (
            "two cruel girls know that this waitress shines quietly .",
            "duar meloj kruda ke tis garso kviete lusas savanz .",
        ),
        (
            "one horse that never fears many gardens in new york is not small .",
            "un drumo kiu multar zeloj nov jorko en nunke timas mala ne estas .",
        ),
        (
            "the queen in cairo says that two quick cats are small .",
            "lo rilo kairo en ke duar miroj rapa mala estanz dikas .",
        ),
    ],
)
def test_translations_worked_out_by_hand(words: str, translation: str) -> None:
    """Adjectives follow their nouns, prepositions their noun phrases, and verbs stand last."""
    found = next(sentence for sentence in generate(1, "train", 400) if " ".join(sentence.words) == words)
    assert " ".join(found.translation) == translation


def test_a_translation_has_the_translations_of_all_entries() -> None:
    random = Random(3)
    for _ in range(500):
        derivation = draw(toy_grammar(), random)
        expected = [word for leaf in derivation.leaves() for word in leaf.entry.translation]
        assert sorted(derivation.translation()) == sorted(expected)
        assert annotate(derivation).translation == derivation.translation()


def test_no_two_words_have_the_same_translation() -> None:
    entries = [rule for rules in toy_grammar().rules.values() for rule in rules if isinstance(rule, Entry)]
    originals = {
        entry.translation: {other.words for other in entries if other.translation == entry.translation}
        for entry in entries
    }
    assert all(len(words) == 1 for words in originals.values())
