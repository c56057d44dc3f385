r"""TeX in titles, abstracts and names to Unicode text, as far as that is certain.

Pure. Never raises, never loses a word outside mathematics, never reads `%` as a comment; what
is not understood stays as it was written. Mathematics is only what stands in `$…$`, `$$…$$`,
`\(…\)` or `\[…\]`, at most 2,000 characters; `$5 … $10` is money. Time grows linearly.
pylatexenc's own parser is not used: it drops whatever follows an unescaped `%`.
"""

import re

from notifier.papers.formula import (
    KEPT,
    MARKS,
    SWITCH,
    Formula,
    Reader,
    accented,
    neighbours,
    scripted,
    symbols,
)

_PROTECTED = re.compile(
    r"https?://[^\s{}$]+|\\(?:cite[a-z]{,9}\*?|[A-Za-z]{,9}cite)\{([^{}]+)\}"
    r"|\\(?!href)(?:[A-Za-z]{,9}ref|label)\{[^{}]*\}"
    r"|\\[^A-Za-z]|\$\$?",
    re.DOTALL,
)
_FORMULAS = {  # from an opening to its closing, with no other delimiter between
    opening: re.compile(r"((?:[^$\\]|\\[^()\[\]]){1,2000})" + re.escape(closing))
    for opening, closing in (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"))
}
_LINK = re.compile(r"\s*\{?\\href\{[^{}]*\}\{.+\}\s*", re.DOTALL)  # set in dollar signs, too
_WORDS = re.compile(  # prose, not mathematics
    r"(?<!\S)(?:and|or|per|for|to|the|of|on|at|vs|versus|with|from|by|is|are|in)(?!\w)"
    r"|(?<!\S)[(\"']?[A-Za-z]{2,}[,.;:)]? +[(\"']?[A-Za-z]{2,}[,.;:)]?(?!\S)"
)
_COMMAND = re.compile(r"\\(?:text|mbox|math|operatorname)\w* *\{[^{}]*\}|\\[A-Za-z]+")
_LAYOUT = frozenset(("noindent", "newline", "linebreak", "smallskip", "medskip"))
_SYMBOL = re.compile("\\\\([A-Za-z]+)([\U000f0000-\U000fffff]?)( *)")
_BARE = re.compile(  # symbols outside mathematics: no part of a path or a pattern
    "[ßøØłŁåÅæÆœŒıȷðÐþÞđĐŋŊ]|([\u0370-\u03ff×±≈∼≥≤→°…–—‘’“”®µ€~^<>]|[ei]\\.[ge]\\.)"
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
    "\\\\(?:(?:hyperlink|scalebox|textcolor|texorpdfstring)[\U000f0000-\U000fffff]"
    "|href([\U000f0000-\U000fffff])|(footnote|textsu[bp]\\w+)"
    "|emph|text(?:bf|it|rm|sc|sf|sl|tt|normal)?|mbox|u(?:nder)?line|num|url|href|gls|ac[sfl]?)"
    "([\U000f0000-\U000fffff])"
)
_TYPOGRAPHY = [
    (re.compile(pattern), sign) for pattern, sign in (
        ("(?<=[\\w.,;:)}'\U000f0000-\U000fffff])(?:(?<!\\d)~|~(?!\\d))"
         "(?=[\\w({\\\\\U000f0000-\U000fffff])", " "),
        (r"``(?=\S)([^`]{1,2000}?)''", r"“\1”"),
        (r"(?<=[^\s-])---(?=[^\s-])|(?<=\s)---(?=\s)", "—"),
        (r"(?<=[^\s-])--(?=[^\s-])|(?<=\s)--(?=\s)", "–"),
    )
]  # fmt: skip


def to_unicode(text: str) -> str:
    r"""Return `text` as a reader would see it printed: `Erd\H{o}s, $n^2$` as `Erdős, n²`.

    Args:
        text: Plain text with or without TeX, no HTML. Any length.
    Returns:
        The same words; `text` itself if it holds neither backslash nor dollar sign.
    """
    if ("\\" not in text and "$" not in text) or KEPT.search(text):
        return text
    reader = _Prose()
    plain = reader.read(text)
    if reader.restore(plain) != text:  # it is TeX, so `--` and `~` are too
        for pattern, sign in _TYPOGRAPHY:
            plain = pattern.sub(sign, plain)
    return reader.restore(plain)


def _is_prose(content: str, previous: str, following: str) -> bool:
    """Tell money and shell variables from mathematics: `5 per call and ` after a dollar sign."""
    before, behind = content[0].isspace(), content[-1].isspace()
    number = content.lstrip()[0].isdigit()
    if number and (previous.isupper() or following.isdigit()):  # US$5/$10
        return True
    words = _COMMAND.sub("", content)
    if number and before != behind and re.search(r"[A-Za-z]{2}|[,;:(]\s*$", words):
        return True
    return (number or before or behind) and _WORDS.search(words) is not None


class _Prose(Reader):
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
        if found[1]:
            return self.keep(f"[{found[1]}]"), after
        if mark[0] == "h":
            return self.keep(re.sub(r"\\([_%#&~])", r"\1", mark)), after
        if mark[1] in "%&_#${}":
            return self.keep(mark[1]), after
        if mark[1] in " ,;\n" or (mark == r"\\" and text[after : after + 1].isspace()):
            return " ", after
        if mark[1] not in MARKS or mark[1] in quotes or _NO_ACCENT.match(text, after):
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
            link = _LINK.fullmatch(content)
            piece = to_unicode(content) if link else Formula(to_unicode).read(content)
        except Exception:  # the source is kept, whatever a stranger's macro tripped over
            return self.keep(text[start:after]), after
        before = content[0].isspace() and text[start - 1 : start].isalnum()
        behind = content[-1].isspace() and text[after : after + 1].isalnum()
        return " " * before + self.keep(piece) + " " * behind, after

    def group(self, found: re.Match[str]) -> str:
        switch = SWITCH.match(found[1])
        read = self.flat(found[1][switch.end() :] if switch else found[1])
        meant = found[1].startswith("\\") and read != found[1]  # {\em x}, {\"u}, not {GPT}
        return self.keep(read, read if meant else "{" + read + "}")

    def flat(self, text: str) -> str:
        return _SHOWN.sub(self.shown, _ACCENT.sub(self.accent, _SYMBOL.sub(self.symbol, text)))

    def symbol(self, found: re.Match[str]) -> str:
        if found[1] in _LAYOUT:
            return " " * (neighbours(found)[0] not in ("", " ")) + found[2]
        symbol = _BARE.fullmatch(symbols().get(found[1], ""))
        if not symbol or neighbours(found)[0] in (":", "/"):
            return found[0]
        if found[2]:
            return symbol[0] + (found[2] if self.argument(found[2]) else "") + found[3]
        return symbol[0] + (found[3] if symbol[1] else "")

    def accent(self, found: re.Match[str]) -> str:
        mark, letter = found[1], self.argument(found[2]).strip()
        if letter[1:] and (greek := symbols().get(mark + letter, "")) > "\u0370":
            return greek  # arXiv's own damage: \k{appa}
        if not letter and mark in "^~":
            return mark
        marked = accented(mark, letter)
        sure = len(marked) == 1 or (len(letter) == 1 and found[2] != letter)
        return marked if sure and letter.isalpha() else found[0]

    def shown(self, found: re.Match[str]) -> str:
        inner = self.argument(found[3])
        if found[1]:  # a reader cannot click on "here"
            address = self.restore(self.argument(found[1]))
            told = not address or self.restore(inner) in address
            return (address or inner) if told else f"{inner} ({address})"
        if found[2] == "footnote":
            return f" ({inner})"
        if found[2]:
            mark = "^" if found[2] == "textsuperscript" else "_"
            return scripted(mark, self.restore(inner), neighbours(found)[1])
        return inner
