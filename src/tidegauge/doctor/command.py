"""The command: everything tried at once, and told in the order of the configuration."""

import asyncio
from collections.abc import Mapping

from tidegauge.clock import Clock
from tidegauge.config import Options
from tidegauge.doctor.engines import of_engine
from tidegauge.doctor.findings import report
from tidegauge.doctor.surroundings import of_surroundings
from tidegauge.journal import Journal


async def doctor(
    options: Options, environ: Mapping[str, str], clock: Clock, journal: Journal, *, colours: bool
) -> tuple[str, bool]:
    """The report, and whether nothing is missing."""
    parts = await asyncio.gather(
        *(of_engine(options, each, environ, clock, journal) for each in options.engines),
        of_surroundings(options, environ),
    )
    whole = all(each.verdict != "missing" for part in parts for each in part.findings)
    return report(parts, colours=colours), whole
