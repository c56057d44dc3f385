"""The API does what its description says, whatever is asked of it.

`NOTIFIER_API_EXAMPLES=200 pytest tests/test_api_schema.py` asks more of each operation.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig

from notifier.storage import store_digests
from notifier.web.api.application import routes

from .api import API, a_key, in_a_thread, many

EXAMPLES = int(os.environ.get("NOTIFIER_API_EXAMPLES", "15"))
OPERATIONS = [(method, route.path_format) for route in routes() for method in route.methods or ()]
PEOPLE = 20
ASK = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
    derandomize=EXAMPLES <= 15,
)


@dataclass(frozen=True)
class Served:
    """A running API with its description; `keys` are those of digests there are."""

    schema: Any
    base: str
    headers: dict[str, str]
    keys: list[str]
    session: requests.Session


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    place = many(tmp_path_factory.mktemp("api"), 3 * PEOPLE)
    headers = {"Authorization": f"Bearer {a_key(place)}"}
    with place.app.database.reading() as conn:
        keys = [one.key for one in store_digests.listed(conn)]
    with in_a_thread(place.app) as base, requests.Session() as session:
        described = session.get(f"{base}{API}/openapi.json").json()
        described["servers"] = [{"url": base + API}]
        # Rules, cursors, zones and addresses have grammars that a schema cannot say.
        checks = {
            "positive_data_acceptance": {"enabled": False},
            "negative_data_rejection": {"expected-statuses": ["400", "404", "413", "415", "422"]},
        }
        config = SchemathesisConfig.from_dict({"headers": headers, "checks": checks})
        schema = schemathesis.openapi.from_dict(described, config=config)
        yield Served(schema, base + API, headers, keys, session)
    place.app.close()


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[" ".join(o) for o in OPERATIONS])
def test_every_answer_is_one_that_is_described(served: Served, method: str, path: str) -> None:
    operation = served.schema[path][method]

    @ASK
    @given(case=operation.as_strategy(), real=st.integers(0, 2 * PEOPLE))
    def ask_well(case: Any, real: int) -> None:
        if "subscriber" in case.path_parameters:
            removes = method == "DELETE" and "profiles" not in path
            case.path_parameters["subscriber"] = real + (PEOPLE if removes else 1)
        if "key" in case.path_parameters and real:
            case.path_parameters["key"] = served.keys[real % len(served.keys)]
        if path == "/papers/{name}" and real % 2:
            case.path_parameters["name"] = "arxiv:2611.00001"
        check(served, case)

    @ASK
    @given(case=operation.as_strategy(GenerationMode.NEGATIVE))
    def ask_badly(case: Any) -> None:
        check(served, case)

    ask_well()
    if operation.body or operation.query or operation.path_parameters:
        ask_badly()


def check(served: Served, case: Any) -> None:
    response = case.call(served.base, session=served.session, headers=served.headers)
    case.validate_response(response, headers=served.headers)
