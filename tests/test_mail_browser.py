"""Digests in a real browser: readable by everyone, light and dark, on a phone, and silent."""

from __future__ import annotations

from email import message_from_bytes, policy
from pathlib import Path

import pytest

from .test_message import GOLDEN
from .test_pages_browser import DESK, PHONE, chromium, trouble

pytestmark = pytest.mark.anyio
MAILS = sorted(path.name for path in GOLDEN.glob("*.eml") if b"text/html" in path.read_bytes())
SCHEMES = ("light", "dark")


def html_of(name: str) -> str:
    mail = message_from_bytes((GOLDEN / name).read_bytes(), policy=policy.default)
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())


async def test_no_digest_breaks_a_rule_of_accessibility_in_any_light_or_width() -> None:
    found = {}
    async with chromium() as browser:
        for scheme in SCHEMES:
            for size in (PHONE, DESK):
                page = await browser.new_page(color_scheme=scheme, viewport=size)
                for name in MAILS:
                    await page.set_content(html_of(name))
                    if problems := await trouble(page, ()):
                        found[name, scheme, size["width"]] = problems
                await page.close()
    assert found == {}


async def test_every_digest_fits_a_phone_and_asks_nobody_for_anything() -> None:
    asked, wide = [], {}
    async with chromium() as browser:
        page = await browser.new_page(viewport=PHONE)
        page.on("request", lambda request: asked.append(request.url))
        for name in MAILS:
            await page.set_content(html_of(name))
            width = await page.evaluate("document.documentElement.scrollWidth")
            if width > PHONE["width"]:
                wide[name] = width
    assert asked == []
    assert wide == {}


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_all_text_stands_out_from_its_ground(scheme: str) -> None:
    """A contrast of 4.5 at least (WCAG 2.2, 1.4.3), worked out from what Chromium shows."""
    low = {}
    async with chromium() as browser:
        page = await browser.new_page(color_scheme=scheme, viewport=DESK)
        for name in MAILS:
            await page.set_content(html_of(name))
            for contrast, text in await page.evaluate(CONTRASTS):
                if contrast < 4.5:
                    low[name, text] = contrast
    assert low == {}


# The contrast of every visible text with the nearest ground behind it (WCAG 2.2, "contrast ratio").
CONTRASTS = """() => {
  const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => numbers(color).slice(0, 3).map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }).reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if ((numbers(color)[3] ?? 1) > 0) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement, text = walk.currentNode.data.trim();
    if (!text || !element.checkVisibility()) continue;
    const colors = [getComputedStyle(element).color, ground(element)];
    const pair = colors.map(light).sort((a, b) => b - a);
    found.push([(pair[0] + 0.05) / (pair[1] + 0.05), text.slice(0, 40)]);
  }
  return found;
}"""


def test_there_are_digests_to_look_at() -> None:
    assert len(MAILS) >= 9
    assert Path(GOLDEN / "german.eml").is_file()
