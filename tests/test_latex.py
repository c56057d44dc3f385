r"""TeX to Unicode: what is certain becomes readable, everything else stays as it was written."""

import re
import subprocess
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from notifier.papers.latex import to_unicode

MATHEMATICS = [
    (r"$n^{2-\varepsilon}$", "n²⁻ᵋ"),
    (r"$T^{-(1-1/\beta)}$", "T^(-(1-1/β))"),
    (r"$k\log d/\varepsilon^4$", "k log d/ε⁴"),
    (r"$\|x\|_2 \leq \frac{a+b}{c}$", "‖x‖₂ ≤ (a+b)/c"),
    (r"$\mathbb{R}^d$ \emph{uniformly}", "ℝᵈ uniformly"),
    (r"$\ell_1$ and $\ell_{\infty}$", "ℓ₁ and ℓ_∞"),
    (r"$\mathcal{O}(n)$, $\mathbf{x}$, $\mathfrak g$, $\mathbb{E}[X]$", "O(n), x, g, E[X]"),
    (r"$\sqrt{s_{NN}} = 5.02\,$TeV", "√(s_NN) = 5.02 TeV"),
    (r"$\sqrt2$, $\sqrt[3]{x+1}$", "√2, ³√(x+1)"),
    (r"$\frac12$, $\frac{1}{2}x$, $\frac{1}{2n}$, $x\frac{a}{b}$", "1/2, (1/2)x, 1/(2n), x(a/b)"),
    (r"$x^{1/2}$, $x_{ab}y$, $T_{eff}$, $x^*$, $x_y$", "x^(1/2), x_(ab)y, T_eff, x^*, x_y"),
    (r"$a_{b_{c}}$, $e^{-x^2}$, $f'(x)$, $30^\circ$C", "a_(b_c), e^(-x²), f′(x), 30°C"),
    (r"H$_2$O, $^{13}$C, the $n$th, M$^2$E", "H₂O, ¹³C, the nth, M²E"),
    (r"$64\times128$, $3 \times 10^{-5}$, $\sim 10$", "64×128, 3 × 10⁻⁵, ∼10"),
    (r"$1, \ldots, n$, $\alpha \leq \beta$, $\mu m$", "1, …, n, α ≤ β, μm"),
    (r"$\hat{x}_i$, $p\bar{p}$, $\not\in$, $\not=$", "x̂ᵢ, pp̄, ∉, ≠"),
    (
        r"$\max_{x\in X} f$, $\log\log n$, $\operatorname{sign}(x)$",
        "max_(x∈X) f, log log n, sign(x)",
    ),
    (r"$\{0,1\}^n$, $x \equiv 3 \pmod 4$, $\binom{n}{k}$", "{0,1}ⁿ, x ≡ 3 (mod 4), (n choose k)"),
    (r"\(O\!\left(\frac{2\ell}{q^2}\right)\) \[x \to y\] $$a=b$$", "O(2ℓ/q²) x → y a=b"),
    (r"$p(y \mid x; \boldsymbol\theta)$, $\text{if it's so}$", "p(y | x; θ), if it's so"),
    (r"the$ x $axis, $x$axis", "the x axis, xaxis"),
    (r"$50\%$ of $\$5$", "50% of $5"),
    ("$𝒪(𝑛)$", "O(n)"),
    (r"$f\colon\mathbb R^n\to\mathbb R$, $\pi^\bigstar$", "f:ℝⁿ→ℝ, π^★"),
    (r"an $8 \times $ zoom, $5 \pm $ 1", "an 8 × zoom, 5 ± 1"),
    (
        r"outputs$\unicode{x2013}$available, roles $\unicode{x2014}$ as",
        "outputs–available, roles — as",
    ),
]

