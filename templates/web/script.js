// Comfort for who has scripts: the time zone of the browser, and rules tried while they are typed.
// Nothing here changes what is stored, and everything works without it.
"use strict";

const PAUSE_MILLISECONDS = 350;

/** Put the browser's own time zone into a field that holds a guess. */
function guessZone() {
  const field = document.querySelector("input[data-guess]");
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (field && zone && field.value === field.defaultValue) field.value = zone;
}

/** Show what the rules of a form find, a moment after the last letter was typed. */
function tryWhileTyping(form) {
  const rules = form.querySelector("textarea[name=rules]");
  const place = form.querySelector(".tried");
  let timer, asked;

  async function ask() {
    asked?.abort();
    asked = new AbortController();
    if (!rules.value.trim()) return place.replaceChildren();
    place.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.dataset.try, {
        method: "POST",
        body: new URLSearchParams({ rules: rules.value }),
        credentials: "omit",
        signal: asked.signal,
      });
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        place.replaceChildren(...page.body.childNodes);
        form.querySelector("#rules-wrong")?.remove(); // it was of what stood there before
        rules.removeAttribute("aria-invalid");
        rules.setAttribute("aria-describedby", "rules-help");
      }
      place.removeAttribute("aria-busy");
    } catch (error) {
      // Typed on, or no connection: the button is still there.
      if (error.name !== "AbortError") place.removeAttribute("aria-busy");
    }
  }

  rules.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE_MILLISECONDS);
  });
}

guessZone();
document.querySelectorAll("form[data-try]").forEach(tryWhileTyping);
