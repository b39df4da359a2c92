import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.text.formats.conllu import COLUMNS, Column, parse_conllu, parse_features
from unroll.contract import UserError

TREE = """\
# sent_id = 1
# text = Don't go
1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\t_
1\tDo\tdo\tAUX\tVBP\tMood=Imp\t3\taux\t3:aux\t_
2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t3:advmod\t_
3\tgo\tgo\tVERB\tVB\tVerbForm=Inf\t0\troot\t0:root\t_
3.1\tgo\tgo\tVERB\tVB\t_\t_\t_\t3:conj\t_

1\t_\t_\tPUNCT\t.\t_\t0\troot\t0:root\tSpaceAfter=No
"""


def row(number: str = "1", **cells: str) -> str:
    filled = dict.fromkeys(COLUMNS, "x") | {"id": number} | cells
    return "\t".join(filled[column] for column in COLUMNS)


def parse(*lines: str, columns: tuple[Column, ...] = ("form", "upos")) -> list[tuple[tuple[str, ...], ...]]:
    return parse_conllu(lines, columns=columns, where="tree")


def test_words_are_kept_and_ranges_empty_nodes_and_comments_skipped() -> None:
    assert parse(*TREE.split("\n")) == [(("Do", "AUX"), ("n't", "PART"), ("go", "VERB")), (("_", "PUNCT"),)]


def test_columns_are_chosen_by_name_in_the_order_asked_for() -> None:
    first, _ = parse(*TREE.split("\n"), columns=("head", "deprel", "id", "feats"))
    assert first == (("3", "aux", "1", "Mood=Imp"), ("3", "advmod", "2", "_"), ("0", "root", "3", "VerbForm=Inf"))


def test_empty_lines_around_sentences_do_no_harm() -> None:
    assert len(parse("", "", row(), "", "", "", row())) == 2
    assert parse() == parse("", "") == []


def test_quotes_and_words_with_a_space_are_words() -> None:
    assert parse(row(form='"'), row("2", form="20 000")) == [(('"', "x"), ("20 000", "x"))]


def test_an_empty_node_may_stand_before_the_first_word() -> None:
    assert len(parse(row("0.1"), row("1"))[0]) == 1


TEN = "a line must hold 10 columns with a tab between each two, or nothing"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([row(), "2\ttwo"], f"tree, line 2: {TEN} (received 2 columns); is it CoNLL-U?"),
        ([row(), " "], f"tree, line 2: {TEN} (received 1 columns); is it CoNLL-U?"),
        ([row().replace("\t", " ")], f"tree, line 1: {TEN} (received 1 columns); is it CoNLL-U?"),
        (
            [row(), "# late"],
            f"tree, line 2: {TEN} (received a comment inside a sentence); comments stand before a sentence's words",
        ),
        ([row(form="")], "tree, line 1: column form must not be empty; write _ for what is not known"),
        ([row(form=" ")], "tree, line 1: column form must not be empty; write _ for what is not known"),
        ([row(), row("2", upos="NOUN ")], "tree, line 2: column upos must not hold blanks (received 'NOUN ')"),
        (
            [row("one")],
            "tree, line 1: column id must be a word's number (3), a range of them (3-4) or an empty node's (8.1) "
            "(received 'one')",
        ),
        (
            ["", row("1"), row("3")],
            "tree, line 3: the words of a sentence must be numbered 1, 2, 3, ... without a gap "
            "(received 3 after 1 words); an empty line ends a sentence",
        ),
        (
            [row("1"), row("1")],
            "tree, line 2: the words of a sentence must be numbered 1, 2, 3, ... without a gap "
            "(received 1 after 1 words); an empty line ends a sentence",
        ),
        (
            [row(upos="_")],
            "tree, line 1: column upos must be filled for every word (received _); "
            "choose a column that this treebank has",
        ),
        (
            ["# alone", "", row()],
            "tree, line 1: a sentence must have a word; remove comments that no words follow",
        ),
        ([row("1.1")], "tree, line 1: the words of a sentence must be numbered"),
        ([row("2-3")], "tree, line 1: the words of a sentence must be numbered"),
    ],
)
def test_a_violation_is_told_with_its_line(lines: list[str], message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(*lines)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"head": "two"}, "tree, line 1: column head must be a word's number, or 0 (received 'two')"),
        (
            {"head": "2", "feats": "_"},
            "tree, line 1: column head must name a word of its sentence, or be 0 (received 2 in a sentence of 1 words)",
        ),
        (
            {"head": "0", "feats": "Number=A|B"},
            "tree, line 1: column feats must be Name=Value with a | between each two, or _ (received 'Number=A|B')",
        ),
    ],
)
def test_heads_and_features_are_checked_where_they_are_asked_for(cells: dict[str, str], message: str) -> None:
    assert len(parse(row(**cells))) == 1
    with pytest.raises(UserError) as caught:
        parse(row(**cells), columns=("head", "feats"))
    assert str(caught.value) == message


def test_features_have_names() -> None:
    assert parse_features("Number=Sing|Person=3") == {"Number": "Sing", "Person": "3"}
    assert parse_features("_") == {}


CELLS = st.sampled_from(["1", "2", "3", "1-2", "1.1", "0.1", "_", "x", "", "#", "٣", "1" * 5000, "-1", "\x85"])


@settings(deadline=None, max_examples=200)
@given(st.lists(st.one_of(st.text(), st.lists(CELLS, min_size=9, max_size=11).map("\t".join), st.just("")), max_size=8))
def test_any_lines_are_sentences_or_a_mistake_of_the_user(lines: list[str]) -> None:
    try:
        sentences = parse(*lines)
    except UserError as error:
        message = str(error)
    else:
        assert all(len(word) == 2 and all(word) for sentence in sentences for word in sentence)
        return
    assert all(line.startswith("tree, line ") for line in message.split("\n"))
