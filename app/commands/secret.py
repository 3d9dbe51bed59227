"""`bin/secret`: prints a fresh SESSION_SECRET."""

import argparse
import json
import secrets
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Prints 256 random bits in 43 characters; no shell or .env file needs quotes around them."""
    parser = argparse.ArgumentParser(prog="bin/secret", description="Prints a fresh SESSION_SECRET.")
    parser.add_argument("--json", action="store_true", help='as {"secret": "..."}')
    options = parser.parse_args(arguments)
    secret = secrets.token_urlsafe(32)
    print(json.dumps({"secret": secret}) if options.json else secret)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
