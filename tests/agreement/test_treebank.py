"""Subjects, verbs and attractors of treebanks, and the two forms of a verb."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.agreement.data import AgreementData, load
from tasks.agreement.forms import VerbForms
from tasks.agreement.readers.conllu import find_verbs
from tasks.agreement.treebank import COLUMNS, Word, count_attractors, find_agreements, read_tree
from tasks.text.formats.conllu import parse_conllu
from unroll.contract import UserError

FINITE = "Mood=Ind|Number={}|Person=3|Tense=Pres|VerbForm=Fin"


def tree(*words: str) -> list[Word]:
    """``form/lemma/upos/number/head/relation`` each; a verb's number is that of a finite form."""
    rows = []
    for word in words:
        form, lemma, upos, number, head, relation = word.split("/")
        finite = FINITE.format(number) if upos in ("VERB", "AUX") else f"Number={number}"
        rows.append((form, lemma, upos, finite if number else "_", head, relation))
    return read_tree(rows)


SLEEP = tree("dogs/dog/NOUN/Plur/2/nsubj", "sleep/sleep/VERB/Plur/0/root")
SLEEPS = tree("dog/dog/NOUN/Sing/2/nsubj", "sleeps/sleep/VERB/Sing/0/root")


def found(*words: str) -> list[tuple[int, int]]:
    return [(each.subject, each.verb) for each in find_agreements(tree(*words))]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["dogs/dog/NOUN/Plur/2/nsubj", "sleep/sleep/VERB/Plur/0/root"], [(0, 1)]),
        # the auxiliary, not the participle
        (["dogs/dog/NOUN/Plur/3/nsubj", "have/have/AUX/Plur/3/aux", "slept/sleep/VERB//0/root"], [(0, 1)]),
        (["dogs/dog/NOUN/Plur/3/nsubj:pass", "are/be/AUX/Plur/3/aux:pass", "seen/see/VERB//0/root"], [(0, 1)]),
        # the copula, not the predicate, which is a noun with a number
        (["dogs/dog/NOUN/Plur/3/nsubj", "are/be/AUX/Plur/3/cop", "food/food/NOUN/Sing/0/root"], [(0, 1)]),
        # a proper noun; a pronoun is none
        (["Mary/Mary/PROPN/Sing/2/nsubj", "sleeps/sleep/VERB/Sing/0/root"], [(0, 1)]),
        (["they/they/PRON/Plur/2/nsubj", "sleep/sleep/VERB/Plur/0/root"], []),
        # another relation, the subject of a clause, a verb before its subject, one without number
        (["dogs/dog/NOUN/Plur/2/obj", "sleep/sleep/VERB/Plur/0/root"], []),
        (["dogs/dog/NOUN/Plur/2/nsubj:outer", "sleep/sleep/VERB/Plur/0/root"], []),
        (["sleep/sleep/VERB/Plur/0/root", "dogs/dog/NOUN/Plur/1/nsubj"], []),
        (["dogs/dog/NOUN/Plur/2/nsubj", "slept/sleep/VERB//0/root"], []),
        # two that could carry the number
        (["x/x/NOUN/Plur/3/nsubj", "are/be/AUX/Plur/3/aux", "sleep/sleep/VERB/Plur/0/root"], []),
    ],
)
def test_a_subject_and_the_verb_that_carries_its_number(words: list[str], expected: list[tuple[int, int]]) -> None:
    assert found(*words) == expected


def test_attractors_are_nouns_between_of_the_other_number() -> None:
    words = tree(
        "king/king/NOUN/Sing/0/root",
        "dogs/dog/NOUN/Plur/7/nsubj",
        "Mary/Mary/PROPN/Sing/2/nmod",
        "cats/cat/NOUN/Plur/2/nmod",
        "he/he/PRON/Sing/2/nmod",
        "king/king/NOUN/Sing/2/nmod",
        "sleep/sleep/VERB/Plur/1/acl",
        "king/king/NOUN/Sing/7/obj",
    )
    (agreement,) = find_agreements(words)
    assert count_attractors(words, agreement) == 2


def test_the_two_forms_are_the_commonest_of_the_training_text() -> None:
    short = tree("dog/dog/NOUN/Sing/2/nsubj", "'s/sleep/VERB/Sing/0/root")
    forms = VerbForms([SLEEP, SLEEPS, SLEEPS, short])
    assert forms.find(SLEEP[1]) == forms.find(SLEEPS[1]) == ("sleeps", "sleep")
    assert forms.find(short[1]) is None, "another form than the commonest"
    assert VerbForms([SLEEP]).find(SLEEP[1]) is None, "the singular is unknown"


def test_a_verb_that_shows_no_number_is_left_out() -> None:
    """``The dog went``, ``the dogs went``: treebanks tell a number, which the form does not."""
    past = FINITE.replace("Pres", "Past")
    rows = [[("went", "go", "VERB", past.format(number), "0", "root")] for number in ("Sing", "Plur")]
    trees = [read_tree(row) for row in rows]
    assert all(VerbForms(trees).find(word) is None for (word,) in trees)


