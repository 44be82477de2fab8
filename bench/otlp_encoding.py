"""One flush of many containers to OTLP requests, against messages made anew every time."""

from made_up import a_container
from pairs import Measurement, Stopwatch

from tidegauge.exporters.otlp_messages import Form, ProtobufMessages, Resources, by_entity
from tidegauge.metrics import CATALOGUE, Series, Snapshot


def measurements(quick: bool) -> list[Measurement]:
    """A whole snapshot of 1000 x 40 series, and one of ten times fewer in a short run."""
    containers, metrics = (100 if quick else 1000), 40
    snapshot = Snapshot(1_795_357_373.0, _series(containers, metrics), {})
    messages = ProtobufMessages("web-1", several_engines=False)
    messages.requests(snapshot)  # makes the messages

    def ours() -> float:
        watch = Stopwatch()
        messages.requests(snapshot)
        return watch.per(1) / 1000

    def naive() -> float:
        watch = Stopwatch()
        resources = Resources("web-1", several_engines=False)
        for group in by_entity(snapshot.present).values():
            Form(group).filled(resources.of(group[0].entity), group, 1_795_357_373 * 10**9)
        return watch.per(1) / 1000

    what = f"{containers} containers x {metrics} series"
    return [Measurement(f"OTLP encode: {what}", "ms/flush", ours, naive, "ratio")]


def _series(containers: int, metrics: int) -> tuple[Series, ...]:
    """Each a metric of its own, or another interface of one."""
    named = [
        metric for metric in CATALOGUE if not metric.bounds and metric.name != "container.info"
    ]
    return tuple(
        Series(
            a_container(number),
            named[at % len(named)],
            (("network.io.direction", "receive"), ("network.interface.name", f"eth{at}")),
            at * 1000 + number,
            (1,),
        )
        for number in range(containers)
        for at in range(metrics)
    )