PROSE = [
    (r"one-bit, 50\%, file_name_v2", "one-bit, 50%, file_name_v2"),
    (r"26.5% and improves by $2\times$", "26.5% and improves by 2×"),
    (r"\emph{a \textbf{b $x^2$} c} \texttt{d\_e} \textsc{f}", "a b x² c d_e f"),
    (r"{\em so} {\bf\it it} {\footnotesize is}", "so it is"),
    (r"Q\&A \#1 \$5 \{x\} 10\,GeV vs.\ 1", "Q&A #1 $5 {x} 10 GeV vs. 1"),
    (
        r"\href{https://a.org/b\_c}{here}, \url{https://a.org/b\_c}",
        "here (https://a.org/b_c), https://a.org/b_c",
    ),
    (r"$\href{https://a.org/b}{\texttt{a.org/b}}$", "https://a.org/b"),
    (r"at ${\href{https://a.org/b}{here}}$.", "at here (https://a.org/b)."),
    (r"at \href{https://a.org/b}. \href{}{x}", "at https://a.org/b. x"),
    (r"\hyperlink{a}{b} \scalebox{0.65}{c} \textcolor{red}{d}", "b c d"),
    (r"DSC~\cite{a--b,c} by \citet*{d} (ARC;~\citealp{e~f})", "DSC [a--b,c] by [d] (ARC; [e~f])"),
    (r"our \gls{DRL} \acf{x}", "our DRL x"),
    (r"\noindent These. \noindent So\newline it is", "These. So it is"),
    (r"one \textless EOS\textgreater loss", "one < EOS> loss"),
    (r"M\textsuperscript{4}Fuse\footnote{See $x^2$.}", "M⁴Fuse (See x².)"),
    (
        r"2.4\times faster, 0.9 \pm 0.1, {\lambda}D, \eg this",
        "2.4× faster, 0.9 ± 0.1, λD, e.g. this",
    ),
    (r"``so'' \emph{x} -- 2--7~GeV---or $x$~m", "“so” x – 2–7 GeV—or x m"),
    (r"weighted \k{appa}", "weighted κ"),  # as arXiv delivers a kappa
]

ACCENTS = [
    (r"Schr\"odinger", "Schrödinger"), (r"Erd\H{o}s--R\'enyi", "Erdős–Rényi"),
    (r"Erd{\H o}s", "Erdős"), (r"Paulo Andr\'e Lima", "Paulo André Lima"),
    (r"{\"U}ber Sch{\"o}n", "Über Schön"), (r"\c{C}elik \c c", "Çelik ç"),
    (r"\v{S}koda \v s \v{\j}", "Škoda š ǰ"), (r"Gau\ss, Stra{\ss}e", "Gauß, Straße"),
    (r"S\o ren \O{}rsted", "Søren Ørsted"), (r"\AA ngstr\"om \aa", "Ångström å"),
    (r"{\L}ukasz \l", "Łukasz ł"), (r"Mart\'{\i}nez Mart\'\i nez", "Martínez Martínez"),
    (r"Nguy\~{\^e}n \`a", "Nguyễn à"),
    (r"\~n \^o \=a \.z \u{g} \r{a} \k{a} \d{o}", "ñ ô ā ż ğ å ą ọ"),
    (r"Csisz{\' a}r", "Csiszár"),
]  # fmt: skip

KEPT = [
    "", "no TeX at all {GPT} -- ~x^2_y ``a''", "costs $5 per 1M tokens and $10 per 1M output",
    "between $5 and $10", "$5-$10, US$5/US$6, R$ 5 ou R$ 10", "only $5, or $x", "$HOME and $PATH",
    "a single $ sign", "$$", "$ $", r"trailing \ ".strip(), r"\method{} and \textbf alone",
    r"\label{a--b} in \ref{fig:x--y} \cite{} \unknown{a~b}",
    r"C:\pi and \\server", r"a pattern \d+\s*(\w)",
    r"don\'t, it\'s, we\'re", r"the \"open\" question, \"a", r"$x \unknown y$ -- z~w",
    r"$\unicode{xd800}$ $\unicode{x}$", r"\R, $\R$",
    r"$x_\text{\unknown}$", r"$\frac{x}$", r"$\sqrt$ $x}$",
    r"\[ \begin{cases} a \end{cases} \]", r"$\frac{a$", r"\( a \[ b", "$a\n\nb$", r"\"{xyz}",
    "\U000f0000 $x$",
]  # fmt: skip


@pytest.mark.parametrize(("text", "printed"), MATHEMATICS + PROSE + ACCENTS)
def test_tex_reads_as_it_would_print(text: str, printed: str) -> None:
    assert to_unicode(text) == printed


@pytest.mark.parametrize("text", KEPT)
def test_what_is_in_doubt_stays_as_written(text: str) -> None:
    assert to_unicode(text) == text


@pytest.mark.parametrize(("text", "printed"), MATHEMATICS + PROSE + ACCENTS)
def test_reading_twice_changes_nothing_more(text: str, printed: str) -> None:
    assert to_unicode(printed) == printed


def test_a_formula_beyond_the_limit_stays_as_written() -> None:
    assert to_unicode("$" + "x" * 2_000 + "$") == "x" * 2_000
    assert to_unicode("$" + "x" * 2_001 + "$") == "$" + "x" * 2_001 + "$"


def test_the_innermost_of_very_many_braces_are_read() -> None:
    assert to_unicode(r"\emph{" * 15 + "x" + "}" * 15) == "x"
    assert "x" in to_unicode(r"\emph{" * 500 + "x" + "}" * 500)


