"""Migrations build what the tables declare, and a step that fails changes nothing."""

from __future__ import annotations

import subprocess
import sys
import zlib
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import insert, inspect
from sqlalchemy.exc import IntegrityError

from notifier.errors import DatabaseError
from notifier.jobs.match import Matched, Matcher, MatchSettings
from notifier.jobs.shelves import Shelves
from notifier.ranking.order import OrderSettings
from notifier.storage import (
    match_marks,
    schema,
    store_answers,
    store_api_keys,
    store_archive,
    store_buckets,
    store_digests,
    store_letters,
    store_mailbox,
    store_matches,
    store_news,
    store_profiles,
    store_subscribers,
    store_votes,
)
from notifier.storage import tables as t
from notifier.storage.database import Database

from .builders import NOON
from .databases import database_url
from .sending import claims
from .test_promises import dump

pytestmark = pytest.mark.both

# A subscriber in whatever step of the schema.
ADA = (
    "INSERT INTO subscriber (id, address, state, zone, hour, minute, days, cadence, max_papers,"
    " seen, consent, created_at) VALUES (1, 'ada@example.org', 'active', 'UTC', 7, 0, '[0]',"
    " 'daily', 12, 4, 'yes', '2026-11-20 12:00:00.000000')"
)

BEFORE_THE_TWENTIETH = "0019"
BEFORE_PACKED_MATCHES = "0021"


def one_profile(row: int, *, matched: str) -> str:
    return (
        "INSERT INTO profile (id, subscriber_id, name, rules, enabled, created_at, updated_at,"
        f" matched) VALUES ({row}, {row}, 'p', 'RAG', TRUE, '2026-11-20 12:00:00.000000',"
        f" '2026-11-20 12:00:00.000000', {matched})"
    )


def test_the_migrations_build_exactly_the_declared_tables(database: Database) -> None:
    with database.reading() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        assert compare_metadata(context, t.Row.metadata) == []


def test_each_numbered_file_is_a_step_that_follows_the_one_before() -> None:
    folder = Path(schema.__file__).parent / "migrations"
    steps = list(ScriptDirectory(str(folder)).walk_revisions())
    assert [step.revision for step in steps] == schema.known()
    assert [step.down_revision for step in steps] == [*schema.known()[1:], None]


def test_no_command_loads_what_only_an_upgrade_needs(tmp_path: Path) -> None:
    asks = (
        "import sys\n"
        "from notifier.app import App\n"
        "from notifier.config import Settings\n"
        "from notifier.storage import schema\n"
        "app = App(Settings(database={'url': sys.argv[1]}))\n"
        "assert not schema.pending(app.database)\n"
        "print('alembic' in sys.modules)\n"
    )
    url = database_url(tmp_path, is_empty=True)
    for loads in ("True", "False"):  # the first makes the tables
        said = subprocess.run(
            [sys.executable, "-c", asks, url], check=True, capture_output=True, text=True
        )
        assert said.stdout.split()[-1] == loads


def test_an_upgrade_of_an_upgraded_database_does_nothing(database: Database) -> None:
    before = dump(database)
    assert schema.upgrade(database) == []
    assert dump(database) == before
    assert schema.revision(database) == schema.head()


def test_a_step_that_fails_leaves_the_database_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Database(database_url(tmp_path, "new", is_empty=True))
    create = Operations.create_table  # type: ignore[attr-defined]

    def failing(self: Operations, name: str, *columns: object, **options: object) -> object:
        if name == "subscriber":
            raise RuntimeError("the disk is full, say")
        return create(self, name, *columns, **options)

    with monkeypatch.context() as broken:
        broken.setattr(Operations, "create_table", failing)
        with pytest.raises(RuntimeError):
            schema.upgrade(made)
    with made.reading() as conn:
        assert set(inspect(conn).get_table_names()) <= {"alembic_version"}
    assert schema.revision(made) is None
    assert schema.upgrade(made) == schema.pending(
        Database(database_url(tmp_path, "other", is_empty=True))
    )
    made.close()


