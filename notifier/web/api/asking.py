"""What a handler asks for: the instance, and who holds the key."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from notifier.app import App


def _instance(request: Request) -> App:
    instance: App = request.app.state.instance
    return instance


Instance = Annotated[App, Depends(_instance)]
