r"""One formula's TeX to Unicode text: `n^{2-\varepsilon}` to `n²⁻ᵋ`.

Pure. Raises LookupError at a name or a shape that is not known; the caller keeps the source.
Braces are read from the innermost outwards. What is finished waits in a list and leaves one
private-use character behind, so that every argument is a single character. Names of symbols
are pylatexenc's, loaded at the first use.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import cache

MARKS = {
    '"': "\u0308", "'": "\u0301", "`": "\u0300", "^": "\u0302", "~": "\u0303", "=": "\u0304",
    ".": "\u0307", "c": "\u0327", "H": "\u030b", "k": "\u0328", "b": "\u0331", "d": "\u0323",
    "r": "\u030a", "u": "\u0306", "v": "\u030c", "hat": "\u0302", "widehat": "\u0302",
    "tilde": "\u0303", "widetilde": "\u0303", "bar": "\u0304", "overline": "\u0304",
    "dot": "\u0307", "ddot": "\u0308", "vec": "\u20d7", "not": "\u0338",
}  # fmt: skip
_THIN = "\u2009"  # a space that was asked for, until its formula is finished
_SYMBOLS = {  # where pylatexenc has none or another one
    **{word: word for word in ("argmin", "argmax", "Pr", "gcd", "det", "dim", "ker", "arg", "mod")},
    **dict.fromkeys([*",;:> ", "quad", "qquad"], _THIN), "!": "", "degree": "°", "prime": "′",
    "eg": "e.g.", "ie": "i.e.", "|": "‖", "bmod": "mod", "ne": "≠", "iff": "⇔", "implies": "⇒",
    "land": "∧", "lor": "∨", "lnot": "¬", "gets": "←", "bot": "⊥", "textasciicircum": "^",
    "textless": "<", "textgreater": ">", "colon": ":", "bigstar": "★", "Re": "Re", "Im": "Im",
}  # fmt: skip
_SCRIPTS = {
    "^": str.maketrans(
        "0123456789+-=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVWβγδεϵθφϕχ⊤′∘",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵝᵞᵟᵋᵋᶿᵠᵠᵡᵀ′°",
    ),
    "_": str.maketrans("0123456789+-=()aehijklmnoprstuvxβγρφϕχ",
                       "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵩᵪ"),
}  # fmt: skip
_DOUBLE_STRUCK = str.maketrans("CHNPQRZ", "ℂℍℕℙℚℝℤ")  # the others lie beyond the BMP
_DEEPEST = 20  # nested groups; four is the most seen in 14,318 abstracts
KEPT = re.compile("[\U000f0000-\U000fffff]")
_GROUP = re.compile(r"\{([^{}]*)\}")
_CODE = re.compile(r"\\unicode *\{x((?![dD][89a-fA-F])[0-9a-fA-F]{2,4})\}")  # MathJax's
_TEXT = re.compile(r"\\(?:text\w*|mbox) *\{([^{}]*)\}")
SWITCH = re.compile(
    r"(?:\s*\\(?:em|it|bf|sc|tt|sl|rm|sf|\w+series|\w+shape|\w*small|footnotesize|tiny)\b\s*)+"
)
_DROPPED = re.compile(  # in mathematics: the command goes, its argument stays
    r"\\(?:left|right) *\.|\\(?:math(?!bb)[a-z]+|[bB]igg?[lrm]?|left|right|middle|boldsymbol|bm"
    r"|pmb|displaystyle|textstyle|limits|nolimits|ensuremath|smash|underline|rm|bf|it|cal|tiny)"
    r"(?![A-Za-z]) *"
)
_NAME = re.compile(r"\\([A-Za-z]+|.)( *)")
_STRUCTURE = re.compile(
    r"\\(?:([tdcs]?frac|nicefrac|binom) *([^\\\[]) *([^\\\[])"
    r"|(mathbb|operatorname\*?|sqrt(?:\[\d\])?|pmod|(?:wide)?(?:hat|tilde)|bar"
    r"|overline|d?dot|vec|not)(?![A-Za-z]) *([^\\\[]))"
)
_SCRIPT = re.compile(r" *([\^_]) *([^\\^_])")
_TOP = re.compile(r"[√∂∇]?\w+|\([^()]*\)")
_BOTTOM = re.compile(r"[√∂∇]?(?:\d+|[^\W\d]+)|\([^()]*\)")
_CROWD_BEFORE = re.compile("[\\w)\U000f0000-\U000fffff]")
_CROWD_AFTER = re.compile("[\\w(∑∏∫√\U000f0000-\U000fffff]")


@cache
def symbols() -> dict[str, str]:
    from pylatexenc.latex2text import get_default_latex_context_db

    wanted = ["latex-base", "advanced-symbols"]
    table = get_default_latex_context_db().filter_context(keep_categories=wanted)
    known: dict[str, str] = {}
    for spec in table.iter_macro_specs():
        if isinstance(spec.simplify_repl, str) and not re.search(r"[%\d]", spec.simplify_repl):
            known.setdefault(spec.macroname, spec.simplify_repl)
    return known | _SYMBOLS


def accented(mark: str, letter: str) -> str:
    dotted = letter.translate({0x131: "i", 0x237: "j"})
    return unicodedata.normalize("NFC", dotted + MARKS[mark])


class Reader:
    """Holds finished pieces: what each says as an argument, and what it says alone."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, str]] = []

    def keep(self, piece: str, alone: str | None = None) -> str:
        alone = piece if alone is None else alone
        if len(self.kept) > 0xFFF0:  # no private-use characters left
            return alone
        self.kept.append((piece, alone))
        return chr(0xF0000 + len(self.kept) - 1)

    def argument(self, mark: str) -> str:
        return self.kept[ord(mark) - 0xF0000][0] if KEPT.match(mark) else mark

    def restore(self, text: str) -> str:
        return KEPT.sub(lambda m: self.restore(self.kept[ord(m[0]) - 0xF0000][1]), text)

    def nested(self, text: str, group: Callable[[re.Match[str]], str]) -> str:
        for _ in range(_DEEPEST):
            text, count = _GROUP.subn(group, text)
            if not count:
                break
        return text


