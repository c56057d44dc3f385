"""Kill the program through a whole day, and count what was lost and what came twice.

    python -m tests.faults.day [--kills 200] [--readers 500] [--connections 4] [--step-minutes 10]

Readers in all zones follow what three sources show over real HTTP (see `news`), and are mailed over
real SMTP (see `recorder`). A process makes a pass every few minutes, by a clock that jumps from one
to the next; at random moments it is killed, at the nth passing of a named point (see `points`) or
after a time by chance, and half a minute later the next one goes on. After the day a calm one
follows, so that everybody's next digest comes, too. Prints JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from mmap import mmap
from pathlib import Path

from notifier import intake
from notifier.app import App
from notifier.cli import logs
from notifier.config import Settings
from notifier.profiles.profile import Schedule

from . import news, points
from .instance import SIX, Instance
from .killing import forked, recorded
from .outcome import Outcome, Restart, outcome, restart
from .points import Kill, kills
from .recorder import recording, took

RESTARTED_AFTER = timedelta(seconds=30)
CALM = timedelta(hours=29)  # longer than a day: everybody is due once more
_MOST_PASSES = 2  # where its point is not met in so many, a kill comes at any time
# Many are due at once at seven; of the others nearly every pass finds some.
_ZONES = (
    "Pacific/Auckland", "Asia/Tokyo", "Asia/Kolkata", "Asia/Dubai", "Europe/Helsinki",
    "Europe/Berlin", "Europe/London", "UTC", "America/Sao_Paulo", "America/New_York",
    "America/Denver", "America/Los_Angeles", "Pacific/Honolulu",
)  # fmt: skip


def settings(folder: Path, port: int, sources: str, connections: int) -> Settings:
    """Return those of an instance in a folder, with three sources and a mail server."""
    kinds = {"arxiv": "arxiv", "daily": "huggingface", "journal": "feed"}
    return Settings(
        database={"url": f"sqlite:///{folder}/test.db"},
        digest={"sample": False, "max_papers": 25, "wait_minutes": 0},
        delivery={"lease_minutes": 11},
        http={"pause_seconds": 0, "timeout_seconds": 5},
        smtp={"host": "127.0.0.1", "port": port, "send_seconds": 5, "timeout_seconds": 30},
        mail={"from": "Papers <papers@example.org>", "connections": connections},
        source=[
            {"name": name, "kind": kind, "urls": [f"{sources}/{name}"], "every_minutes": 10}
            for name, kind in kinds.items()
        ],
    )


def subscribe(made: Settings, readers: int, chance: random.Random) -> None:
    """Let so many readers follow a topic each; every other one at seven, the rest at any time."""
    begun = news.DAY - timedelta(hours=1)
    app = App(made, clock=lambda: begun)
    for number in range(readers):
        address, at = f"reader{number}@example.org", chance.randrange(1440)
        hour, minute = divmod(at, 60) if number % 2 else (7, 0)
        schedule = Schedule(_ZONES[number % len(_ZONES)], hour, minute, tuple(range(7)))
        app.subscriptions.request(address, now=begun, schedule=schedule)
        app.subscriptions.confirm(address, now=begun, because="asked")
        topic = news.TOPICS[number % len(news.TOPICS)]
        app.subscriptions.add_profile(address, "topic", topic, now=begun)
    app.close()


def warm_up(folder: Path, made: Settings) -> None:
    """Load and compile here what every forked process would load and compile for itself."""
    folder.mkdir()
    own = {"source": made.source, "http": made.http, "mail": {"transport": "sink"}}
    instance = Instance(folder, readers=1, **own)
    instance.take(1)
    instance.now = SIX
    asyncio.run(instance.app.tick())  # whose threads end with it
    instance.app.close()


class Life:
    """One process: passes from a moment on, until it is killed or the time is over."""

    def __init__(self, made: Settings, sources: Path, told: mmap) -> None:
        self._made, self._sources, self._told = made, sources, told
        self._kill: Kill | None = None
        self._phase, self._left, self._passes = "", 0, 0

    def live(self, since: datetime, until: datetime, step: timedelta, kills: list[Kill]) -> None:
        """Make passes; what kills it is taken from `kills`, in order."""
        points.watch(self._passed)
        points.watch_phases(self._begun)
        signal.signal(signal.SIGALRM, lambda *_: self._die())
        started, jumped = time.monotonic(), timedelta()

        def clock() -> datetime:
            return since + jumped + timedelta(seconds=time.monotonic() - started)

        intake.system_clock = clock  # by which sources are asked in turn
        app = App(self._made, clock=clock)
        while (now := clock()) < until:
            self._note(now)
            news.publish(self._sources, now)
            if kills and self._kill is None and kills[0].since <= now:
                self._kill, self._left = kills[0], kills[0].passing
            elif self._kill:
                self._passes += 1
                if self._passes == _MOST_PASSES:
                    self._kill = replace(self._kill, point="by time")
            asyncio.run(app.tick())
            jumped += step
        app.close()

    def _begun(self, phase: str) -> None:
        self._phase, kill = phase, self._kill
        if kill and kill.point == "by time" and kill.phase == phase:
            signal.setitimer(signal.ITIMER_REAL, kill.seconds)

    def _passed(self, point: str) -> None:
        kill = self._kill
        if kill and (kill.phase, kill.point) == (self._phase, point):
            self._left -= 1
            if self._left <= 0:
                self._die()

    def _note(self, now: datetime) -> None:
        self._told[:8] = struct.pack("d", now.timestamp())

    def _die(self) -> None:
        assert self._kill
        self._told[8:24] = self._phase.encode().ljust(16)
        self._told[24:40] = self._kill.point.encode().ljust(16)
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Day:
    """What became of a day: how often it was killed and where, and how long all that took."""

    kills: int
    by_phase: dict[str, int]
    by_point: dict[str, int]
    connections: int
    seconds: float
    outcome: Outcome


def run(
    folder: Path, *, kills: Sequence[Kill], readers: int, connections: int, step: timedelta,
    seed: int,
) -> Day:  # fmt: skip
    """Play the day and the calm one after it."""
    logs.configure("console", "critical")
    begun, sources, file = time.monotonic(), folder / "sources", folder / "took"
    sources.mkdir()
    with recording(file) as port, news.serving(sources) as address:
        made = settings(folder, port, address, connections)
        news.publish(sources, news.DAY)
        warm_up(folder / "warm", made)
        subscribe(made, readers, random.Random(seed))
        restarts, deaths = _killed(made, sources, file, list(kills), step)
        until = news.DAY + timedelta(days=1) + CALM
        calm = partial(Life(made, sources, mmap(-1, 64)).live, news.DAY + timedelta(days=1), until)
        os.waitpid(forked(partial(calm, 4 * step, [])), 0)
    return Day(
        len(deaths), dict(Counter(phase for phase, _ in deaths)),
        dict(Counter(point for _, point in deaths)), connections,
        round(time.monotonic() - begun, 1), outcome(made, took(file), restarts, until=until),
    )  # fmt: skip


def _killed(
    made: Settings, sources: Path, file: Path, kills: list[Kill], step: timedelta
) -> tuple[list[Restart], list[tuple[str, str]]]:
    """Play the day; return how things stood after each kill, and where each was."""
    told, now, end = mmap(-1, 64), news.DAY, news.DAY + timedelta(days=1)
    restarts: list[Restart] = []
    deaths: list[tuple[str, str]] = []
    while now < end:
        life = Life(made, sources, told)
        _, status = os.waitpid(forked(partial(life.live, now, end, step, kills)), 0)
        if not os.WIFSIGNALED(status):
            break
        died = datetime.fromtimestamp(struct.unpack("d", told[:8])[0], news.DAY.tzinfo)
        now = died + RESTARTED_AFTER
        deaths.append((told[8:24].decode().strip(), told[24:40].decode().strip()))
        kills.pop(0)
        restarts.append(restart(made, {one.key for one in took(file)} - recorded(made)))
    return restarts, deaths


def main() -> None:
    """Run, and print what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name, value in (
        ("kills", 200), ("readers", 500), ("connections", 4), ("seed", 1), ("step-minutes", 10),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=value, help=f"({value})")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        day = run(
            Path(folder), kills=kills(asked.kills, random.Random(asked.seed)),
            readers=asked.readers, connections=asked.connections, seed=asked.seed,
            step=timedelta(minutes=asked.step_minutes),
        )  # fmt: skip
    json.dump(asdict(day), sys.stdout, indent=1)


if __name__ == "__main__":
    main()
