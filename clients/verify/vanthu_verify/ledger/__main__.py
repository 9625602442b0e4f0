"""`python -m vanthu_verify.ledger EXPORT…`."""

import sys

from vanthu_verify.ledger.command import main

if __name__ == "__main__":
    sys.exit(main(program="python -m vanthu_verify.ledger"))
