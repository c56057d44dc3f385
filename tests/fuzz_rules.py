"""Coverage-guided fuzzing of the rule language, run by hand; pytest does not collect this file.

    python3 -m venv /tmp/fuzz && /tmp/fuzz/bin/pip install atheris pystemmer
    mkdir -p /tmp/corpus && PYTHONPATH=. /tmp/fuzz/bin/python tests/fuzz_rules.py /tmp/corpus \
        -max_total_time=600 -max_len=1500 -timeout=2

Input is either plain text or, so that whole rules come about, numbers that choose from PIECES.
A failure leaves the input in `crash-…`; run the file again with that name to see its traceback.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["notifier"]):
    from notifier.papers.paper import Paper
    from notifier.profiles.hits import match
    from notifier.profiles.indexed import IndexedPaper
    from notifier.profiles.parser import parse
    from notifier.profiles.rules import format_rules
    from tests.builders import a_paper

PIECES = (
    "RAG", "agents", "LLMs", "fine-tuning", "fine tuning", "diffus*", "trending", "C++", "C#",
    "Müller's", "k-NN", "ε", "深度", "हिन्दी", "e\u0301", '"', '"deep learning"', "“x”", " ", " ",
    " ", "\n", "\r\n", "\u2028", "\t", " + ", " | ", " AND ", " OR ", " NOT ", " -", "-", "–", "(",
    ")", "-(", ") ", "^2", " ^0.5", "^", " ~5 ", "~", "+", "|", "*", "#", " # c", "title: ",
    "abstract:", "author: ", "cat: cs.*", "cat: ", "source: ", "org: ", "titel:", ":", " :", ",",
    ".", "\0", "\ud800", "x" * 300, "a|" * 100, "(a)\n" * 100,
)  # fmt: skip
PAPER: Paper = a_paper(
    "Fine-tuning LLMs with RAG: Müller's k-NN, ε-greedy agents in C++",
    "Deep learning–based retrieval, diffusion-models; 深度学习 हिन्दी. " * 3,
    authors=("Yann LeCun", "Müller, K. (x)", "深"),
    categories=("cs.CL", "q-bio.NC"),
    sources=("arxiv", "biorxiv-x"),
    organization="Qualcomm AI",
    trend=0.9,
)


def text_of(data: bytes) -> str:
    """Return the rules that `data` stands for."""
    provider = atheris.FuzzedDataProvider(data)
    if provider.ConsumeBool():
        return str(provider.ConsumeUnicode(sys.maxsize))
    pieces = []
    while provider.remaining_bytes():
        number = provider.ConsumeIntInRange(0, len(PIECES) + 3)
        pieces.append(PIECES[number] if number < len(PIECES) else provider.ConsumeUnicode(3))
    return "".join(pieces)


def check(data: bytes) -> None:
    """Raise where the language breaks a promise on what `data` stands for."""
    text = text_of(data)
    rules = parse(text)
    assert [line.typed for line in rules.lines] == text.splitlines()
    canonical = format_rules(rules)
    again = parse(canonical)
    assert again == rules
    assert format_rules(again) == canonical
    matched = match(rules, IndexedPaper(PAPER))
    assert match(again, IndexedPaper(PAPER)) == matched
    assert not matched or all(hit.words for hit in matched.hits)


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
