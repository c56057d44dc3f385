"""A paper's page, by any of its names, and its citation as a file."""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from notifier.digests.words import counted, link
from notifier.jobs.happenings import what_happened
from notifier.papers import bibliography, citing, identity
from notifier.papers.bibliography import Form
from notifier.papers.identity import Alias
from notifier.papers.paper import Paper
from notifier.storage import store_events, store_papers, store_sightings
from notifier.web.answers import Pages
from notifier.web.guarding import PUBLIC

# By the ending of a page's address.
CITATIONS = {".bib": Form.bibtex, ".ris": Form.ris, ".csl": Form.csl}
# Proxies make one slash of two.
_ONE_SLASH = re.compile(r"\A((?:url:)?https?):/(?=[^/])")


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where the pages are."""
    return [Route("/p/{name:path}", _Papers(pages).show)]


class _Papers:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def show(self, request: Request) -> Response:
        """Show a paper, give its citation, or lead to its canonical address."""
        name, ending = _ONE_SLASH.sub(r"\1://", request.path_params["name"]), ""
        with self._pages.app.database.reading() as conn:
            row = store_papers.named(conn, name)
            if row is None and name[-4:] in CITATIONS:
                name, ending = name[:-4], name[-4:]
                row = store_papers.named(conn, name)
            if row is None:
                raise HTTPException(404)
            (paper,) = store_papers.load(conn, [row])
            sightings = store_sightings.of(conn, row)
            events = store_events.of(conn, row)
        if name != paper.id:
            return RedirectResponse(self._pages.links.paper(paper.id) + ending, 302)
        if ending:
            return as_file(paper.id, CITATIONS[ending], [paper])
        words = self._pages.words(request)
        return self._pages.page(
            request,
            "paper",
            headers=PUBLIC,
            paper=paper,
            sightings=sightings,
            happened=[(one.at, what_happened(one, paper, words)) for one in events],
            signals=[counted(value, name, words) for name, value in paper.signals.items()],
            links=[(link(kind, words), url) for kind, url in links_of(paper)],
            tags=citing.meta_tags(paper),
            bibtex=self._pages.links.bibtex(paper.id),
            ris=self._pages.links.ris(paper.id),
            csl=self._pages.links.csl(paper.id),
        )


def links_of(paper: Paper) -> list[tuple[str, str]]:
    """Return what kind of page is where, each once: as sources say it, then by the paper's ids."""
    by_ids = [identity.urls(Alias(*name.split(":", 1))) for name in paper.aliases]
    found: dict[str, str] = {}
    for urls in (paper.urls, *by_ids):
        for kind, url in urls.items():
            if identity.link(url) and kind not in found and url not in found.values():
                found[kind] = url
    return list(found.items())


def as_file(name: str, form: Form, papers: Iterable[Paper]) -> Response:
    """Return citations as a file to be saved, sent as they are written."""
    file = re.sub(r"[^A-Za-z0-9.]+", "-", name)[:80].strip("-.") + bibliography.ENDINGS[form]
    return StreamingResponse(
        bibliography.written(form, papers),
        media_type=f"{bibliography.MEDIA_TYPES[form]}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{file}"'},
    )
