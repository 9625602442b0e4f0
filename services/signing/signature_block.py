"""Blocks of a signature in a text layer: post above, room, name below (boxes 7a to 7c of Decree 30/2020, annex I).

Each signer's own block is known by their name and post; a name that merely occurs in the text has no room above it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from services.signing.box import MM, Box, around
from services.signing.text_layer import Page, Piece, TextLayer, bare, marked

LEAST_ROOM = 10 * MM  # between post and name, or nobody can sign there
MOST_ROOM = 70 * MM  # beyond, the post above belongs to something else
USUAL_ROOM = 35 * MM
MARGIN = 20 * MM
_STACKED = 40.0  # points at most between the base lines of a post's lines
# Before a name: degrees and ranks, without marks ("PGS.TS.", "Đại tá", "Ông").
_TITLE = re.compile(
    r"(?:gs|pgs|ts|tskh|ths|bs|ds|ks|kts|cn|cv|ls|ck|cki|ckii|i|ii|nsnd|nsut|nguoiky|ong|ba|dongchi"
    r"|(?:thieu|trung|thuong|dai)(?:uy|ta|tuong))+"
)


@dataclass(frozen=True)
class Sought:
    """A signer whose block is looked for: name, post, and the lines of authority and post as they are printed."""

    name: str
    post: str
    block: tuple[str, ...] = ()

    @cached_property
    def bare_name(self) -> str:
        return bare(self.name)

    @cached_property
    def bare_posts(self) -> tuple[str, ...]:
        """The last line of the block, and the post as the registry has it."""
        last = (bare(self.block[-1]),) if self.block else ()
        return tuple(dict.fromkeys(post for post in (*last, bare(self.post)) if post))

    @cached_property
    def bare_block(self) -> str:
        return bare("".join(self.block))


@dataclass(frozen=True, slots=True)
class Block:
    """Room for one signature. `basis`: what of the signer it was known by; the higher the score, the surer."""

    box: Box
    basis: str
    score: float
    above: tuple[Piece, ...] = field(repr=False)

    @property
    def is_sure(self) -> bool:
        return self.score >= SURE


SURE = 10.0
FEW_PAGES = 4  # up to here a page is read in full as soon as its words would be looked at


def find_blocks(layer: TextLayer, sought: Sequence[Sought]) -> list[Block | None]:
    """The block of each signer, or None; no two signers get the same.

    1. Pages are looked at from both ends, and only those whose words promise something are read in full, until each
       signer's block is certain: own name under own post, on a page that has "Nơi nhận".
    2. Names decide before posts: whoever stands under a post by name has it.
    3. Those left get, in their order, what the layout shows besides: the first is the one who leads.
    """
    found: dict[int, list[Block]] = {n: [] for n in range(len(sought))}
    for index in _from_both_ends(len(layer)):
        if len(layer) > FEW_PAGES and not _promises(layer, index, sought):
            continue
        page = layer.page(index)
        for n, signer in enumerate(sought):
            found[n] += candidates(page, signer)
        if all(any(b.is_sure for b in blocks) for blocks in found.values()):
            break
    chosen = _assign(found)
    left = [n for n in found if n not in chosen]
    if left:
        pages = [layer.page(i) for i in _from_both_ends(len(layer)) if _has_layout(layer, i, chosen)]
        spare = [b for page in pages for b in layout_blocks(page) if not _is_taken(b, chosen)]
        if spare:
            spare = [b for b in spare if b.box.page == spare[0].box.page]
            spare.sort(key=lambda b: (round(b.box.y0 / 30), b.box.x0))
        chosen |= dict(zip(left, spare, strict=False))
    return [chosen.get(n) for n in range(len(sought))]


def candidates(page: Page, signer: Sought) -> Iterator[Block]:
    """Every place on a page that may be this signer's."""
    has_recipients = recipients(page) is not None
    for run in _runs_of_name(page, signer.bare_name):
        if block := _over_name(page, run, signer, has_recipients=has_recipients):
            yield block
    for target in signer.bare_posts:
        for run in _runs(page.pieces, target):
            if block := _under_post(page, run, signer, has_recipients=has_recipients):
                yield block


def layout_blocks(page: Page) -> list[Block]:
    """Rooms under upper-case lines beside "Nơi nhận" (9b) that say nothing of whose they are."""
    to = recipients(page)
    start = to.y0 - 30 if to else 0.0
    blocks = []
    for stack in _upper_stacks(page, start=start, left=0.42 * page.width if to else 0.0):
        room = _room_below(page, stack)
        if room and (to or room[1]):
            blocks.append(Block(room[0], "layout", 1.0, tuple(stack)))
    return blocks if to or len(blocks) > 1 else []


