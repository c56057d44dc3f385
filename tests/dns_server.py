"""A name server of the test's own on a loopback port: it knows what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

# By "name KIND": the records, with TXT in one piece; None: the server fails at this question.
Zone: TypeAlias = Mapping[str, Sequence[str] | None]


class _Server(asyncio.DatagramProtocol):
    def __init__(self, zone: Zone, asked: list[str]) -> None:
        self._zone, self._asked = zone, asked

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        self._transport.sendto(self._answer(dns.message.from_wire(data)).to_wire(), address)

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        (question,) = query.question
        name, kind = question.name.to_text(omit_final_dot=True), question.rdtype.name
        self._asked.append(f"{name} {kind}")
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA | dns.flags.AA
        names = {one.rpartition(" ")[0] for one in self._zone}
        found = self._zone.get(f"{name} {kind}", ())
        if found is None:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif not found and name not in names:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif found:
            texts = [_quoted(one) if kind == "TXT" else one for one in found]
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *texts))
        return answer


def _quoted(text: str) -> str:
    """TXT records are strings of at most 255 bytes."""
    return " ".join(f'"{text[start : start + 200]}"' for start in range(0, len(text), 200) or [0])


@asynccontextmanager
async def name_server(zone: Zone) -> AsyncIterator[tuple[int, list[str]]]:
    """Yield the port of a server that knows a zone, and what it was asked."""
    asked: list[str] = []
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Server(zone, asked), local_addr=("127.0.0.1", 0)
    )
    try:
        yield transport.get_extra_info("sockname")[1], asked
    finally:
        transport.close()
