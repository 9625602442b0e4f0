"""What registry does when others state facts: it keeps portal's keys, to know who asks."""

from __future__ import annotations

from shared.events.portal import KEY, KeyStated
from shared.inbox import Follower
from shared.tokens import receive_key


def follower() -> Follower:
    return Follower("registry", (KEY.name,), {KeyStated: receive_key})