def test_the_second_step_keeps_what_was_stored_and_its_order(tmp_path: Path) -> None:
    made = Database(database_url(tmp_path, "old", is_empty=True))
    schema.upgrade(made, "0001")
    with made.writing() as conn:
        for row, arrival in ((1, 5), (2, None)):
            conn.exec_driver_sql(
                "INSERT INTO paper (id, key, title, abstract, authors, categories, urls, announce,"
                f" first_seen_at, updated_at, arrival) VALUES ({row}, 'arxiv:2611.0000{row}',"
                " 'A title', '', '[]', '[]', '{}', 'new', '2026-11-20 12:00:00.000000',"
                f" '2026-11-20 12:00:00.000000', {arrival or 'NULL'})"
            )
        conn.exec_driver_sql(
            "INSERT INTO subscriber (address, state, zone, hour, minute, days, cadence, max_papers,"
            " seen, consent, created_at) VALUES ('ada@example.org', 'active', 'UTC', 7, 0, '[0]',"
            " 'daily', 12, 4, 'yes', '2026-11-20 12:00:00.000000')"
        )
        conn.exec_driver_sql("INSERT INTO counter (name, value) VALUES ('arrival', 5)")
    assert schema.upgrade(made, "0002") == ["0002"]
    schema.upgrade(made)
    with made.reading() as conn:
        ada = store_subscribers.find(conn, "ada@example.org")
        assert ada
        assert (ada.seen, ada.replacements) == (4, False)
        assert store_news.rows_arrived(conn, ada.seen, since=NOON) == [1]
        assert store_news.arrival(conn) == 5
        assert store_news.arrival(conn, before=NOON) == 0
    made.close()


def test_the_third_step_has_profiles_and_papers_of_before_matched_at_the_first_run(
    tmp_path: Path,
) -> None:
    made = Database(database_url(tmp_path, "old", is_empty=True))
    schema.upgrade(made, "0002")
    with made.writing() as conn:
        conn.exec_driver_sql(
            "INSERT INTO paper (id, key, title, abstract, authors, categories, urls, announce,"
            " first_seen_at, updated_at, arrival, arrived_at) VALUES (1, 'arxiv:2611.00001',"
            " 'A title', '', '[]', '[]', '{}', 'new', '2026-11-20 12:00:00.000000',"
            " '2026-11-20 12:00:00.000000', 5, '2026-11-20 12:00:00.000000')"
        )
        conn.exec_driver_sql(ADA)
        conn.exec_driver_sql(
            "INSERT INTO profile (id, subscriber_id, name, rules, enabled, created_at, updated_at)"
            " VALUES (1, 1, 'p', 'title', TRUE, '2026-11-20 12:00:00', '2026-11-20 12:00:00')"
        )
    assert schema.upgrade(made, "0003") == ["0003"]
    schema.upgrade(made)
    matcher = Matcher(made, MatchSettings(9, OrderSettings()), Shelves(None))
    assert matcher.run(now=NOON) == Matched(papers=0, profiles=1, matches=1)
    with made.reading() as conn:
        assert match_marks.is_current(conn)
        assert [match.fit.id for match in store_matches.unsent(conn, [1], after=4)] == [
            "arxiv:2611.00001"
        ]
    made.close()


def test_the_fourth_step_lets_subscribers_of_before_learn_from_votes(tmp_path: Path) -> None:
    made = Database(database_url(tmp_path, "old", is_empty=True))
    schema.upgrade(made, "0003")
    with made.writing() as conn:
        conn.exec_driver_sql(ADA)
    assert schema.upgrade(made, "0004") == ["0004"]
    with made.reading() as conn:
        assert conn.exec_driver_sql("SELECT learning FROM subscriber").scalars().all() == [1]
        assert store_votes.counts(conn, 1) == {}
    made.close()


