"""The Tk process behind window_tk.py: draws what it is told, answers what it is asked.

The PIN lives in its entry field and in one line of its pipe, nowhere else.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
import tkinter as tk
from collections.abc import Callable
from pathlib import Path
from tkinter import font, ttk
from typing import Any

from vanthu_sign.window import plain, view
from vanthu_sign.words import say

PREVIEW = 450  # pixels
AROUND = 210  # pixels of the window above and below the page
TICK = 40  # milliseconds
DEAF = 0.7  # seconds
BAD, QUIET, PAPER = "#a4161a", "#555555", "#fafaf7"


class Desk:
    """The one window of this process."""

    def __init__(self) -> None:
        self.root = tk.Tk()
        self.root.withdraw()  # until there is something to see, and a question to answer
        self.root.title("vanthu-sign")
        self.root.protocol("WM_DELETE_WINDOW", self._stop)
        self._fonts()
        self._said: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._pending = ""  # the question that waits for an answer
        self._deaf_until = 0.0  # keys that were meant for the window before this one are not taken for a decision
        self._pin: str | None = None  # typed together with the choice, handed over at the next question
        self._boxes: dict[str, tk.BooleanVar] = {}
        self._documents: dict[str, dict[str, Any]] = {}
        self._picture: tk.PhotoImage | None = None
        self._height = 720
        threading.Thread(target=self._listen, daemon=True).start()
        self.root.after(TICK, self._hear)

    def _fonts(self) -> None:
        family = font.nametofont("TkDefaultFont").actual("family")
        for name in ("TkDefaultFont", "TkTextFont"):
            font.nametofont(name).configure(size=11)
        self._large = font.Font(family=family, size=28, weight="bold")
        self._bold = font.Font(family=family, size=12, weight="bold")
        style = ttk.Style()
        style.theme_use("clam")
        style.configure(".", background=PAPER)
        self.root.configure(background=PAPER)

    def _listen(self) -> None:
        for line in sys.stdin:
            self._said.put(json.loads(line))
        self._said.put(None)

    def _hear(self) -> None:
        while not self._said.empty():
            said = self._said.get()
            if said is None:
                self.root.destroy()
                return
            acts: dict[str, Callable[..., None]] = {
                "pair": self._pair,
                "show": self._show,
                "choose": self._choose,
                "pin": self._ask_pin,
                "approve": self._approve,
            }
            acts[said.pop("what")](**said)
        self.root.after(TICK, self._hear)

    def _answer(self, found: Any) -> None:
        if self._pending:
            self._pending = ""
            sys.stdout.write(json.dumps(found) + "\n")
            sys.stdout.flush()

    def _stop(self) -> None:
        """Closing the window is an answer: no."""
        if self._pending:
            self._answer({"pair": False, "approve": "stop"}.get(self._pending))
        else:
            self.root.iconify()  # what was begun goes on; the window comes back with its results

    # pairing

    def _pair(self, origin: str, code: str) -> None:
        self._pending = "pair"
        frame = ttk.Frame(self.root, padding=24)
        frame.pack()
        ttk.Label(frame, text=say("Trang này xin ghép nối với chương trình ký:", "This page asks to be paired:")).pack()
        ttk.Label(frame, text=plain(origin), font=self._bold).pack(pady=4)
        ttk.Label(frame, text=f"{code[:3]} {code[3:]}", font=self._large).pack(pady=12)
        warning = say(
            "Chỉ đồng ý khi chính bạn đang mở trang đó và trang hiện đúng mã này.",
            "Agree only when you have that page open yourself and it shows this same code.",
        )
        ttk.Label(frame, text=warning, wraplength=380, justify="center").pack(pady=(0, 16))
        row = ttk.Frame(frame)
        row.pack()
        ttk.Button(row, text=say("Không", "No"), command=self._stop).pack(side="left", padx=6)
        same = ttk.Button(row, text=say("Mã giống nhau", "The same"), command=self._same)
        same.pack(side="left", padx=6)
        self._raise()

    def _same(self) -> None:
        if time.monotonic() >= self._deaf_until:
            self._answer(found=True)

    # a sitting

    def _show(self, lines: list[str], documents: list[dict[str, Any]]) -> None:
        self._documents = {str(one["document_id"]): one for one in documents}
        self._height = min(860, self.root.winfo_screenheight() - 60)  # the desktop's own bars are there too
        self.root.geometry(f"{min(1040, self.root.winfo_screenwidth())}x{self._height}")
        top = ttk.Frame(self.root, padding=(16, 12))
        top.pack(fill="x")
        ttk.Label(top, text=plain(lines[0]), font=self._bold).pack(anchor="w")
        for line in lines[1:]:
            ttk.Label(top, text=plain(line)).pack(anchor="w")
        self._foot()
        middle = ttk.Frame(self.root, padding=(16, 0))
        middle.pack(fill="both", expand=True)
        self._preview = ttk.Label(middle, anchor="n", width=PREVIEW // 8)
        self._preview.pack(side="right", fill="y")
        rows = _scrolled(middle)
        for number, one in enumerate(documents, 1):
            self._row(rows, number, one)
        if documents:
            self._look(documents[0])

    def _row(self, rows: ttk.Frame, number: int, one: dict[str, Any]) -> None:
        frame = ttk.Frame(rows, padding=(0, 6))
        frame.pack(fill="x")
        box = tk.BooleanVar(value=True)
        self._boxes[str(one["document_id"])] = box
        ttk.Checkbutton(frame, variable=box, command=self._count).pack(side="left", anchor="n")
        text = ttk.Frame(frame)
        text.pack(side="left", fill="x", expand=True)
        head = ttk.Label(text, text=f"{number}. {plain(one['title'])}", font=self._bold, cursor="hand2")
        head.pack(anchor="w")
        body = ttk.Label(text, text=plain(one["abstract"]), wraplength=400, cursor="hand2")
        body.pack(anchor="w")
        ttk.Label(text, text=plain(one["details"]), foreground=QUIET).pack(anchor="w")
        for label in (head, body):
            label.bind("<Button-1>", lambda _event: self._look(one))
        ttk.Button(frame, text=say("Mở tệp", "Open"), command=lambda: view(Path(one["file"]))).pack(side="right")

    def _look(self, one: dict[str, Any]) -> None:
        """The first page, drawn by this program from the very bytes that will be signed."""
        if not one["picture"]:
            self._preview.configure(image="", text=say("Bấm “Mở tệp” để xem.", "Press Open to look."))
            return
        self._picture = self._fitted(tk.PhotoImage(file=one["picture"]))
        self._preview.configure(image=self._picture, text="")

    def _fitted(self, drawn: tk.PhotoImage) -> tk.PhotoImage:
        """The whole page, as large as there is room for it; Tk scales by whole numbers only, up and then down."""
        room = min(PREVIEW / drawn.width(), (self._height - AROUND) / drawn.height())
        up, down = max(((a, b) for a in (1, 2, 3) for b in range(1, 12) if a / b <= room), key=lambda ab: ab[0] / ab[1])
        return drawn.zoom(up).subsample(down)

    def _foot(self) -> None:
        foot = ttk.Frame(self.root, padding=16)
        foot.pack(side="bottom", fill="x")
        self._message = ttk.Label(foot, text="", foreground=BAD, wraplength=960)
        self._message.pack(anchor="w", fill="x")
        row = ttk.Frame(foot)
        row.pack(fill="x", pady=(6, 0))
        ttk.Label(row, text=say("Mã PIN của token:", "Token PIN:")).pack(side="left")
        self._entry = ttk.Entry(row, show="•", width=16)
        self._entry.pack(side="left", padx=8)
        self._first: ttk.Button = ttk.Button(row, command=lambda: self._decided(one_by_one=False))
        self._second = ttk.Button(row, command=lambda: self._decided(one_by_one=True))
        self._first.pack(side="left", padx=4)
        self._entry.bind("<Return>", self._entered)
        self._second.pack(side="left", padx=4)
        ttk.Button(row, text=say("Dừng", "Stop"), command=self._stop).pack(side="right")
        self._name_buttons()

    def _entered(self, _event: object) -> None:
        """Enter after the PIN is the first button; it is no yes to a document."""
        if self._pending != "approve":
            self._first.invoke()

    def _name_buttons(self) -> None:
        waiting = "disabled" if not self._pending else "normal"
        names = {
            "approve": (say("Ký văn bản này", "Sign this one"), say("Bỏ qua", "Skip")),
            "pin": (say("Ký", "Sign"), ""),
        }
        count = sum(box.get() for box in self._boxes.values())
        first, second = names.get(
            self._pending, (say(f"Ký cả {count} văn bản", f"Sign all {count}"), say("Xem từng văn bản", "One by one"))
        )
        self._first.configure(text=first, state=waiting)
        self._second.configure(text=second, state=waiting if second else "disabled")

    def _count(self) -> None:
        self._name_buttons()

    def _choose(self) -> None:
        self._pending = "choose"
        self._name_buttons()
        self._raise()
        self._entry.focus_force()

    def _decided(self, *, one_by_one: bool) -> None:
        """One of the two buttons, whose meaning is that of the question."""
        if time.monotonic() < self._deaf_until:
            return
        if self._pending == "approve":
            self._answer("skip" if one_by_one else "sign")
        elif self._pending == "choose":
            self._answer_choice(one_by_one=one_by_one)
        elif pin := self._typed():
            self._answer(pin)
        self._name_buttons()

    def _answer_choice(self, *, one_by_one: bool) -> None:
        """With the PIN, which is asked for next; who goes through them one by one types it after that."""
        chosen = [document_id for document_id, box in self._boxes.items() if box.get()]
        if not chosen:
            self._say(say("Chưa chọn văn bản nào.", "No document is chosen."))
            return
        if not one_by_one:
            self._pin = self._typed()
            if self._pin is None:
                return
        self._say("")
        self._answer({"documents": chosen, "one_by_one": one_by_one})

    def _typed(self) -> str | None:
        pin = self._entry.get()
        self._entry.delete(0, "end")
        self._say("" if pin else say("Hãy nhập mã PIN của token.", "Enter the token's PIN."))
        return pin or None

    def _ask_pin(self, why: str) -> None:
        self._pending = "pin"
        if self._pin is not None and not why:
            pin, self._pin = self._pin, None
            self._answer(pin)
            return
        self._pin = None
        self._say(why)
        self._name_buttons()
        self._raise()
        self._entry.focus_force()

    def _approve(self, document_id: str, why: str) -> None:
        self._pending = "approve"
        one = self._documents[document_id]
        self._look(one)
        self._say(f"{plain(one['title'])} — {plain(one['abstract'])}. {why}")
        self._name_buttons()
        self._raise()
        self._first.focus_force()

    def _say(self, text: str) -> None:
        self._message.configure(text=text)

    def _raise(self) -> None:
        """In front of the browser: the person has just pressed its button."""
        self._deaf_until = time.monotonic() + DEAF
        self.root.update_idletasks()
        self.root.deiconify()
        self.root.lift()
        self.root.attributes("-topmost", True)
        self.root.focus_force()


def _scrolled(parent: ttk.Frame) -> ttk.Frame:
    """A column of rows that may be longer than the window."""
    canvas = tk.Canvas(parent, highlightthickness=0, background=PAPER)
    bar = ttk.Scrollbar(parent, orient="vertical", command=canvas.yview)
    rows = ttk.Frame(canvas)
    rows.bind("<Configure>", lambda _event: canvas.configure(scrollregion=canvas.bbox("all")))
    canvas.create_window((0, 0), window=rows, anchor="nw")
    canvas.configure(yscrollcommand=bar.set)
    canvas.pack(side="left", fill="both", expand=True)
    bar.pack(side="left", fill="y")
    canvas.bind_all("<Button-4>", lambda _event: canvas.yview_scroll(-2, "units"))
    canvas.bind_all("<Button-5>", lambda _event: canvas.yview_scroll(2, "units"))
    return rows


def main() -> None:
    Desk().root.mainloop()


if __name__ == "__main__":
    main()