class Formula(Reader):
    """Reads one formula; `text_mode` reads what stands in its `\\text{…}`."""

    def __init__(self, text_mode: Callable[[str], str]) -> None:
        super().__init__()
        self.text_mode = text_mode

    def read(self, source: str) -> str:
        text = " ".join(source.split())
        text = _TEXT.sub(lambda m: self.keep(self.text_mode(SWITCH.sub("", m[1]))), text)
        text = re.sub(r"\\([\\%&_#${}])", lambda m: self.keep(m[1].replace("\\", _THIN)), text)
        text = _CODE.sub(lambda m: self.keep(chr(int(m[1], 16))), text)
        text = _DROPPED.sub("", text).translate({39: "′", 126: _THIN, 38: " "})
        text = self.nested(text, lambda m: self.keep(self.flat(m[1]).strip(" ")))
        if "{" in text or "}" in text:
            raise LookupError(text)
        text = re.sub(f"[ {_THIN}]+", " ", self.restore(self.flat(text)))
        if "\\" in text:
            raise LookupError(text)
        return "".join(c if c < "\U00010000" else unicodedata.normalize("NFKC", c) for c in text)

    def flat(self, text: str) -> str:
        text = _STRUCTURE.sub(self.structure, _NAME.sub(self.name, text))
        return _SCRIPT.sub(self.script, text)

    def name(self, found: re.Match[str]) -> str:
        symbol, (before, following) = symbols().get(found[1]), neighbours(found)
        if symbol is None or symbol in (_THIN, ""):
            return found[0] if symbol is None else symbol
        if before in ("^", "_"):
            return self.keep(symbol) + (found[2] if symbol[1:] else "")
        if symbol[1:]:
            return _set_off(found, symbol)
        if symbol.isalpha():
            return symbol + ("" if following.isalnum() else found[2])
        kind = unicodedata.category(symbol)
        tight = before != " " or kind == "Ps" or symbol in "∂∇√∀∃¬"
        if tight or not following or following in "_^,.;:)]":
            return symbol
        return symbol + (" " if found[2] or kind == "Sm" else "")

    def structure(self, found: re.Match[str]) -> str:
        name, one = found[1] or found[4], self.restore(self.argument(found[2] or found[5]))
        if name == "binom":
            return self.keep(f"({one} choose {self.restore(self.argument(found[3]))})")
        if found[1]:
            return self.keep(self.fraction(found, one, self.restore(self.argument(found[3]))))
        if name.startswith("operatorname"):
            return _set_off(found, one)
        if name == "mathbb":
            return self.keep(one.translate(_DOUBLE_STRUCK))
        if name == "pmod":
            return f" (mod {one})"
        if name.startswith("sqrt"):
            root = name[5:6].translate(_SCRIPTS["^"]) + "√"  # \sqrt[3]{x}
            return self.keep(root + (one if len(one) == 1 else f"({one})"))
        return self.keep(accented(name, one) if len(one) == 1 else one)

    def fraction(self, found: re.Match[str], top: str, bottom: str) -> str:
        """Write `a/b` so that it cannot be misread next to its neighbours."""
        top = top if _TOP.fullmatch(top) else f"({top})"
        bottom = bottom if _BOTTOM.fullmatch(bottom) else f"({bottom})"
        before, following = neighbours(found)
        crowded = _CROWD_BEFORE.match(before) or _CROWD_AFTER.match(following)
        return f"({top}/{bottom})" if crowded else f"{top}/{bottom}"

    def script(self, found: re.Match[str]) -> str:
        text = re.sub(r" *([^\w ]) *", r"\1", self.restore(self.argument(found[2]))).strip()
        return scripted(found[1], text, following=neighbours(found)[1])


def neighbours(found: re.Match[str]) -> tuple[str, str]:
    text = found.string
    return text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]


def scripted(mark: str, text: str, following: str) -> str:
    """Raise or lower `text` if every character can be; `x_eff`, `x^(1/2)`, `x_(ab)y` if not."""
    table = _SCRIPTS[mark]
    if all(ord(character) in table for character in text):
        return text.translate(table)
    word = len(text) == 1 or (text.isascii() and text.isalnum())
    plain = word and not following.isalnum() and not KEPT.match(following)
    return mark + (text if plain or text[0] == "(" else f"({text})")


def _set_off(found: re.Match[str], word: str) -> str:
    """Put spaces round `log`, but none to an index or a bracket."""
    before, following = neighbours(found)
    left = before not in "([^_-+=|/, "
    right = following.isalnum() or following == "\\" or KEPT.match(following)
    return " " * left + word + " " * bool(right)
