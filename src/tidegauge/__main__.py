"""What ``tidegauge`` and ``python -m tidegauge`` start."""

import sys


def main() -> int:
    """Run one command; returns the exit code, which is 130 after Ctrl-C."""
    try:
        from tidegauge import cli  # noqa: PLC0415 (Ctrl-C may come while everything is imported)

        return cli.main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
