"""Addresses in bounces that follow no standard, found by flufl.bounce.

Addresses only: it calls a full mailbox and a spam filter's refusal as permanent as a dead
address, and it raises on some mails.
"""

from __future__ import annotations

from email.message import Message


def addresses(message: Message) -> tuple[str, ...]:
    """Return the addresses that a bounce names, in order of the alphabet; none when in doubt."""
    import logging

    from flufl.bounce import all_failures

    logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)
    try:
        temporary, permanent = all_failures(message)
        found = {one.decode("ascii").strip().lower() for one in {*temporary, *permanent}}
    except Exception:  # of any kind: what strangers send stops nobody
        return ()
    return tuple(sorted(one for one in found if "@" in one.strip("@")))
