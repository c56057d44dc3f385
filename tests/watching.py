"""A browser that is watched: what runs, what is asked of others, and what a page is made of."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import BrowserContext, Error, Page

# What no page of ours and no mail has: elements and attributes that run, fetch or lead elsewhere.
_SCAN = """() => {
  const found = [];
  const never = "img,object,embed,base[href],applet,audio,video,source,track,frame,"
    + "svg:not(.bars),math,template,meta[http-equiv],link[rel~=import],iframe[srcdoc],portal";
  const say = one => found.push(one.outerHTML.slice(0, 200));
  const isMarkup = ["text/html", "application/xhtml+xml"].includes(document.contentType);
  if (!isMarkup) {
    const xhtml = document.getElementsByTagNameNS("http://www.w3.org/1999/xhtml", "script");
    return [...xhtml].map(one => one.outerHTML);
  }
  document.querySelectorAll(never).forEach(say);
  for (const one of document.querySelectorAll("script"))
    if (one.text || new URL(one.src).origin !== location.origin) say(one);
  for (const one of document.querySelectorAll("style"))
    if (/@import|url\\(|expression|evil/i.test(one.textContent)) say(one);
  for (const one of document.querySelectorAll("*"))
    for (const {name, value} of one.attributes) {
      if (/^on|^srcdoc$|^formaction$|^background$|^ping$|:href$/.test(name)) say(one);
      if (name === "style" && /url\\(|expression|evil/i.test(value)) say(one);
      if (["href", "src", "action", "cite", "data"].includes(name)) {
        const to = new URL(value, document.baseURI);
        const isOurs = ["http:", "https:", "mailto:", "file:"].includes(to.protocol);
        if (!isOurs || /evil/.test(to.host) || (name !== "href" && to.origin !== location.origin
            && to.protocol !== "file:")) say(one);
      }
    }
  return found;
}"""
# Chromium says so of the script that the watch itself puts into a frame which may run none.
_OF_THE_WATCH = "Blocked script execution in"
# What is said of an answer that is no 200; which those are, the tests say.
_STATUS = "Failed to load resource: the server responded with a status of 4"


@dataclass
class Watch:
    """What was seen in a context, as `address: what`; `text` holds what each page showed."""

    base: str
    seen: list[str] = field(default_factory=list)
    text: dict[str, str] = field(default_factory=dict)
    downloads: list[str] = field(default_factory=list)

    async def over(self, context: BrowserContext) -> Page:
        """Watch everything that happens in a context, and return a page of it."""
        await context.expose_function("fired", lambda *_: self.seen.append("a script ran"))
        context.on("request", self._asked)
        context.on("dialog", self._said)
        context.on("console", self._told)
        context.on("weberror", lambda error: self.seen.append(f"it broke: {error.error}"))
        page = await context.new_page()
        page.on("download", lambda one: self.downloads.append(one.url))
        return page

    async def _said(self, dialog: Any) -> None:
        self.seen.append(f"a script said: {dialog.message}")
        await dialog.dismiss()

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((f"{self.base}/", "file:", "about:blank")):
            self.seen.append(f"it asked {request.url}")

    def _told(self, message: Any) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(
            (_OF_THE_WATCH, _STATUS)
        ):
            self.seen.append(message.text)

    async def open(self, page: Page, address: str) -> str:
        """Open an address, look at all its frames, and return what it shows."""
        before = len(self.seen)
        while address not in self.downloads:
            try:
                await page.goto(address)
            except Error as error:  # a download; or one that takes the next page with it
                if not re.search("Download is starting|ERR_ABORTED", error.message):
                    raise
            else:
                break
        else:
            return ""
        return await self.look(page, address, before)

    async def look(self, page: Page, name: str, before: int | None = None) -> str:
        """Look at what a page is made of now, and keep its text under a name."""
        before = len(self.seen) if before is None else before
        parts = []
        for frame in page.frames:
            self.seen += await frame.evaluate(_SCAN)
            parts.append(
                await frame.evaluate(
                    "(document.body ?? document.documentElement)"
                    "[document.body ? 'innerText' : 'textContent']"
                )
            )
        self.seen[before:] = [f"{name}: {one}" for one in self.seen[before:]]
        self.text[name] = "\n".join(part or "" for part in parts)
        return self.text[name]
