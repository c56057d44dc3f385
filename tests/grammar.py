"""Rules for properties: built as the grammar in `parser.py` says, and near misses of such rules."""

from __future__ import annotations

from hypothesis import strategies as st

WORDS = (
    "RAG", "LLMs", "agents", "fine-tuning", "Müller's", "k-NN", "C++", "GPT-4o", "U.S.", "naïve",
    "ε-greedy", "深度学习", "हिन्दी", "التعلم", "Erdős–Rényi", "localisation", "R&D", "3.5",
    "e\u0301",
)  # fmt: skip
SPACES = st.sampled_from([" ", " ", "  ", "\t", "\u00a0"])
BOTH = st.sampled_from([" + ", "+", " +", " AND "])
EITHER = st.sampled_from([" | ", "|", " OR "])
PIECES = (*'()|+-–~^*#:"“”. ', " AND ", " NOT ", "~5", "^2", "title:", "titel:", "\n", "\0", "a")


def words() -> st.SearchStrategy[str]:
    """Draw a word as typed: a known one, letters of any script, a prefix, or words in quotes."""
    plain = st.one_of(
        st.sampled_from(WORDS),
        st.text(st.characters(categories=("Ll", "Lo", "Nd")), min_size=1, max_size=6),
    )
    prefix = st.sampled_from(["diffus*", "fine-tun*", "Müll*", "GPT-4*", "深度学*"])
    quoted = st.lists(plain, min_size=1, max_size=3).map(lambda parts: f'"{" ".join(parts)}"')
    return st.one_of(plain, plain, prefix, quoted)


def phrases() -> st.SearchStrategy[str]:
    """Draw words that stand side by side."""
    return st.builds(str.join, SPACES, st.lists(words(), min_size=1, max_size=3))


def terms() -> st.SearchStrategy[str]:
    """Draw a rule without operators between terms."""
    near = st.builds("{} ~{} {}".format, phrases(), st.integers(1, 50), phrases())
    text = st.builds("{}: {}".format, st.sampled_from(["title", "abstract", "TITLE"]), phrases())
    meta = st.builds(
        "{}:{}".format,
        st.sampled_from(["author", "cat", "source", "org"]),
        st.sampled_from(
            ["cs.CL", " Yann LeCun", ' "AND (sons)"', " (x | y)", "arxiv", " LeCun, Y."]
        ),
    )
    other = st.sampled_from(["trending", "cat: cs.*", "title: (a + b | c)", "title: a ~3 b"])
    return st.one_of(phrases(), near, text, meta, other)


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Draw a rule made of others; whatever is excluded stands beside something wanted."""
    group = inner.map("({})".format)
    several = st.lists(group, min_size=2, max_size=3)
    return st.one_of(
        group,
        st.builds(str.join, BOTH, several),
        st.builds(str.join, EITHER, several),
        st.builds("{}{}{}".format, group, st.sampled_from([" -", " + -", " NOT "]), group),
        st.builds("{} ^{}".format, terms(), st.sampled_from(["2", "0.1", "10", "1.25", "1"])),
    )


def rules() -> st.SearchStrategy[str]:
    """Draw one rule that can be read, with or without a comment."""
    wanted = st.recursive(terms(), _combined, max_leaves=6)
    never = wanted.map("-({})".format)
    comment = st.sampled_from(["", "", " # why", "  #", " # a | (b"])
    return st.builds("{}{}".format, st.one_of(wanted, wanted, never), comment)


RULES = rules()


@st.composite
def near_misses(draw: st.DrawFn) -> str:
    """Draw a rule with a few places cut out, repeated or overwritten."""
    rule = draw(RULES)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(rule)))
        end = draw(st.integers(start, min(len(rule), start + 6)))
        repeated = rule[start:end] * draw(st.integers(0, 2))
        rule = rule[:start] + repeated + draw(st.sampled_from(("", *PIECES))) + rule[end:]
    return rule


def profiles() -> st.SearchStrategy[str]:
    """Draw the text of a profile, most of whose lines can be read."""
    return st.lists(st.one_of(RULES, near_misses()), max_size=4).map("\n".join)
