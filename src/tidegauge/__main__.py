"""Let ``python -m tidegauge`` do what ``tidegauge`` does."""

import sys

from tidegauge.cli import main

sys.exit(main())
