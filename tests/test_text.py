"""Words of a text: where they begin and end, and in which forms they meet."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from notifier.papers.text import (
    cased,
    compounds,
    fold,
    has_word,
    one_line,
    spelled_out,
    stem,
    tokens,
)


def words(text: str) -> list[str]:
    """Return the words of a text as written, for comparison."""
    return [token.written for token in tokens(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Scaling laws, again", ["Scaling", "laws", "again"]),
        ("GPT-4o beats k-NN", ["GPT", "4o", "beats", "k", "NN"]),
        ("C++ and C# but not c+", ["C++", "and", "C#", "but", "not", "c"]),
        ("C++20, C#7, ABC++", ["C++", "20", "C#", "7", "ABC"]),
        ("Alzheimer's, Alzheimer’s, ALZHEIMER'S", ["Alzheimer", "Alzheimer", "ALZHEIMER"]),
        ("don't", ["don", "t"]),
        ("snake_case", ["snake", "case"]),
        ("ε-greedy", ["ε", "greedy"]),
        ("深度学习 for NLP", ["深", "度", "学", "习", "for", "NLP"]),
        ("BERT模型", ["BERT", "模", "型"]),
        ("언어 모델", ["언", "어", "모", "델"]),
        ("التعلم العميق", ["التعلم", "العميق"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("Mu\u0308ller", ["Mu\u0308ller"]),
        ("\u0301\u0308", []),
        ("R² = 0.5", ["R²", "0", "5"]),
        ("… -- ?!", []),
        ("", []),
    ],
)
def test_a_word_is_a_run_of_letters_their_marks_and_digits(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.text())
def test_a_token_says_where_it_stands(text: str) -> None:
    end_before = 0
    for token in tokens(text):
        assert end_before <= token.start < token.end <= len(text)
        assert text[token.start : token.end].startswith(token.written)
        assert token.written.startswith(token.surface)
        end_before = token.end


@given(st.text())
def test_no_letter_and_no_digit_is_left_out_of_the_words(text: str) -> None:
    covered = {place for token in tokens(text) for place in range(token.start, token.end)}
    assert all(place in covered for place, char in enumerate(text) if char.isalnum())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Müller", "Muller"),
        ("Müller", "Mu\u0308ller"),
        ("naïve", "NAIVE"),
        ("Łukasz", "Lukasz"),
        ("Øystein", "oystein"),
        ("Đorđe", "dorde"),
        ("Æsir", "aesir"),
        ("straße", "STRASSE"),
        ("İstanbul", "istanbul"),
        ("ﬁne", "fine"),
        ("ＧＰＴ", "gpt"),
        ("n²", "n2"),
        ("ϵ", "ε"),
        ("ℓ₁", "l1"),
        ("مُحَمَّد", "محمد"),
    ],
)
def test_two_ways_of_writing_fold_to_one(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"), [("ガン", "カン"), ("कि", "क"), ("क्त", "कत"), ("ड़", "ड")]
)
def test_marks_that_make_another_letter_are_kept(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("Müller", "Mueller"),
        ("Mu\u0308ller", "Mueller"),
        ("Öffner", "Oeffner"),
        ("Kähler–Größe", "Kaehler–Groeße"),
        ("Sørensen", "Soerensen"),
        ("TÜV-Prüfung", "TÜV-Pruefung"),
    ],
)
def test_an_umlaut_is_spelled_out_in_words_of_four_letters(written: str, spelled: str) -> None:
    assert spelled_out(written) == spelled


@pytest.mark.parametrize(
    "text", ["Mueller", "queue", "naïve", "Süd", "blü-dü", "Erdős", "深度学习"]
)
def test_what_holds_no_umlaut_and_what_is_short_is_not_spelled_out(text: str) -> None:
    assert spelled_out(text) is None


@given(st.text())
def test_what_is_spelled_out_is_so_at_once_and_only_by_its_umlauts(text: str) -> None:
    spelled = spelled_out(text)
    if spelled is not None:
        assert any(char in "äöüøÄÖÜØ" for char in unicodedata.normalize("NFC", text))
        assert spelled_out(spelled) is None
        assert [t.hyphen for t in tokens(spelled)] == [
            t.hyphen for t in tokens(unicodedata.normalize("NFC", text))
        ]


def test_case_is_compared_without_regard_to_the_width_of_letters() -> None:
    assert cased("ＧＰＴ") == cased("𝐆𝐏𝐓") == cased("GPT")
    assert cased("GPT") != cased("Gpt")


@given(st.text())
def test_a_text_has_a_word_where_a_word_can_be_cut(text: str) -> None:
    assert has_word(text) == bool(words(text))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("networks", "network"),
        ("tuning", "tuned"),
        ("studies", "study"),
        ("llms", "llm"),
        ("gpus", "gpu"),
        ("cnns", "cnn"),
        ("analyses", "analysis"),
        ("hypotheses", "hypothesis"),
        ("matrices", "matrix"),
        ("criteria", "criterion"),
        ("phenomena", "phenomenon"),
        ("modelling", "modeling"),
        ("mirnas", "mirna"),
        ("crises", "crisis"),
        ("theses", "thesis"),
        ("lenses", "lens"),
        ("buses", "bus"),
        ("optima", "optimum"),
        ("localization", "localised"),
        ("optimiser", "optimizers"),
        ("randomized", "randomisation"),
        ("generalizable", "generalizability"),
        ("surprisingly", "surprise"),
        ("advertisement", "advertising"),
        ("supervised", "supervision"),
        ("revised", "revision"),
        ("bimodality", "bimodal"),
        ("neighbourhoods", "neighborhood"),
        ("colour", "colors"),
        ("centre", "centers"),
    ],
)
def test_forms_of_one_word_have_one_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("thesis", "these"),
        ("basis", "base"),
        ("gas", "ga"),
        ("bus", "bu"),
        ("ets", "et"),
        ("lens", "length"),
        ("physics", "physical"),
        ("logistics", "logistic"),
        ("normalization", "normal"),
        ("authorization", "author"),
        ("tokenizer", "token"),
        ("prize", "prism"),
        ("multimodal", "multimode"),
        ("genera", "general"),
    ],
)
def test_words_that_only_look_like_forms_of_one_stay_apart(one: str, other: str) -> None:
    assert stem(one) != stem(other)


@pytest.mark.parametrize("word", ["rag", "ids", "was", "gpt4s", "4os", "εs", "c++"])
def test_short_words_and_words_that_are_not_plain_letters_are_their_own_stem(word: str) -> None:
    assert stem(word) == word


@pytest.mark.parametrize(
    ("text", "written", "surface"),
    [
        ("LLMs", "LLMs", "LLM"),
        ("LLaMAs", "LLaMAs", "LLaMA"),
        ("GPT4s", "GPT4s", "GPT4"),
        ("mRNAs", "mRNAs", "mRNA"),
        ("lncRNAs", "lncRNAs", "lncRNA"),
        ("dLLMs", "dLLMs", "dLLM"),
        ("LLM's", "LLM", "LLM"),
        ("RAGs'", "RAGs", "RAG"),
        ("As", "As", "As"),
        ("Is", "Is", "Is"),
        ("iOS", "iOS", "iOS"),
        ("iPads", "iPads", "iPads"),
        ("Agents", "Agents", "Agents"),
    ],
)
def test_an_acronym_loses_its_plural_s_and_nothing_else_does(
    text: str, written: str, surface: str
) -> None:
    (token,) = tokens(text)
    assert (token.written, token.surface) == (written, surface)


@pytest.mark.parametrize("hyphen", ["-", "‐", "‑", "‒", "–", "−", "－"])
def test_every_hyphen_the_en_dash_and_the_minus_join_words(hyphen: str) -> None:
    assert [token.hyphen for token in tokens(f"fine{hyphen}tuning")] == [False, True]


@pytest.mark.parametrize("text", ["fine tuning", "fine - tuning", "fine -tuning", "fine--tuning"])
def test_what_is_not_one_hyphen_between_two_words_joins_nothing(text: str) -> None:
    assert not any(token.hyphen for token in tokens(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fine-tuning works", [(0, 2, "finetuning")]),
        ("we pre-train", [(1, 3, "pretrain")]),
        ("pre-training-free", [(0, 3, "pretrainingfree"), (0, 2, "pretraining"),
                               (1, 3, "trainingfree")]),
        ("a-b, c-d", [(0, 2, "ab"), (2, 4, "cd")]),
        ("Ångström–Müller", [(0, 2, "angstrommuller")]),
        ("no compound", []),
        ("", []),
    ],
)  # fmt: skip
def test_a_compound_is_given_as_a_whole_and_in_neighbouring_pairs(
    text: str, expected: list[tuple[int, int, str]]
) -> None:
    assert list(compounds(list(tokens(text)))) == expected


SEEN_BY_NOBODY = "\x00\x07\x1b\x7f\x9f\xad\u061c\u200b\u200e\u202e\u2060\u2066\ufeff\U000e0041"
LINE_BREAKS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"


@pytest.mark.parametrize("char", SEEN_BY_NOBODY, ids=lambda char: f"U+{ord(char):04X}")
def test_one_line_takes_out_what_nobody_sees(char: str) -> None:
    assert one_line(f"fine{char}tuning") == "finetuning"


@pytest.mark.parametrize("char", LINE_BREAKS + "\t\x1f\xa0\u3000", ids=lambda c: f"U+{ord(c):04X}")
def test_one_line_makes_every_break_one_space(char: str) -> None:
    assert one_line(f" one{char}{char}line{char}") == "one line"


@pytest.mark.parametrize("text", ["می‌خواهم", "👩‍🔬 in the lab", "Grüße, naïve ε", "深度学习"])
def test_one_line_keeps_what_is_read(text: str) -> None:
    assert one_line(text) == text


def test_one_line_composes_letters() -> None:
    assert one_line("Mu\u0308ller") == "Müller"


CONTROLS = st.one_of(
    st.text(), st.text(st.sampled_from(SEEN_BY_NOBODY + LINE_BREAKS + " ab\u0308"))
)


@given(CONTROLS)
@example("a\x00 \x00b")
def test_one_line_leaves_no_control_no_break_and_no_double_space(text: str) -> None:
    line = one_line(text)
    assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in line)
    assert not any(unicodedata.bidirectional(char)[:2] in ("LR", "RL", "PD") for char in line)
    assert len(line.splitlines()) <= 1
    assert "  " not in line
    assert line == line.strip()


@given(CONTROLS)
def test_one_line_twice_changes_nothing(text: str) -> None:
    assert one_line(one_line(text)) == one_line(text)
