"""A mail's commands in one write, where the server offers PIPELINING (RFC 2920).

MAIL, RCPT and DATA, and RSET before them after a refusal, cost one round trip and not one each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiosmtplib import SMTPException

from notifier.delivery.client import Client, checked
from notifier.delivery.envelope import Command
from notifier.delivery.replies import Replies, is_refusal


class Pipelined(Client):
    """A client that does not wait for an answer before the next command.

    `stage` is that of the first command without a good answer. `prompt_seconds` is also for the
    answers to what was said behind a refused command.
    """

    async def _say(self, commands: Sequence[Command]) -> None:
        if not self.supports_extension("pipelining"):
            await super()._say(commands)
            return
        replies, patience = self.replies, self.patience()
        replies.send(command.line for command in commands)
        for number, command in enumerate(commands, 1):
            self.stage = command.stage
            async with asyncio.timeout(patience):
                answer = await replies.read_response()
            if answer.code // 100 != command.wanted:
                await self._take_back(replies, answer.code, commands[number:])
            checked(answer, command.wanted)
            patience = None

    async def _take_back(self, replies: Replies, code: int, left: Sequence[Command]) -> None:
        """After a refusal fetch the answers to what was said behind it, or close.

        DATA may have been taken although no recipient was; then a lone dot ends it (RFC 2920,
        3.1). Where a recipient was taken, a dot would send an empty mail: that is closed.
        """
        if not is_refusal(code):
            self.close()
            return
        try:
            async with asyncio.timeout(self.prompt_seconds):
                codes = [(await replies.read_response()).code for _ in left]
                said = zip(left, codes, strict=True)
                taken = [command.stage for command, code in said if code // 100 == command.wanted]
                if taken == ["data"]:
                    await replies.execute_command(b".")
                elif taken or not all(map(is_refusal, codes)):
                    self.close()
        except (SMTPException, OSError):
            self.close()