def test_the_fifth_step_keeps_what_was_sent_and_says_of_nothing_that_it_rose(
    tmp_path: Path,
) -> None:
    made = Database(database_url(tmp_path, "old", is_empty=True))
    schema.upgrade(made, "0004")
    with made.writing() as conn:
        for statement in (
            ADA,
            "INSERT INTO paper (id, key, title, abstract, authors, categories, urls, announce,"
            " first_seen_at, updated_at) VALUES (1, 'arxiv:1', 'T', '', '[]', '[]', '{}', 'new',"
            " '2026-11-20 05:00:00.000000', '2026-11-20 05:00:00.000000')",
            "INSERT INTO digest (id, key, subscriber_id, period, subject, papers, more, seen_from,"
            " seen_to, composed_at) VALUES (1, 'k', 1, '2026-11-20', 's', 1, 0, 0, 4,"
            " '2026-11-20 12:00:00.000000')",
            "INSERT INTO digest_paper (digest_id, subscriber_id, paper_id, profile, place, score)"
            " VALUES (1, 1, 1, 'p', 1, 0.5)",
        ):
            conn.exec_driver_sql(statement)
    assert schema.upgrade(made, "0005") == ["0005"]
    with made.reading() as conn:
        assert store_digests.sent_papers(conn, [1]) == {(1, 1)}
        assert conn.exec_driver_sql("SELECT rising FROM digest_paper").scalars().all() == [None]
    made.close()


def test_the_sixth_step_writes_to_subscribers_of_before_in_english(tmp_path: Path) -> None:
    made = Database(database_url(tmp_path, "old", is_empty=True))
    schema.upgrade(made, "0005")
    with made.writing() as conn:
        conn.exec_driver_sql(ADA)
    assert schema.upgrade(made, "0006") == ["0006"]
    schema.upgrade(made)
    with made.reading() as conn:
        ada = store_subscribers.find(conn, "ada@example.org")
    assert ada
    assert (ada.language, ada.tell_nothing) == ("en", False)
    made.close()


def test_the_eighth_step_keeps_suppressions_for_good(tmp_path: Path) -> None:
    made = Database(database_url(tmp_path, "old", is_empty=True))
    schema.upgrade(made, "0007")
    with made.writing() as conn:
        conn.exec_driver_sql(
            "INSERT INTO suppression (address, reason, evidence, since) VALUES"
            " ('ada@example.org', 'dead address', '550', '2026-11-20 12:00:00.000000')"
        )
    assert schema.upgrade(made, "0008") == ["0008"]
    with made.reading() as conn:
        late = NOON + timedelta(days=3650)
        assert store_subscribers.suppression(conn, "ada@example.org", late)
        row = conn.exec_driver_sql("SELECT source, until FROM suppression").one()
    assert tuple(row) == ("smtp", None)
    made.close()


def test_the_ninth_step_knows_no_mailbox_that_was_read(tmp_path: Path) -> None:
    made = Database(database_url(tmp_path, "old", is_empty=True))
    schema.upgrade(made, "0008")
    assert schema.upgrade(made, "0009") == ["0009"]
    schema.upgrade(made)
    with made.reading() as conn:
        assert store_mailbox.health(conn, "a@b") == store_mailbox.Health()
    made.close()


def test_the_tenth_step_has_open_mails_sorted_and_sent_at_the_first_run(tmp_path: Path) -> None:
    made = Database(database_url(tmp_path, "old", is_empty=True))
    schema.upgrade(made, "0009")
    with made.writing() as conn:
        for statement in (
            ADA.replace("example.org", "gmail.com"),
            "INSERT INTO digest (id, key, subscriber_id, period, subject, papers, more, seen_from,"
            " seen_to, composed_at) VALUES (1, 'k', 1, '2026-11-20', 's', 1, 0, 0, 4,"
            " '2026-11-20 11:00:00.000000')",
            "INSERT INTO delivery (digest_id, subscriber_id, state, attempts, not_before,"
            " expires_at) VALUES (1, 1, 'pending', 0, '2026-11-20 11:00:00.000000',"
            " '2026-11-20 23:00:00.000000')",
        ):
            conn.exec_driver_sql(statement)
        content = zlib.compress(b"mail")
        conn.execute(insert(t.message).values(digest_id=1, content=content))
    assert schema.upgrade(made, "0010") == ["0010"]
    taken = claims(made, lambda: NOON).next("me/0")
    assert taken is not None
    assert (taken.mail.address, taken.mail.destination) == ("ada@gmail.com", "google")
    made.close()


def test_a_database_in_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseError, match=r"file/notifier\.db"):
        Database(f"sqlite:///{tmp_path}/file/notifier.db")


