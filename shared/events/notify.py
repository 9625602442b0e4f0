"""What notify states: nothing but acts."""

from __future__ import annotations

from shared.events.envelope import Act, topic

ACT = topic("notify.act", "fact", stated_by="notify", followed_by=("docs",), partitions=6)


class NotifyAct(Act, type="vn.vanthu.notify.act.recorded.v1", topic=ACT, key="object_id"):
    """A notice read, a preference changed."""
