"""What the API is, for programs: an OpenAPI document, made of a table of routes and the views."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from tidegauge import __version__
from tidegauge.web import asking, fleet_views, views

Schema = dict[str, Any]


class Parameter(Struct, frozen=True):
    """A parameter of a route; one that is ``repeated`` may be given several times."""

    name: str
    help: str
    schema: Schema
    required: bool = False
    repeated: int = 0
    place: str = "query"

    def described(self) -> Schema:
        """As OpenAPI has it."""
        schema = self.schema
        if self.repeated:
            schema = {"type": "array", "items": self.schema, "maxItems": self.repeated}
            if self.required:
                schema["minItems"] = 1
        return {
            "name": self.name,
            "in": self.place,
            "description": self.help,
            "required": self.required or self.place == "path",
            "schema": schema,
        }


class Route(Struct, frozen=True):
    """A path of the API, and what it answers."""

    path: str
    summary: str
    parameters: tuple[Parameter, ...] = ()
    answer: type[Struct] | None = None
    kind: str = "application/json"


REFUSALS: Mapping[int, str] = {
    400: "What was asked cannot be",
    401: "The token is missing or wrong",
    403: "Asked for under a name that is not this machine's",
    404: "There is no such thing",
    413: "A request with a body",
    414: "The address is too long",
    431: "The headers are too long",
    500: "A bug",
    503: "Not now",
}

_MOMENT = {"type": "string", "pattern": r"^(now|-\d{1,9}(ms|s|m|h|d|w)|\d{1,12}(\.\d{1,9})?)$"}
_ENTITY = {"type": "string", "pattern": r"^(container:[^/]+/.+|engine:.+|host:.+)$"}
_SPAN = (
    Parameter("start", "Unix seconds, or back from now such as -15m", _MOMENT),
    Parameter("stop", "The same; now without it", _MOMENT),
)
_TEXT = {"type": "string"}
_HOST = Parameter("host", "Of this host of the fleet, a name that /api/v1/fleet has", _TEXT)

ROUTES: tuple[Route, ...] = (
    Route(
        "/api/v1/containers",
        "All containers, engines and machines now",
        (
            Parameter(
                "sparks",
                "How many of the newest one-second points come with each container",
                {"type": "integer", "minimum": 1, "maximum": asking.MOST_SPARKS},
            ),
        ),
        views.Overview,
    ),
    Route(
        "/api/v1/containers/{engine}/{alias}",
        "One container, and how each of its values is made",
        (
            Parameter("engine", "The engine's name", {"type": "string"}, place="path"),
            Parameter("alias", "The container's alias", {"type": "string"}, place="path"),
        ),
        views.ContainerView,
    ),
    Route(
        "/api/v1/series",
        "Series from the history, in buckets with mean, least, greatest and 95th percentile",
        (
            Parameter(
                "entity",
                "container:ENGINE/ALIAS, engine:NAME or host:NAME",
                _ENTITY,
                required=True,
                repeated=asking.MOST_ENTITIES,
            ),
            Parameter(
                "metric",
                "A name of the catalogue that is kept; counters are answered as rates a second",
                {"type": "string"},
                required=True,
                repeated=asking.MOST_METRICS,
            ),
            *_SPAN,
            Parameter(
                "step",
                "Seconds of a bucket, rounded up to whole 1 s, 10 s, 1 min or 10 min; or auto",
                {"type": "string", "pattern": r"^(auto|\d{1,12}(\.\d{1,9})?)$"},
            ),
            Parameter(
                "points",
                f"About how many buckets, where no step is given; {asking.USUAL_POINTS} without it",
                {"type": "integer", "minimum": 1, "maximum": asking.MOST_POINTS},
            ),
            _HOST,
        ),
        views.SeriesAnswer,
    ),
    Route(
        "/api/v1/events",
        "What happened, oldest first; within the last day without start",
        (
            *_SPAN,
            Parameter("entity", "Of these only", _ENTITY, repeated=asking.MOST_ENTITIES),
            _HOST,
        ),
        views.EventsAnswer,
    ),
    Route("/api/v1/fleet", "All hosts of the fleet now", answer=fleet_views.FleetAnswer),
    Route(
        "/api/v1/fleet/services",
        "Services over all hosts of the fleet now",
        answer=fleet_views.FleetServices,
    ),
    Route(
        "/api/v1/fleet/containers",
        "Containers of the fleet now; of a silent host, those that it had when it was last seen",
        (
            Parameter("host", "Of this host only, a name that /api/v1/fleet has", _TEXT),
            Parameter("project", "Of this project only; empty for those of none", _TEXT),
            Parameter("service", "Of this service only; empty for those of none", _TEXT),
        ),
        fleet_views.FleetContainers,
    ),
    Route(
        "/api/v1/live",
        "What moves: server-sent events overview, happened and status, without end",
        (
            Parameter(
                "container",
                "Of these keys (ENGINE/ALIAS) only",
                {"type": "string"},
                repeated=asking.MOST_KEYS,
            ),
        ),
        kind="text/event-stream",
    ),
    Route("/api/v1/status", "How Tidegauge itself does", answer=views.Status),
    Route("/api/v1/metrics", "The catalogue of metrics", answer=views.MetricsAnswer),
)

SENT: Sequence[type[Struct]] = (views.LiveOverview, views.EventView, views.LiveStatus)
"""What is in the data of server-sent events: overview, happened, status."""


def document() -> Schema:
    """The whole description, OpenAPI 3.1."""
    answers = [route.answer for route in ROUTES if route.answer is not None]
    shapes = dict.fromkeys((*answers, *SENT, views.ErrorView))
    _, components = msgspec.json.schema_components(
        shapes, ref_template="#/components/schemas/{name}"
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tidegauge",
            "version": __version__,
            "description": (
                "Times are Unix seconds. Numbers are in base units: cores, bytes, seconds. What is"
                " not available is null or an absent key, never 0."
            ),
        },
        "security": [{}, {"bearer": []}],
        "paths": {route.path: {"get": _operation(route)} for route in ROUTES},
        "components": {
            "schemas": components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route) -> Schema:
    content: Schema = {"schema": {"type": "string"}}
    if route.answer is not None:
        content = {"schema": _reference(route.answer)}
    responses: Schema = {"200": {"description": "Here it is", "content": {route.kind: content}}}
    error = {"application/json": {"schema": _reference(views.ErrorView)}}
    for status, why in REFUSALS.items():
        responses[str(status)] = {"description": why, "content": error}
    return {
        "summary": route.summary,
        "operationId": route.path.rpartition("/v1/")[2].partition("/{")[0].replace("/", "_")
        + ("One" if "{" in route.path else ""),
        "parameters": [each.described() for each in route.parameters],
        "responses": responses,
    }


def _reference(shape: type[Struct]) -> Schema:
    return {"$ref": f"#/components/schemas/{shape.__name__}"}