def recipients(page: Page) -> Box | None:
    """The list under "Nơi nhận" (9b), or None."""
    heads = [p for p in page.pieces if p.bare.startswith("noinhan") and len(p.bare) < 12]
    heads = [p for p in heads if p.box.x0 < 0.45 * page.width and p.text.rstrip().endswith((":", "n"))]
    if not heads:
        return None
    head = heads[-1]
    held, last = [head.box], head.box
    for piece in page.pieces:
        box = piece.box
        starts_in_list = head.box.x0 - 15 <= box.x0 <= head.box.x0 + 50
        if box.y0 > head.box.y0 and starts_in_list and box.y0 - last.y1 < 20:
            held.append(box)
            last = box
    return around(held)


def _from_both_ends(pages: int) -> Iterator[int]:
    for n in range((pages + 1) // 2):
        yield n
        if pages - 1 - n > n:
            yield pages - 1 - n


def _promises(layer: TextLayer, index: int, sought: Sequence[Sought]) -> bool:
    """Whether the page has two neighbouring words of a name, or a post in upper case, or a whole name in pieces."""
    text, upper = layer.hints(index)
    for signer in sought:
        words = [bare(w) for w in signer.name.split()]
        pairs = [a + b for a, b in itertools.pairwise(words)] or words
        if any(pair and pair in text for pair in pairs):
            return True
        if any(post.upper() in upper for post in signer.bare_posts):
            return True
    return False


def _has_layout(layer: TextLayer, index: int, chosen: dict[int, Block]) -> bool:
    if any(b.box.page == index + 1 for b in chosen.values()):
        return True
    return "noinhan" in layer.hints(index)[0]


def _assign(found: dict[int, list[Block]]) -> dict[int, Block]:
    """The best-scored first; a block that somebody has is nobody else's."""
    chosen: dict[int, Block] = {}
    ranked = sorted(((-b.score, b.box.page, n, i) for n, blocks in found.items() for i, b in enumerate(blocks)))
    for _, _, n, i in ranked:
        block = found[n][i]
        if n not in chosen and not _is_taken(block, chosen):
            chosen[n] = block
    return chosen


def _is_taken(block: Block, chosen: dict[int, Block]) -> bool:
    return any(
        block.box.overlap(other.box) > 0.2 * min(_area(block.box), _area(other.box)) for other in chosen.values()
    )


def _area(box: Box) -> float:
    return box.width * box.height


# --- by name, by post


def _over_name(page: Page, run: tuple[Piece, ...], signer: Sought, *, has_recipients: bool) -> Block | None:
    """The room above a name: 6 for the name, up to 3 for the post, 1 for the marks, 2 for "Nơi nhận"."""
    stack = _stack_above(page, run[0])
    bottom, top = run[0].box.y0, stack[-1].box.y1 if stack else MARGIN
    if bottom - top > MOST_ROOM:
        stack, top = [], bottom - USUAL_ROOM
    if bottom - top < LEAST_ROOM:
        return None
    post = _post_score(stack, signer)
    right = marked("".join(p.text for p in run))
    score = 6.0 + post + (marked(signer.name) == right) + 2 * has_recipients
    wide = [*stack[-1:], *run] if post or (stack and stack[-1].box.width < page.width / 2) else [*run]
    x0, x1 = min(p.box.x0 for p in wide), max(p.box.x1 for p in wide)
    return Block(Box(page.number, x0, top, x1, bottom), "name_post" if post else "name", score, tuple(stack))


def _under_post(page: Page, run: tuple[Piece, ...], signer: Sought, *, has_recipients: bool) -> Block | None:
    """The room under a post that is in upper case or has a name far enough below it; somebody else's may stand there."""
    stack = [*_stack_above(page, run[0]), *run]
    room = _room_below(page, run)
    if room is None or not (room[1] or has_recipients) or not (run[-1].is_upper or room[1]):
        return None
    score = 2.0 + _post_score(stack, signer) / 2 + has_recipients + room[1]
    return Block(room[0], "post", score, tuple(stack))


def _post_score(stack: Sequence[Piece], signer: Sought) -> int:
    """3: the whole block of authority and post; 2: the post; 1: the post with more or fewer words."""
    lines = [p.bare for p in stack if not p.text.startswith("(")]
    tails = ["".join(lines[-k:]) for k in range(1, min(len(lines), 8) + 1)]
    if signer.bare_block and signer.bare_block in tails:
        return 3
    if any(post in tails for post in signer.bare_posts):
        return 2
    near = (post.startswith(tail) or tail.startswith(post) for post in signer.bare_posts for tail in tails[:3])
    return int(any(near))


def _runs_of_name(page: Page, target: str) -> Iterator[tuple[Piece, ...]]:
    """The name as a line of its own, or broken over lines, with a degree or rank before it perhaps."""
    if len(target) < 4:
        return
    seen = set()
    for pieces in (page.pieces, page.narrow_pieces):
        for run in _runs(pieces, target, titled=True):
            listed = _is_item(run[0]) or run[-1].text.endswith((";", ","))
            if not listed and run[0].box not in seen:
                seen.add(run[0].box)
                yield run


def _runs(pieces: Sequence[Piece], target: str, *, titled: bool = False) -> Iterator[tuple[Piece, ...]]:
    """Pieces under each other that say `target` (bare) and nothing else."""
    for piece in pieces:
        said = _untitled(piece.bare, target) if titled else piece.bare
        run, last = [piece], piece
        while said and said != target and target.startswith(said) and len(run) < 4:
            below = _next_below(pieces, last)
            if below is None:
                break
            run.append(below)
            last, said = below, said + below.bare
        if said == target:
            yield tuple(run)


def _untitled(said: str, target: str) -> str:
    at = said.find(target[: max(3, len(target) // 3)])
    return said[at:] if at > 0 and _TITLE.fullmatch(said[:at]) else said


def _next_below(pieces: Sequence[Piece], piece: Piece) -> Piece | None:
    """The piece of the next line in the same column."""
    box = piece.box
    below = [p for p in pieces if p.bare and 0 < p.baseline - piece.baseline < 2.2 * box.height]
    return min((p for p in below if p.shares_column(piece)), key=lambda p: p.baseline, default=None)


def _stack_above(page: Page, piece: Piece) -> list[Piece]:
    """The lines over a piece in its column, from top to bottom: the nearest, and what stands close above that."""
    over = [p for p in page.pieces if p.baseline < piece.baseline - 2 and p.shares_column(piece) and not _is_item(p)]
    over.sort(key=lambda p: -p.baseline)
    stack: list[Piece] = []
    for candidate in over:
        if stack and stack[-1].baseline - candidate.baseline > _STACKED:
            break
        if not stack or candidate.baseline < stack[-1].baseline - 2:
            stack.append(candidate)
    return stack[7::-1] if len(stack) > 8 else stack[::-1]


def _is_item(piece: Piece) -> bool:
    """A line of the recipients' list, which may reach under the post."""
    return piece.text.startswith(("-", "+", "–", "•")) or piece.bare.startswith("noinhan")


# --- by layout


def _room_below(page: Page, stack: Sequence[Piece]) -> tuple[Box, bool] | None:
    """The room under a post, and whether a name ends it; None when there is too little."""
    post = stack[-1]
    notes = [p for p in page.pieces if 0 < p.baseline - post.baseline < _STACKED and p.text.startswith("(")]
    top = max([post.box.y1, *(p.box.y1 for p in notes if p.shares_column(post))])
    below = [p for p in page.pieces if p.box.y0 >= top - 2 and p.shares_column(post) and not _is_item(p) and p.bare]
    below = [p for p in below if p not in notes]
    name = min(below, key=lambda p: p.baseline, default=None)
    if name and name.box.y0 - top <= MOST_ROOM and _is_name(name):
        wide, bottom = [post, name], name.box.y0
    elif name:
        wide, bottom = [post], min(top + USUAL_ROOM, name.box.y0)
    else:
        wide, bottom = [post], min(top + USUAL_ROOM, page.height - MARGIN)
    if bottom - top < LEAST_ROOM:
        return None
    x0, x1 = min(p.box.x0 for p in wide), max(p.box.x1 for p in wide)
    return Box(page.number, x0, top, x1, bottom), len(wide) == 2


def _is_name(piece: Piece) -> bool:
    letters = piece.bare
    return 4 <= len(letters) <= 40 and letters.isalpha() and not piece.text.endswith((".", ";", ":", ","))


def _upper_stacks(page: Page, *, start: float, left: float) -> list[list[Piece]]:
    """Upper-case lines standing close under each other in one column."""
    stacks: list[list[Piece]] = []
    for piece in page.pieces:
        if piece.box.y0 <= start or piece.box.x0 <= left or not piece.is_upper:
            continue
        for stack in stacks:
            if piece.baseline - stack[-1].baseline < _STACKED and piece.shares_column(stack[-1]):
                stack.append(piece)
                break
        else:
            stacks.append([piece])
    return stacks
