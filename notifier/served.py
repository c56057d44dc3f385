"""What an instance does for those who ask: sign-ups, profiles, feeds, undo, their data, API keys.

Pages, the API and commands find each service here, built once.
"""

from __future__ import annotations

from functools import cached_property

from notifier.access.answers import Answers
from notifier.access.service import ApiKeys
from notifier.jobs.readership import Readers
from notifier.storage.database import Database
from notifier.subscriptions.amending import Amending
from notifier.subscriptions.feeds import Feeds
from notifier.subscriptions.gate import Gate
from notifier.subscriptions.lessening import Lessening
from notifier.subscriptions.letters import Letters, LetterSettings
from notifier.subscriptions.linking import Linking
from notifier.subscriptions.links import Links
from notifier.subscriptions.moving.importing import Importing
from notifier.subscriptions.profiles import Profiles
from notifier.subscriptions.records import Records
from notifier.subscriptions.saved import Saved
from notifier.subscriptions.service import Subscriptions
from notifier.subscriptions.sharing import Sharing
from notifier.subscriptions.signups import Signups
from notifier.subscriptions.undoing import Undoing


class Served:
    """The services of one instance; `secret` is the instance's key."""

    def __init__(
        self,
        database: Database,
        subscriptions: Subscriptions,
        links: Links,
        letters: LetterSettings,
        secret: bytes,
    ) -> None:
        self._database, self._subscriptions, self._links = database, subscriptions, links
        self.gate, self.letters = Gate(secret), Letters(letters)

    @cached_property
    def signups(self) -> Signups:
        return Signups(self._database, self._subscriptions, self.gate, self.letters, self._links)

    @cached_property
    def linking(self) -> Linking:
        return Linking(self._database, self.gate, self.letters, self._links)

    @cached_property
    def profiles(self) -> Profiles:
        return Profiles(self._database, self._subscriptions)

    @cached_property
    def feeds(self) -> Feeds:
        return Feeds(self._database, self._links)

    @cached_property
    def sharing(self) -> Sharing:
        return Sharing(self._database, self._links)

    @cached_property
    def saved(self) -> Saved:
        return Saved(self._database, self._links)

    @cached_property
    def lessening(self) -> Lessening:
        return Lessening(self._database, self._subscriptions.planning)

    @cached_property
    def amending(self) -> Amending:
        return Amending(self._database)

    @cached_property
    def undoing(self) -> Undoing:
        return Undoing(self._database, self._subscriptions.planning)

    @cached_property
    def records(self) -> Records:
        return Records(self._database)

    @cached_property
    def importing(self) -> Importing:
        service = self._subscriptions
        return Importing(self._database, service.planning, service.default_max_papers)

    @cached_property
    def api_keys(self) -> ApiKeys:
        return ApiKeys(self._database)

    @cached_property
    def answers(self) -> Answers:
        return Answers(self._database)

    @cached_property
    def readers(self) -> Readers:
        return Readers(self._database)