def test_the_eleventh_step_adds_letters_and_keeps_everything_else(tmp_path: Path) -> None:
    made = Database(database_url(tmp_path, "old", is_empty=True))
    schema.upgrade(made, "0010")
    with made.writing() as conn:
        conn.exec_driver_sql(ADA)
    assert schema.upgrade(made, "0011") == ["0011"]
    with made.reading() as conn:
        assert store_letters.states(conn) == []
        assert store_buckets.get(conn, "x") is None
        assert conn.exec_driver_sql("SELECT address FROM subscriber").scalars().all() == [
            "ada@example.org"
        ]
    made.close()


def test_the_twelfth_step_adds_signups_and_keeps_everything_else(tmp_path: Path) -> None:
    made = Database(database_url(tmp_path, "old", is_empty=True))
    schema.upgrade(made, "0011")
    with made.writing() as conn:
        conn.exec_driver_sql(ADA)
    assert schema.upgrade(made, "0012") == ["0012"]
    with made.reading() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM signup").scalar_one() == 0
        assert conn.exec_driver_sql("SELECT count(*) FROM subscriber").scalar_one() == 1
    made.close()


def test_the_fifteenth_step_keeps_profiles_and_knows_of_no_rules_before(tmp_path: Path) -> None:
    made = Database(database_url(tmp_path, "old", is_empty=True))
    schema.upgrade(made, "0012")
    with made.writing() as conn:
        conn.exec_driver_sql(ADA)
        conn.exec_driver_sql(
            "INSERT INTO profile (id, subscriber_id, name, rules, enabled, created_at, updated_at)"
            " VALUES (1, 1, 'p', 'RAG', TRUE, '2026-11-20 12:00:00.0', '2026-11-20 12:00:00.0')"
        )
    schema.upgrade(made, "0015")
    with made.reading() as conn:
        (profile,) = store_profiles.of(conn, [1])
        assert (profile.rules, profile.previous) == ("RAG", None)
    made.close()


def test_the_sixteenth_step_adds_keys_and_answers_and_keeps_everything_else(
    tmp_path: Path,
) -> None:
    made = Database(database_url(tmp_path, "old", is_empty=True))
    schema.upgrade(made, "0015")
    with made.writing() as conn:
        conn.exec_driver_sql(ADA)
    assert schema.upgrade(made, "0016") == ["0016"]
    with made.reading() as conn:
        assert store_api_keys.every(conn) == []
        assert store_answers.find(conn, "x") is None
        assert conn.exec_driver_sql("SELECT count(*) FROM subscriber").scalar_one() == 1
    made.close()


@pytest.mark.parametrize(
    ("step", "before", "added"),
    [
        ("0013", "0012", "SELECT text_only FROM subscriber"),
        ("0014", "0013", "SELECT count(*) FROM channel"),
        ("0017", "0016", "SELECT count(*) FROM feed"),
        ("0019", "0018", "SELECT count(*) FROM alert"),
        ("0025", "0024", "SELECT count(*) FROM saved_feed"),
        ("0018", "0017", "SELECT (SELECT count(*) FROM process) + (SELECT count(*) FROM lease)"),
    ],
)
def test_a_step_adds_what_nobody_has_yet_and_keeps_everybody(
    tmp_path: Path, step: str, before: str, added: str
) -> None:
    made = Database(database_url(tmp_path, "old", is_empty=True))
    schema.upgrade(made, before)
    with made.writing() as conn:
        conn.exec_driver_sql(ADA)
    assert schema.upgrade(made, step) == [step]
    with made.reading() as conn:
        assert conn.exec_driver_sql(added).scalar_one() == 0
        assert conn.exec_driver_sql("SELECT count(*) FROM subscriber").scalar_one() == 1
    made.close()


def test_the_twentieth_step_leaves_profiles_of_who_left_out_of_what_waits(tmp_path: Path) -> None:
    made = Database(database_url(tmp_path, "old", is_empty=True))
    schema.upgrade(made, BEFORE_THE_TWENTIETH)
    with made.writing() as conn:
        conn.exec_driver_sql(ADA)
        conn.exec_driver_sql(ADA.replace("(1, 'ada@", "(2, 'bo@").replace("'active'", "'left'"))
        for row in (1, 2):
            conn.exec_driver_sql(one_profile(row, matched="FALSE"))
    assert schema.upgrade(made, "0020") == ["0020"]
    with made.reading() as conn:
        found = conn.exec_driver_sql("SELECT id FROM profile WHERE NOT matched").scalars()
        assert list(found) == [1]
        assert [one.row for one in store_profiles.unmatched(conn, limit=9)] == [1]
    made.close()


