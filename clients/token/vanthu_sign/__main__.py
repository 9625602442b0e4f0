"""`python -m vanthu_sign`; the processes that talk to drivers import this module too, so it imports nothing by itself."""

from __future__ import annotations

import sys


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; see vanthu_sign.cli. Validating needs nothing of a token's side, so it starts without."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["verify"]:
        from vanthu_verify.command import main as verify

        return verify(given[1:], program="vanthu-sign verify")
    from vanthu_sign.cli import main as run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
