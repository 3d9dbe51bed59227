"""`bin/secret`: a fresh SESSION_SECRET."""

import argparse
import secrets
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Prints 256 random bits in 43 characters that no shell or .env file needs quoted."""
    parser = argparse.ArgumentParser(prog="bin/secret", description="Prints a fresh SESSION_SECRET.")
    parser.parse_args(arguments)
    print(secrets.token_urlsafe(32))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