def test_the_steps_to_packed_matches_have_who_is_mailed_matched_again(tmp_path: Path) -> None:
    made = Database(database_url(tmp_path, "old", is_empty=True))
    schema.upgrade(made, BEFORE_PACKED_MATCHES)
    with made.writing() as conn:
        conn.exec_driver_sql(
            "INSERT INTO paper (id, key, title, abstract, authors, categories, urls, announce,"
            " first_seen_at, updated_at, arrival, arrived_at) VALUES (1, 'arxiv:2611.00001',"
            " 'On RAG', '', '[]', '[]', '{}', 'new', '2026-11-20 12:00:00.000000',"
            " '2026-11-20 12:00:00.000000', 5, '2026-11-20 12:00:00.000000')"
        )
        conn.exec_driver_sql(ADA)
        conn.exec_driver_sql(ADA.replace("(1, 'ada@", "(2, 'bo@").replace("'active'", "'left'"))
        for row in (1, 2):
            conn.exec_driver_sql(one_profile(row, matched="TRUE"))
            conn.exec_driver_sql(
                "INSERT INTO profile_match (profile_id, paper_id, number, relevance, rules,"
                f" trending) VALUES ({row}, 1, 5, 0.5, '1', FALSE)"
            )
    assert "0023" in schema.upgrade(made)
    matcher = Matcher(made, MatchSettings(9, OrderSettings()), Shelves(None))
    with made.reading() as conn:
        assert store_matches.of(conn, [1, 2]) == []
        assert conn.exec_driver_sql("SELECT id FROM profile WHERE matched").scalars().all() == [2]
    assert matcher.run(now=NOON) == Matched(papers=0, profiles=1, matches=1)
    with made.reading() as conn:
        assert [one.fit.id for one in store_matches.of(conn, [1, 2])] == ["arxiv:2611.00001"]
    made.close()


def test_the_step_after_it_keeps_which_papers_reached_whom_and_each_once(tmp_path: Path) -> None:
    made = Database(database_url(tmp_path, "old", is_empty=True))
    schema.upgrade(made, "0023")
    held = "INSERT INTO digest_paper ({0}digest_id, subscriber_id, paper_id, profile, place, score)"
    with made.writing() as conn:
        conn.exec_driver_sql(ADA)
        conn.exec_driver_sql(
            "INSERT INTO digest (id, key, subscriber_id, period, subject, papers, more, seen_from,"
            " seen_to, composed_at) VALUES (1, 'k', 1, '2026-11-20', 's', 2, 0, 0, 4,"
            " '2026-11-20 12:00:00.000000')"
        )
        for row in (3, 2):
            conn.exec_driver_sql(
                "INSERT INTO paper (id, key, title, abstract, authors, categories, urls, announce,"
                f" first_seen_at, updated_at) VALUES ({row}, 'arxiv:{row}', 'T', '', '[]', '[]',"
                " '{}', 'new', '2026-11-20 05:00:00.000000', '2026-11-20 05:00:00.000000')"
            )
            values = f"VALUES ({row + 6}, 1, 1, {row}, 'p', {row}, 0.5)"
            conn.exec_driver_sql(f"{held.format('id, ')} {values}")
    assert schema.upgrade(made, "0024") == ["0024"]
    with made.reading() as conn:
        assert store_digests.sent_papers(conn, [1]) == {(1, 2), (1, 3)}
        assert [one.paper for one in store_archive.held(conn, 1)] == [2, 3]
    with pytest.raises(IntegrityError), made.writing() as conn:
        conn.exec_driver_sql(f"{held.format('')} VALUES (1, 1, 2, 'p', 1, 0.5)")
    with made.writing() as conn:
        conn.exec_driver_sql("DELETE FROM digest")
        assert store_digests.sent_papers(conn, [1]) == set()
    made.close()
