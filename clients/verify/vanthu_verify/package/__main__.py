"""`python -m vanthu_verify.package PACKAGE.zip…`."""

import sys

from vanthu_verify.package.command import main

if __name__ == "__main__":
    sys.exit(main(program="python -m vanthu_verify.package"))
