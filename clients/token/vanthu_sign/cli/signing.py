"""`list` and `sign`: what waits is shown, some or all are chosen, one PIN, a result for each."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from vanthu_sign import device, report
from vanthu_sign.cli.options import Commands, add_pin, add_token, agreed, ask_pin
from vanthu_sign.pile import Ended, Item, Result, Task, title_of
from vanthu_sign.server import Server
from vanthu_sign.sitting import Progress, Sitting, Step
from vanthu_sign.words import NOTHING_CHOSEN, UNKNOWN_DOCUMENT, Refused, both, say, shown

NO_FAULT = ("stopped", "not_reviewed", "document_changed", "pin_cancelled")  # left unsigned, and nobody's fault
ENDED = {
    Ended.SIGNED: ("đã ký", "signed"),
    Ended.TAKEN: ("đã nhận chữ ký, đang hoàn tất", "signature taken, being completed"),
    Ended.KEPT: ("đã ký, chưa gửi", "signed, not handed in yet"),
    Ended.LEFT: ("chưa ký", "not signed yet"),
    Ended.REFUSED: ("KHÔNG ký được", "NOT signed"),
}


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    listing = commands.add_parser("list", help="văn bản chờ ký / what waits for your signature")
    listing.add_argument("--json", action="store_true", help="một đối tượng JSON mỗi dòng / one JSON object a line")
    listing.set_defaults(run=_list)
    sign = commands.add_parser("sign", help="xem và ký / show and sign")
    sign.add_argument("document", nargs="*", help="mã văn bản / document ids")
    sign.add_argument("--all", action="store_true", help="tất cả văn bản đang chờ / everything that waits")
    sign.add_argument(
        "--one-by-one", action="store_true", help="xem và đồng ý từng văn bản / look at and confirm each document"
    )
    sign.add_argument("--open", action="store_true", help="mở từng tệp sẽ ký / open each file that will be signed")
    sign.add_argument(
        "--json", action="store_true", help="kết quả: một đối tượng JSON mỗi dòng / results as JSON lines"
    )
    sign.add_argument("--certificate", metavar="SERIAL", help="số hiệu chứng thư / the certificate's serial number")
    sign.add_argument(
        "--pkcs1", action="store_true", help="RSA PKCS#1 v1.5 dù token có PSS / PKCS#1 v1.5 although it offers PSS"
    )
    add_pin(sign)
    add_token(sign)
    sign.set_defaults(run=_sign)


def _list(options: argparse.Namespace) -> int:
    tasks = Server(options.home).tasks()
    if options.json:
        for task in tasks:
            print(json.dumps(task, ensure_ascii=False))
        return 0
    print(say(f"{len(tasks)} văn bản chờ ký.", f"{len(tasks)} documents wait."))
    for number, task in enumerate(tasks, 1):
        _print_task(task, number, sys.stdout)
        for problem in task.get("problems", []):
            print(shown(f"      ! {say(problem['vi'], problem['en'])} [{problem['code']}]"))
    return 0


def _sign(options: argparse.Namespace) -> int:
    stop, talk = threading.Event(), _Talk(options)
    server = Server(options.home, stop=stop, waits=talk.line_waits)
    with closing(server), Sitting(server, options.home, told=talk.progress, stop=stop) as sitting:
        earlier = sitting.take_up()
        tasks = _chosen(sitting.tasks(), options, {result.document_id for result in earlier if result.good})
        results = [*earlier, *_at_token(sitting, tasks, options, talk)] if tasks else list(earlier)
        stopped = sitting.stopped
    talk.summary(results)
    if stopped:
        return 130
    return 0 if all(result.good for result in results) else 1


def _at_token(sitting: Sitting, tasks: list[Task], options: argparse.Namespace, talk: _Talk) -> list[Result]:
    """Look, choose, PIN, sign; whatever comes of it, the fleet view hears how the token did."""
    about, certificate, problem = None, None, None
    try:
        with device.opened(device.find_module(options.module, options.token), options.token) as token:
            about = token.about()
            if options.pin_again:
                sitting.counter.right(token.serial)
            certificate = device.choose(token.certificates(), options.certificate)
            items = sitting.prepare(tasks, token, certificate, pss=not options.pkcs1)
            chosen = talk.choose(sitting, items)
            results = [_refused(item) for item in items if not item.ready]
            if chosen:
                with _interruptible(sitting):
                    results += sitting.sign(token, chosen, ask=ask_pin(options), review=talk.review)
            left = [result.refused.code for result in results if result.ended is Ended.LEFT and result.refused]
            problem = next((code for code in left if code not in NO_FAULT), None)
            return results
    except Refused as refused:
        problem = refused.code
        raise
    finally:
        report.send(sitting.server, options.home, "sign", about=about, certificate=certificate, problem=problem)


def _refused(item: Item) -> Result:
    return Result(item.document_id, Ended.REFUSED, item.against[0], item.title)


def _chosen(tasks: list[Task], options: argparse.Namespace, done: Collection[str]) -> list[Task]:
    if not options.all and not options.document:
        raise Refused(NOTHING_CHOSEN)
    waiting = {task["document_id"] for task in tasks}
    for wanted in options.document:
        if wanted not in waiting and wanted not in done:
            raise Refused(UNKNOWN_DOCUMENT, which=wanted)
    return [task for task in tasks if options.all or task["document_id"] in options.document]


@contextmanager
def _interruptible(sitting: Sitting) -> Iterator[None]:
    """The first Ctrl-C ends the sitting after the signature under way, the second one at once."""

    def once(*_: Any) -> None:
        signal.signal(signal.SIGINT, before)
        sitting.interrupt()
        print(
            say("Đang dừng sau chữ ký này…", "Stopping after this signature…"),
            file=sys.stderr,
            flush=True,
        )

    before = signal.signal(signal.SIGINT, once)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Talk:
    """What the person reads and answers; with --json the conversation goes to standard error."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._out = sys.stderr if options.json else sys.stdout

    def line_waits(self, where: str) -> None:
        self._print(say(f"Mất kết nối tới {where}, đang thử lại…", f"The line to {where} is cut, trying again…"))

    def progress(self, step: Progress) -> None:
        if step.step is Step.SAID and step.words is not None:
            print(both(step.words), file=sys.stderr, flush=True)
        elif step.step is Step.ENDED and step.result is not None:
            self._tell(step.result)

    def choose(self, sitting: Sitting, items: Sequence[Item]) -> list[Item]:
        """What the person wants signed of what can be; nothing when they don't want."""
        ready = [item for item in items if item.ready]
        for number, item in enumerate(items, 1):
            self._show(sitting, item, number)
        if self._options.yes or not ready:
            return ready
        if self._options.one_by_one:
            return [item for item in ready if self._wanted(item)]
        return self._deselect(list(items), ready)

    def review(self, items: list[Item]) -> list[str]:
        """What was shown and is different now, with what changed; under --yes only what says the same as before."""
        if self._options.yes:
            return [item.document_id for item in items if item.change and not item.change.text_changed]
        for number, item in enumerate(items, 1):
            self._print_changed(item, number)
        question = say(f"Ký {len(items)} văn bản trên? [c/K] ", f"Sign these {len(items)} documents? [y/N] ")
        return [item.document_id for item in items] if self._agreed(question) else []

    def summary(self, results: Sequence[Result]) -> None:
        if self._options.json:
            for result in results:
                print(json.dumps(_as_json(result), ensure_ascii=False))
            return
        if not results:
            self._print(say("Không có văn bản nào được ký.", "No document was signed."))
        counts = {ended: sum(result.ended is ended for result in results) for ended in Ended}
        if len(results) > 1:
            for number, result in enumerate(results, 1):
                code = f" [{result.refused.code}]" if result.refused else ""
                self._print(f"{number:4}  {say(*ENDED[result.ended]):24}  {result.title}{code}")
            self._print(", ".join(f"{count} {say(*ENDED[ended])}" for ended, count in counts.items() if count) + ".")

    def _deselect(self, items: list[Item], ready: list[Item]) -> list[Item]:
        """All, none, or numbers to be left out, until the answer is one of the first two."""
        chosen = list(ready)
        while chosen:
            answer = self._answer(
                say(
                    f"Ký {len(chosen)} văn bản? [c = ký / K = không / số thứ tự cần bỏ ra] ",
                    f"Sign {len(chosen)} documents? [y = sign / N = no / numbers to leave out] ",
                )
            )
            numbers = answer.replace(",", " ").split()
            if not numbers or not all(number.isdecimal() for number in numbers):
                return chosen if answer in {"c", "co", "có", "y", "yes"} else []
            out = {items[int(number) - 1].document_id for number in numbers if 0 < int(number) <= len(items)}
            chosen = [item for item in chosen if item.document_id not in out]
        return []

    def _wanted(self, item: Item) -> bool:
        self._open(item)
        return self._agreed(say(f"Ký “{item.title}”? [c/K] ", f"Sign “{item.title}”? [y/N] "))

    def _answer(self, question: str) -> str:
        print(question, end="", file=self._out, flush=True)
        return sys.stdin.readline().strip().lower()

    def _agreed(self, question: str) -> bool:
        return self._answer(question) in {"c", "co", "có", "y", "yes"} if self._options.json else agreed(question)

    def _show(self, sitting: Sitting, item: Item, number: int) -> None:
        _print_task(item.task, number, self._out)
        for refused in item.against:
            print(f"      ! {both(refused)}", file=sys.stderr, flush=True)
        if item.file is None:
            return
        self._print(say(f"      tệp sẽ ký: {item.file}", f"      file to be signed: {item.file}"))
        if not self._options.yes:
            if to := sitting.addressees(item):
                self._print(say(f"      kính gửi: {to}", f"      to: {to}"))
            if picture := sitting.first_page(item):
                self._print(say(f"      trang đầu: {picture}", f"      first page: {picture}"))
        if self._options.open and not self._options.one_by_one:
            self._open(item, always=True)

    def _print_changed(self, item: Item, number: int) -> None:
        assert item.change is not None  # noqa: S101  only such items are reviewed
        _print_task(item.task, number, self._out)
        self._print(f"      ! {say(item.change.words.vi, item.change.words.en)}")
        self._print(say(f"      trước: {item.change.before}", f"      before: {item.change.before}"))
        self._print(say(f"      nay:   {item.file}", f"      now:    {item.file}"))
        if item.change.pages is not None:
            found = ", ".join(map(str, item.change.pages)) or "–"
            self._print(say(f"      trang khác đi: {found}", f"      pages that differ: {found}"))

    def _open(self, item: Item, *, always: bool = False) -> None:
        if always or self._options.open:
            opener = {"darwin": "open", "win32": "explorer"}.get(sys.platform, "xdg-open")
            subprocess.run([opener, str(item.file)], check=False)

    def _tell(self, result: Result) -> None:
        if result.refused is None:
            self._print(f"{result.document_id}  {say(*ENDED[result.ended])}")
            if result.notice is not None:
                self._print(f"    {say(result.notice.vi, result.notice.en)} [{result.notice.code}]")
        else:
            print(f"{result.document_id}  {both(result.refused)}", file=sys.stderr, flush=True)

    def _print(self, text: str) -> None:
        print(text, file=self._out, flush=True)


def _print_task(task: Task, number: int, out: Any) -> None:
    block = " / ".join(map(str, task.get("block", ())))
    pages = say(f"{task.get('page_count')} trang", f"{task.get('page_count')} pages")
    about = (task.get("agency_name", ""), block, task.get("signer_name", ""), pages, f"sha256 {task['sha256'][:16]}…")
    print(f"{number:3}. {shown(task['document_id'], 40)}  {title_of(task)}", file=out)
    print("      " + " · ".join(shown(each, 200) for each in about), file=out, flush=True)


def _as_json(result: Result) -> dict[str, Any]:
    refused = result.refused
    return {
        "document_id": result.document_id,
        "result": result.ended.value,
        "title": result.title,
        "code": refused.code if refused else None,
        "vi": refused.vi if refused else None,
        "en": refused.en if refused else None,
    }
