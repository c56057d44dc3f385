"""[database]: where everything is kept."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, urlsplit

from pydantic import SecretStr

from notifier import errors
from notifier.config_values import OneLine, Section, secret


class Database(Section):
    """[database]"""

    url: OneLine = "sqlite:///notifier.db"
    password_file: Path | None = None


def resolved(database: Database, folder: Path) -> Database:
    """A file's path made absolute, the password read from its file.

    `sqlite:///name.db` counts from `folder`; `sqlite:////absolute` stays.

    Raises:
        ConfigError: the password cannot be read, or the URL names nobody whose it could be.
    """
    url = database.url
    scheme, separator, path = url.partition(":///")
    is_relative = not path.startswith(("/", ":memory:"))
    if separator and scheme.startswith("sqlite") and is_relative:
        url = f"{scheme}:///{folder / path}"
    if database.password_file:
        key = "database.password_file"
        password = secret(SecretStr(""), database.password_file, folder, key).get_secret_value()
        url = _with_password(url, password)
    return database.model_copy(update={"url": url})


def _with_password(url: str, password: str) -> str:
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    if not user or not parts.scheme.startswith("postgres"):
        raise errors.ConfigError(
            "database.password_file is for a user of PostgreSQL - write database.url like "
            '"postgresql://USER@HOST/NAME"'
        )
    login = f"{user.partition(':')[0]}:{quote(password, safe='')}"
    return parts._replace(netloc=f"{login}@{host}").geturl()
