"""What a key lets its holder do. Pure."""

from __future__ import annotations

from collections.abc import Collection
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from notifier import errors

Scope: TypeAlias = Literal["papers", "read", "write", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
# What each lets do beside itself.
_ALSO = MappingProxyType({"read": ("papers",), "admin": ("papers", "read", "write")})
IN_WORDS = MappingProxyType(
    {
        "papers": "search papers, test rules, read statistics: nothing about people",
        "read": "that, and read subscribers, profiles, digests and deliveries",
        "write": "add, change and remove subscribers and their profiles",
        "admin": "all that, send mails again or drop them, and open /admin",
    }
)


def allows(held: Collection[str], wanted: Scope) -> bool:
    """Whether a key with these scopes may do what needs one."""
    return any(wanted == scope or wanted in _ALSO.get(scope, ()) for scope in held)


def checked(typed: Collection[str]) -> tuple[Scope, ...]:
    """Return scopes in their order, each once.

    Raises:
        UsageError: there is none, or one that does not exist.
    """
    there = ", ".join(SCOPES)
    for scope in typed:
        if scope not in SCOPES:
            raise errors.UsageError(f'"{scope}" is no scope - there are {there}')
    if not typed:
        raise errors.UsageError(f"a key without a scope is of no use - there are {there}")
    return tuple(scope for scope in SCOPES if scope in typed)
