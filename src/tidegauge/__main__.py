"""What ``tidegauge`` and ``python -m tidegauge`` start."""

import gc
import os
import sys


def main() -> int | str:
    """Run one command; returns the exit code, which is 130 after Ctrl-C, or what to say with 1."""
    try:
        if sys.argv[1:] == ["health"]:  # often asked, so without all that the others need
            from tidegauge import health  # noqa: PLC0415 (`cli` takes ten times as long)

            said = health.trouble(None, os.environ)
            return f"tidegauge: {said}" if said else 0
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