def test_first_and_second_person_are_no_forms_of_a_noun_s_verb() -> None:
    am = read_tree([("am", "be", "AUX", "Mood=Ind|Number=Sing|Person=1|Tense=Pres|VerbForm=Fin", "0", "root")])
    are = tree("are/be/AUX/Plur/0/root")
    assert VerbForms([am, are]).find(are[0]) is None


def test_verbs_are_counted_and_what_is_left_out_is_counted_too() -> None:
    disagrees = tree("dog/dog/NOUN/Sing/2/nsubj", "sleep/sleep/VERB/Plur/0/root")
    unknown = tree("dog/dog/NOUN/Sing/2/nsubj", "sings/sing/VERB/Sing/0/root")
    splits = find_verbs({"train": [SLEEP, SLEEPS], "test": [SLEEP, disagrees, unknown]})
    assert [len(sentence.verbs) for sentence in splits["test"].sentences] == [1, 0, 0]
    assert splits["test"].facts == {
        "subjects with a verb": 3,
        "verbs that disagree with their subject": 1,
        "verbs without two known forms": 1,
    }


def test_a_treebank_is_read_from_its_files(treebank: Path, tmp_path: Path) -> None:
    data = AgreementData(corpus="conllu", path=treebank, minimum_count=1)
    corpus = load(data, tmp_path / "cache")
    text, words = corpus.test, corpus.vocabulary.words
    assert [words[number] for number in text.words[: text.lengths[0]]] == ["The", "dogs", "near", "the", "king"]
    assert text.plural.tolist() == [True, False]
    assert text.distances.tolist() == [3, 0]
    assert text.attractors.tolist() == [1, 0]
    assert [tuple(words[form] for form in pair) for pair in text.forms] == [("sleeps", "sleep")] * 2
    assert corpus.fingerprint == load(data, tmp_path / "other cache").fingerprint
    assert corpus.facts["train share of plural verbs"] == 0.5
    assert corpus.facts["test sentences also in training"] == 2


def test_verbs_whose_forms_the_vocabulary_lacks_are_told(treebank: Path, tmp_path: Path) -> None:
    data = AgreementData(corpus="conllu", path=treebank, minimum_count=2)
    with pytest.raises(UserError, match="the train text must hold at least one verb whose two forms are known"):
        load(data, tmp_path / "cache")


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("\t6\tnsubj", "\tsix\tnsubj"),
        ("\t6\tnsubj", "\t7\tnsubj"),
        ("Number=Sing\t2", "Singular\t2"),
    ],
)
def test_a_mistake_in_a_tree_is_told_with_file_and_line(
    treebank: Path, tmp_path: Path, broken: str, message: str
) -> None:
    file = treebank / "xx-ud-train.conllu"
    file.write_text(file.read_text().replace(broken, message, 1))
    with pytest.raises(UserError, match=r"xx-ud-train\.conllu, line [25]: column (head|feats) must"):
        load(AgreementData(corpus="conllu", path=treebank), tmp_path / "cache")


def test_a_treebank_needs_a_path(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.path: corpus conllu needs a path"):
        load(AgreementData(corpus="conllu"), tmp_path)


WORDS = st.tuples(
    st.sampled_from(["a", "b", "B"]),
    st.sampled_from(["a", "A"]),
    st.sampled_from(["NOUN", "VERB", "AUX", "X"]),
    st.sampled_from([*map(FINITE.format, ("Sing", "Plur", "Dual")), "Number=Plur", "_", "Number", "=", "Number=|"]),
    st.sampled_from(["0", "1", "2", "3", "9", "-1", "x"]),
    st.sampled_from(["nsubj", "nsubj:pass", "aux", "cop", "root", ":"]),
)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.lists(WORDS, min_size=1, max_size=4), min_size=1, max_size=4))
def test_any_tree_has_verbs_with_a_subject_or_is_a_mistake_of_the_user(trees: list[list[tuple[str, ...]]]) -> None:
    lines = []
    for words in trees:
        for number, (form, lemma, upos, features, head, relation) in enumerate(words, start=1):
            lines.append("\t".join((str(number), form, lemma, upos, "_", features, head, relation, "_", "_")))
        lines.append("")
    try:
        read = [read_tree(rows) for rows in parse_conllu(lines, columns=COLUMNS, where="tree")]
    except UserError as error:
        message = str(error)
    else:
        for sentence in find_verbs({"train": read})["train"].sentences:
            for verb in sentence.verbs:
                assert sentence.words[verb.place] == verb.forms[verb.plural]
                assert 0 <= verb.attractors <= verb.distance < verb.place
        return
    assert message.startswith("tree, line ")


@pytest.mark.corpora
def test_english_web_treebank_has_verbs_with_attractors(corpora: Path, tmp_path: Path) -> None:
    corpus = load(AgreementData(corpus="conllu", path=corpora / "ud_en_ewt"), tmp_path)
    assert [corpus.facts[f"{split} verbs"] for split in ("train", "validation", "test")] == [2902, 378, 350]
    assert corpus.facts["test verbs with 1 attractors"] == 9
    pairs = {tuple(corpus.vocabulary.decode(pair)) for pair in corpus.train.forms}
    assert {("is", "are"), ("has", "have"), ("makes", "make"), ("was", "were")} <= pairs
