"""`python -m vanthu_verify FILE…`: the same as `vanthu-sign verify`."""

import sys

from vanthu_verify.command import main

if __name__ == "__main__":
    sys.exit(main())
