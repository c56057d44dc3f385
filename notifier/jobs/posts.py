"""Write what channels get of a digest: fixed with it, so that a second try says the same."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from notifier.delivery.channels import SERVICES, Service
from notifier.digests import post
from notifier.digests.cards import Card
from notifier.digests.render import Templates
from notifier.digests.view import DigestView
from notifier.jobs.picking import Picked
from notifier.languages import Language
from notifier.storage.store_channels import Wishes
from notifier.storage.store_posts import NewPost

TEMPLATE = "channel/post.txt.j2"


@dataclass(frozen=True, slots=True)
class PostSettings:
    """Services to which something goes (none: to no channel), and how many papers at most."""

    services: tuple[str, ...] = ()
    papers: int = 8


NO_POSTS = PostSettings()


@dataclass(frozen=True, slots=True)
class Posts:
    """Writes posts; `page` returns the address of a post's page by its name."""

    templates: Templates
    settings: PostSettings
    secret: bytes
    page: Callable[[str], str]

    def of(
        self, wishes: Sequence[Wishes], view: DigestView, picked: Picked, key: str
    ) -> tuple[NewPost, ...]:
        """Return the posts of a digest; none for a channel that has all its papers, or wants none.

        Args:
            wishes: Of the subscriber's channels.
            view: The digest, as its mail says it.
            picked: What it was made of.
            key: Its key.
        """
        made = (self._post(one, view, picked, key) for one in wishes)
        return tuple(one for one in made if one)

    def _post(self, wishes: Wishes, view: DigestView, picked: Picked, key: str) -> NewPost | None:
        cards = [card for card in view.cards if _is_wanted(card, wishes)]
        if not cards:
            return None
        others = sum(
            profile in wishes.profiles and one.row not in wishes.has
            for profile, one in picked.choice.rest
        )
        service, name = SERVICES[wishes.service], page_name(self.secret, wishes.row, key)
        count, body = self._text(service, cards, others, self.page(name), view.language)
        profiles = tuple(one for one in view.profiles if one in wishes.profiles)
        head = post.title(profiles, len(cards) + others, view.language)
        rows = tuple(card.row for card in cards[:count])
        return NewPost(wishes.row, name, profiles, service.text(head), body, rows)

    def _text(
        self, service: Service, cards: Sequence[Card], others: int, page: str, words: Language
    ) -> tuple[int, str]:
        papers = post.papers(cards, post.Markup(service.text, service.link))

        def write(count: int) -> str:
            more = len(papers) - count + others
            text = self.templates.render(
                TEMPLATE, words.code, papers=papers[:count], more=more, page=service.link(page)
            )
            return text.strip()

        most = min(len(papers), self.settings.papers)
        return post.fitted(write, most, service.size_bytes)


def _is_wanted(card: Card, wishes: Wishes) -> bool:
    names = {card.profile, *card.also}
    return not names.isdisjoint(wishes.profiles) and card.row not in wishes.has


def page_name(secret: bytes, channel: int, key: str) -> str:
    """Return the unguessable name of the page of a post."""
    named = f"post:{channel}:{key}".encode()
    return hmac.new(secret, named, hashlib.sha256).hexdigest()[:32]
