"""What ``tidegauge`` and ``python -m tidegauge`` start."""

import gc
import sys


def main() -> int:
    """Run one command; returns the exit code, which is 130 after Ctrl-C."""
    try:
        gc.disable()
        from tidegauge import cli  # noqa: PLC0415 (Ctrl-C may come while everything is imported)

        # What is imported stays: the collector need not look at it now, nor ever again.
        gc.freeze()
        gc.enable()
        return cli.main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
