"""The daemon as it is watched: probes and numbers without pages, and each pass told elsewhere."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import httpx2 as httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from .sink import listening
from .test_daemon import READERS, SlowSink, code_after_sigterm, prepare, process


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.anyio
async def test_a_daemon_without_pages_answers_who_watches_and_tells_of_its_passes(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    told, loop = asyncio.Event(), asyncio.get_running_loop()

    def ended(request: Request) -> Response:
        loop.call_soon_threadsafe(told.set)
        return Response("OK")

    httpserver.expect_request("/secret/start").respond_with_data("OK")
    httpserver.expect_request("/secret").respond_with_handler(ended)
    port = free_port()
    async with listening(SlowSink(0.0)) as sink:
        config = prepare(tmp_path, sink.port)
        with config.open("a") as file:
            url = httpserver.url_for("/secret")
            file.write(f"[health]\nlisten = '127.0.0.1:{port}'\nping_url = '{url}'\n")
        only = ("--only", "scheduler,worker")
        async with process("run", *only, "--config", config) as daemon:
            await asyncio.wait_for(sink.complete.wait(), 60)
            await asyncio.wait_for(told.wait(), 60)
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
                assert (await http.get("/healthz")).text == "ok\n"
                ready = await http.get("/readyz", headers={"Host": "10.0.0.7"})
                text = (await http.get("/metrics")).text
                assert (await http.get("/")).status_code == 404, "there are no pages"
            assert await code_after_sigterm(daemon) == 0
            assert daemon.stderr is not None
            log = (await daemon.stderr.read()).decode()
    assert ready.json() == {
        "ready": True,
        "checks": {"database": "ok", "schema": "ok", "process": "ok", "work": "ok"},
        "scheduler": "here",
    }
    found = {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["notifier_mail_seconds_count", ("taken",)] == READERS
    assert found["notifier_scheduler_is_leader", ()] == 1
    assert found["notifier_processes", ("scheduler",)] == 1
    assert found["notifier_tick_age_seconds", ()] < 5
    assert [asked.path for asked, _ in httpserver.log] == ["/secret/start", "/secret"]
    assert "secret" not in log
    assert "@example.org" not in log