HOSTILE = ["$", "{", "}", "\\", "\\(", "\\[", "$$", "$a", "{\\em ", "\\emph{", '\\"{', "\\'", "``",
           "''", "--", "~", "\\cite{", "cite", "$1 ", "$\\frac{", "\\(\\text{", "{}", "{\\'a}",
           "$x$", "\\%", "http://", "\\sqrt", "^", "$^", "\\(a", "\\c ", " "]  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("unit", HOSTILE)
def test_a_hundred_kilobytes_of_one_sign_end(unit: str) -> None:
    for start in ("", "{\\"):
        assert isinstance(to_unicode(start + unit * (100_000 // len(unit))), str)


def test_a_text_with_very_many_formulas_keeps_them_all() -> None:
    assert to_unicode(r"$x_1$ " * 70_000) == "x₁ " * 70_000


plain_words = st.lists(st.text("abcdefgäßéλ$ .,{}%&#~^_-'`\n15", max_size=12), max_size=8)
pieces = st.sampled_from(
    ["$", "$$", "\\(", "\\)", "\\[", "\\]", "{", "}", "\\", "\\frac", "\\emph", "\\'", "\\c", "\\o",
     "\\text", "\\sqrt", "\\left", "\\alpha", "\\unknown", "^", "_", "~", "--", "``", "''", "%",
     " ", "a", "word", "5", "\n", "\\\\", "\\%", "\\{", "https://a.org/x\\_y", "\\href", "{\\em ",
     "é"]
)  # fmt: skip


@given(st.one_of(st.text(), st.lists(pieces, max_size=25).map("".join)))
def test_no_text_is_an_error(text: str) -> None:
    private = {character for character in to_unicode(text) if character >= "\U000f0000"}
    assert private <= set(text)


@given(plain_words.map(" ".join))
@example("$ $_a$")
def test_no_run_of_letters_outside_dollar_signs_is_lost(text: str) -> None:
    printed = to_unicode(text)
    outside = re.sub(r"\$(?!\s*\$)[^$]*(?:\$|\Z)", " ", text)  # nothing stands in "$ $"
    for word in re.findall(r"[^\W\d_]+", outside):
        assert word in printed


letters = st.text("abcdefgäßéλжΩłđ图", min_size=2, max_size=8)
tex = st.sampled_from(
    ["$x^2$", r"$\alpha \leq \beta$", r"\(n\)", "50%", r"50\%", "$5", "$10", "US$5", r"\emph{so}",
     "{", "}", "{\\em ", "\\emph{", "\\'", '\\"', "--", "---", "~", "``", "''", r"\unknown", "\\\\",
     "\\cite{a}", "\\cite{", r"\href{https://a.org}{b}", "&", "#", "$", "$$", r"\$", "\\[", "\\]",
     "\\(", r"\noindent", r"\textless", "(", ")", "\\footnote{", r"\url{https://a.org/x_y}"]
)  # fmt: skip


@settings(max_examples=400)
@given(st.lists(letters | tex, max_size=14))
def test_no_word_between_pieces_of_tex_is_lost_or_moved(pieces: list[str]) -> None:
    printed, at = to_unicode(" ".join(pieces)), 0
    for word in pieces:
        if word.isalpha():
            at = printed.find(word, at)
            assert at >= 0, word
            at += len(word)


amounts = st.builds("${}{}".format, st.integers(0, 99_999), st.sampled_from(["", ".50", "k", "M"]))
shares = st.builds("{}%".format, st.integers(0, 100) | st.sampled_from(["3.5", "99.9"]))
joiners = st.sampled_from([" ", " to ", " and ", " per call and ", ", ", " or even ", "-", " vs "])


@given(st.lists(st.tuples(joiners, amounts | shares), min_size=1, max_size=5), st.booleans())
def test_money_and_percentages_stay_as_written(sums: list[tuple[str, str]], tex: bool) -> None:
    text = "from" + "".join(joiner + value for joiner, value in sums)
    assert to_unicode(text) == text
    end = r" when $\alpha = 0.5$, \emph{so}" if tex else ""
    printed = text + (" when α = 0.5, so" if tex else "")
    assert to_unicode(text.replace("%", r"\%") + end) == printed


@given(st.lists(st.sampled_from(["tokens", "Straße", "naïve", "x1"]), min_size=1, max_size=8))
def test_words_in_text_commands_stay_apart_and_in_order(words: list[str]) -> None:
    assert to_unicode(" ".join(rf"\emph{{{word}}}" for word in words)).split() == words


def test_importing_does_not_load_pylatexenc() -> None:
    check = "import sys, notifier.papers.latex; sys.exit('pylatexenc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
