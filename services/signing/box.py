"""Rectangles on a page as shown: the one measure that placement, previews and corrections speak."""

from __future__ import annotations

from dataclasses import dataclass, replace

MM = 72 / 25.4


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on page `page` (from 1) in shown points: x0 < x1 to the right, y0 < y1 downwards."""

    page: int
    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def middle(self) -> tuple[float, float]:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def moved(self, dx: float = 0.0, dy: float = 0.0) -> Box:
        return replace(self, x0=self.x0 + dx, y0=self.y0 + dy, x1=self.x1 + dx, y1=self.y1 + dy)

    def grown(self, by: float) -> Box:
        return Box(self.page, self.x0 - by, self.y0 - by, self.x1 + by, self.y1 + by)

    def overlap(self, other: Box) -> float:
        """The area that both cover, in square points; 0 on different pages."""
        if self.page != other.page:
            return 0.0
        wide = min(self.x1, other.x1) - max(self.x0, other.x0)
        high = min(self.y1, other.y1) - max(self.y0, other.y0)
        return max(0.0, wide) * max(0.0, high)


def around(boxes: list[Box]) -> Box:
    """The smallest box that holds all of these, which are on one page."""
    return Box(
        boxes[0].page,
        min(b.x0 for b in boxes),
        min(b.y0 for b in boxes),
        max(b.x1 for b in boxes),
        max(b.y1 for b in boxes),
    )
