r"""TeX in titles, abstracts and names to Unicode text, as far as that is certain.

Pure. Never raises, never loses a word outside mathematics, never reads `%` as a comment; what
is not understood stays as it was written. Mathematics is only what stands in `$…$`, `$$…$$`,
`\(…\)` or `\[…\]`, at most 2,000 characters; `$5 … $10` is money. Time grows linearly.

Braces are read from the innermost outwards. What is finished waits in a list and leaves one
private-use character behind, so that every argument is a single character. Names of symbols
are pylatexenc's; its parser would drop whatever follows an unescaped `%`.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import cache

_DEEPEST = 20  # nested groups; five is the most seen in 14,000 abstracts
_MARKS = {
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

_KEPT = re.compile("[\U000f0000-\U000fffff]")
_GROUP = re.compile(r"\{([^{}]*)\}")
_PROTECTED = re.compile(
    r"https?://[^\s{}$]+|\\(?!href)(?:[A-Za-z]{,9}cite[a-z]{,9}\*?|[A-Za-z]{,9}ref|label)\{[^{}]*\}"
    r"|\\[^A-Za-z]|\$\$?",
    re.DOTALL,
)
_FORMULAS = {  # from an opening to its closing, with no other delimiter between
    opening: re.compile(r"((?:[^$\\]|\\[^()\[\]]){1,2000})" + re.escape(closing))
    for opening, closing in (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"))
}
_WORDS = re.compile(  # prose, not mathematics
    r"(?<!\S)(?:and|or|per|for|to|the|of|on|at|vs|versus|with|from|by|is|are|in)(?!\w)"
    r"|(?<!\S)[(\"']?[A-Za-z]{2,}[,.;:)]? +[(\"']?[A-Za-z]{2,}[,.;:)]?(?!\S)"
)
_TEXT = re.compile(r"\\(?:text\w*|mbox) *\{([^{}]*)\}")
_SWITCH = re.compile(
    r"(?:\s*\\(?:em|it|bf|sc|tt|sl|rm|sf|\w+series|\w+shape|\w*small|footnotesize|tiny)\b\s*)+"
)
_SYMBOL = re.compile("\\\\([A-Za-z]+)([\U000f0000-\U000fffff]?)( *)")
_BARE = re.compile(  # symbols outside mathematics: no part of a path or a pattern
    "[ßøØłŁåÅæÆœŒıȷðÐþÞđĐŋŊ]|([\u0370-\u03ff×±≈∼≥≤→°…–—‘’“”®µ€~^]|[ei]\\.[ge]\\.)"
)
_ACCENT = re.compile(
    "\\\\([\"'`^~=.]|[cHkbdruv](?=[ıȷ\U000f0000-\U000fffff])|[cHkuv](?=\\s))"
    "(?:(?<=[cHkuv])\\s+|\\s(?=[^\\W\\d_]\\Z))?([^\\W\\d_]|[\U000f0000-\U000fffff])"
)
_NO_ACCENT = re.compile(r"(?<=\w\\')(?:s|m|re|ve|ll)\b")  # "it\'s": an escaped apostrophe
_ESCAPED_QUOTE = re.compile(  # no letter to put it on, so it is none here
    r"\\\\|\\([\"'`])(?!\s?[^\W\d_]\}|[^\W\d_]|[{\\])"
)
_SHOWN = re.compile(
    "\\\\(?:(?:href|textcolor|texorpdfstring)[\U000f0000-\U000fffff]|(footnote|textsu[bp]\\w+)"
    "|emph|text(?:bf|it|rm|sc|sf|sl|tt|normal)?|mbox|u(?:nder)?line|num|url)"
    "([\U000f0000-\U000fffff])"
)
_TYPOGRAPHY = [
    (re.compile(pattern), sign) for pattern, sign in (
        ("(?<=[\\w.,)}'\U000f0000-\U000fffff])(?:(?<!\\d)~|~(?!\\d))"
         "(?=[\\w({\\\\\U000f0000-\U000fffff])", " "),
        (r"``(?=\S)([^`]{1,2000}?)''", r"“\1”"),
        (r"(?<=[^\s-])---(?=[^\s-])|(?<=\s)---(?=\s)", "—"),
        (r"(?<=[^\s-])--(?=[^\s-])|(?<=\s)--(?=\s)", "–"),
    )
]  # fmt: skip
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


def to_unicode(text: str) -> str:
    r"""Return `text` as a reader would see it printed: `Erd\H{o}s, $n^2$` as `Erdős, n²`.

    Args:
        text: Plain text with or without TeX, no HTML. Any length.
    Returns:
        The same words; `text` itself if it holds neither backslash nor dollar sign.
    """
    if ("\\" not in text and "$" not in text) or _KEPT.search(text):
        return text
    reader = _Prose()
    plain = reader.read(text)
    if reader.restore(plain) != text:  # it is TeX, so `--` and `~` are too
        for pattern, sign in _TYPOGRAPHY:
            plain = pattern.sub(sign, plain)
    return reader.restore(plain)


@cache
def _symbols() -> dict[str, str]:
    from pylatexenc.latex2text import get_default_latex_context_db

    wanted = ["latex-base", "advanced-symbols"]
    table = get_default_latex_context_db().filter_context(keep_categories=wanted)
    known: dict[str, str] = {}
    for spec in table.iter_macro_specs():
        if isinstance(spec.simplify_repl, str) and not re.search(r"[%\d]", spec.simplify_repl):
            known.setdefault(spec.macroname, spec.simplify_repl)
    return known | _SYMBOLS


def _accented(mark: str, letter: str) -> str:
    dotted = letter.translate({0x131: "i", 0x237: "j"})
    return unicodedata.normalize("NFC", dotted + _MARKS[mark])


def _is_prose(content: str, previous: str, following: str) -> bool:
    """Tell money and shell variables from mathematics: `5 per call and ` after a dollar sign."""
    before, behind = content[0].isspace(), content[-1].isspace()
    number = content.lstrip()[0].isdigit()
    if number and (previous.isupper() or following.isdigit()):  # US$5/$10
        return True
    words = re.sub(r"\\(?:text|mbox|math|operatorname)\w* *\{[^{}]*\}", "", content)
    if number and before != behind and re.search(r"[A-Za-z]{2}|[,;:(]\s*$", words):
        return True
    return (number or before or behind) and _WORDS.search(words) is not None


class _Reader:
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
        return self.kept[ord(mark) - 0xF0000][0] if _KEPT.match(mark) else mark

    def restore(self, text: str) -> str:
        return _KEPT.sub(lambda m: self.restore(self.kept[ord(m[0]) - 0xF0000][1]), text)

    def nested(self, text: str, group: Callable[[re.Match[str]], str]) -> str:
        for _ in range(_DEEPEST):
            text, count = _GROUP.subn(group, text)
            if not count:
                break
        return text


class _Prose(_Reader):
    def read(self, text: str) -> str:
        quotes = {found[1] for found in _ESCAPED_QUOTE.finditer(text)}
        pieces, at = [], 0
        while found := _PROTECTED.search(text, at):
            piece, after = self.protected(found, quotes)
            pieces += [text[at : found.start()], piece]
            at = after
        text = "".join(pieces) + text[at:]
        return self.flat(self.nested(text, self.group))

    def protected(self, found: re.Match[str], quotes: set[str]) -> tuple[str, int]:
        text, mark, after = found.string, found[0], found.end()
        if mark in _FORMULAS:
            return self.formula(text, found.start(), mark)
        if mark[0] == "h":
            return self.keep(re.sub(r"\\([_%#&~])", r"\1", mark)), after
        if mark[1] in "%&_#${}":
            return self.keep(mark[1]), after
        if mark[1] in " ,;\n" or (mark == r"\\" and text[after : after + 1].isspace()):
            return " ", after
        if mark[1] not in _MARKS or mark[1] in quotes or _NO_ACCENT.match(text, after):
            return self.keep(mark), after
        return mark, after

    def formula(self, text: str, start: int, mark: str) -> tuple[str, int]:
        begin = start + len(mark)
        found = _FORMULAS[mark].match(text, begin)
        if not found or not found[1].strip() or "\n\n" in found[1]:
            return self.keep(mark), begin
        content, after = found[1], found.end()
        if mark == "$" and _is_prose(content, text[start - 1 : start], text[after : after + 1]):
            return self.keep(mark), begin
        try:
            piece = _Formula().read(content)
        except Exception:  # the source is kept, whatever a stranger's macro tripped over
            return self.keep(text[start:after]), after
        before = content[0].isspace() and text[start - 1 : start].isalnum()
        behind = content[-1].isspace() and text[after : after + 1].isalnum()
        return " " * before + self.keep(piece) + " " * behind, after

    def group(self, found: re.Match[str]) -> str:
        switch = _SWITCH.match(found[1])
        read = self.flat(found[1][switch.end() :] if switch else found[1])
        meant = found[1].startswith("\\") and read != found[1]  # {\em x}, {\"u}, not {GPT}
        return self.keep(read, read if meant else "{" + read + "}")

    def flat(self, text: str) -> str:
        return _SHOWN.sub(self.shown, _ACCENT.sub(self.accent, _SYMBOL.sub(self.symbol, text)))

    def symbol(self, found: re.Match[str]) -> str:
        symbol = _BARE.fullmatch(_symbols().get(found[1], ""))
        if not symbol or _neighbours(found)[0] in (":", "/"):
            return found[0]
        if found[2]:
            return symbol[0] + (found[2] if self.argument(found[2]) else "") + found[3]
        return symbol[0] + (found[3] if symbol[1] else "")

    def accent(self, found: re.Match[str]) -> str:
        mark, letter = found[1], self.argument(found[2]).strip()
        if letter[1:] and (greek := _symbols().get(mark + letter, "")) > "\u0370":
            return greek  # arXiv's own damage: \k{appa}
        if not letter and mark in "^~":
            return mark
        marked = _accented(mark, letter)
        sure = len(marked) == 1 or (len(letter) == 1 and found[2] != letter)
        return marked if sure and letter.isalpha() else found[0]

    def shown(self, found: re.Match[str]) -> str:
        inner = self.argument(found[2])
        if found[1] == "footnote":
            return f" ({inner})"
        if found[1]:
            mark = "^" if found[1] == "textsuperscript" else "_"
            return _scripted(mark, self.restore(inner), _neighbours(found)[1])
        return inner


class _Formula(_Reader):
    """Raises LookupError at a name or a shape that is not known."""

    def read(self, source: str) -> str:
        text = _TEXT.sub(
            lambda m: self.keep(to_unicode(_SWITCH.sub("", m[1]))), " ".join(source.split())
        )
        text = re.sub(r"\\([\\%&_#${}])", lambda m: self.keep(m[1].replace("\\", _THIN)), text)
        text = _DROPPED.sub("", text).translate({39: "′", 126: _THIN, 38: " "})
        text = self.nested(text, lambda m: self.keep(self.flat(m[1]).strip(" ")))
        if "{" in text or "}" in text:
            raise LookupError(text)
        text = re.sub(f"[ {_THIN}]+", " ", self.restore(self.flat(text)))
        return "".join(c if c < "\U00010000" else unicodedata.normalize("NFKC", c) for c in text)

    def flat(self, text: str) -> str:
        text = _STRUCTURE.sub(self.structure, _NAME.sub(self.name, text))
        text = _SCRIPT.sub(self.script, text)
        if "\\" in text:
            raise LookupError(text)
        return text

    def name(self, found: re.Match[str]) -> str:
        symbol, (before, following) = _symbols().get(found[1]), _neighbours(found)
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
        return self.keep(_accented(name, one) if len(one) == 1 else one)

    def fraction(self, found: re.Match[str], top: str, bottom: str) -> str:
        """Write `a/b` so that it cannot be misread next to its neighbours."""
        top = top if _TOP.fullmatch(top) else f"({top})"
        bottom = bottom if _BOTTOM.fullmatch(bottom) else f"({bottom})"
        before, following = _neighbours(found)
        crowded = _CROWD_BEFORE.match(before) or _CROWD_AFTER.match(following)
        return f"({top}/{bottom})" if crowded else f"{top}/{bottom}"

    def script(self, found: re.Match[str]) -> str:
        text = re.sub(r" *([^\w ]) *", r"\1", self.restore(self.argument(found[2]))).strip()
        return _scripted(found[1], text, following=_neighbours(found)[1])


def _neighbours(found: re.Match[str]) -> tuple[str, str]:
    text = found.string
    return text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]


def _scripted(mark: str, text: str, following: str) -> str:
    """Raise or lower `text` if every character can be; `x_eff`, `x^(1/2)`, `x_(ab)y` if not."""
    table = _SCRIPTS[mark]
    if all(ord(character) in table for character in text):
        return text.translate(table)
    word = len(text) == 1 or (text.isascii() and text.isalnum())
    plain = word and not following.isalnum() and not _KEPT.match(following)
    return mark + (text if plain or text[0] == "(" else f"({text})")


def _set_off(found: re.Match[str], word: str) -> str:
    """Put spaces round `log`, but none to an index or a bracket."""
    before, following = _neighbours(found)
    left = before not in "([^_-+=|/, "
    right = following.isalnum() or following == "\\" or _KEPT.match(following)
    return " " * left + word + " " * bool(right)
