"""The containers of the simulated engine: what they are, what they may use, what they do."""

from msgspec import Struct

from tidegauge.simulation.incidents import DEPLOY, FLAPPING, LEAK, PAUSED, REPORT, Cycle

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30

Swing = tuple[float, float]
"""At rest, and at the busiest."""

NONE: Swing = (0.0, 0.0)


class Service(Struct, frozen=True, kw_only=True):
    """A container, or several replicas of one.

    ``cpu`` in cores; ``memory`` in bytes that are not cache; traffic and disk in bytes a second;
    ``cache`` is the most page cache, ``leak`` in bytes a second of life. ``cpus``,
    ``memory_limit`` and ``pids_limit`` are 0 for none. ``days`` ago it was made.
    """

    name: str
    image: str
    command: str
    project: str = ""
    replicas: int = 1
    cpu: Swing
    memory: Swing
    cache: int = 4 * MIB
    leak: float = 0.0
    received: Swing = NONE
    sent: Swing = NONE
    read: Swing = NONE
    written: Swing = NONE
    tasks: Swing = (1, 1)
    interfaces: tuple[str, ...] = ("eth0",)
    network: str = ""
    """Mode; empty for the project's own network, or for the bridge."""
    cpus: float = 0.0
    memory_limit: int = 0
    memory_reservation: int = 0
    pids_limit: int = 0
    health: bool = False
    port: int = 0
    days: float = 20.0
    image_size: int = 90 * MIB
    exited: int | None = None
    """The exit code of one that does not run."""
    cycle: Cycle | None = None
    busy_with: Cycle | None = None
    """What it has more to do for."""


SHOP = (
    Service(
        name="traefik",
        image="traefik:v3.1",
        command="/entrypoint.sh --providers.docker --entrypoints.web.address=:80",
        project="shop",
        cpu=(0.01, 0.22),
        memory=(38 * MIB, 61 * MIB),
        cache=48 * MIB,
        received=(9 * KIB, 2.4 * MIB),
        sent=(14 * KIB, 6.1 * MIB),
        tasks=(11, 16),
        interfaces=("eth0", "eth1"),
        port=80,
        image_size=177 * MIB,
    ),
    Service(
        name="web",
        image="registry.example.com/shop/web:2.14.0",
        command="gunicorn shop.wsgi --workers 4",
        project="shop",
        replicas=3,
        cpu=(0.012, 0.46),
        memory=(96 * MIB, 173 * MIB),
        cache=60 * MIB,
        received=(4 * KIB, 1.1 * MIB),
        sent=(5 * KIB, 1.9 * MIB),
        written=(0, 22 * KIB),
        tasks=(6, 26),
        memory_limit=320 * MIB,
        health=True,
        image_size=212 * MIB,
        cycle=DEPLOY,
    ),
    Service(
        name="api",
        image="registry.example.com/shop/api:5.2.1",
        command="node --max-old-space-size=300 server.js",
        project="shop",
        replicas=2,
        cpu=(0.02, 0.66),
        memory=(118 * MIB, 204 * MIB),
        cache=55 * MIB,
        received=(3 * KIB, 780 * KIB),
        sent=(3 * KIB, 1.2 * MIB),
        tasks=(11, 19),
        cpus=0.5,
        memory_limit=384 * MIB,
        memory_reservation=192 * MIB,
        pids_limit=200,
        image_size=181 * MIB,
    ),
    Service(
        name="worker",
        image="registry.example.com/shop/worker:5.2.1",
        command="python -m shop.worker --queue orders",
        project="shop",
        cpu=(0.03, 0.38),
        memory=(58 * MIB, 72 * MIB),
        cache=24 * MIB,
        leak=0.5 * MIB,
        received=(2 * KIB, 260 * KIB),
        sent=(1 * KIB, 190 * KIB),
        written=(0, 310 * KIB),
        tasks=(4, 9),
        memory_limit=256 * MIB,
        pids_limit=100,
        image_size=196 * MIB,
        days=0.1,
        cycle=LEAK,
    ),
    Service(
        name="postgres",
        image="postgres:16.4-alpine",
        command="docker-entrypoint.sh postgres",
        project="shop",
        cpu=(0.015, 0.74),
        memory=(74 * MIB, 151 * MIB),
        cache=900 * MIB,
        received=(3 * KIB, 620 * KIB),
        sent=(4 * KIB, 2.7 * MIB),
        read=(1 * KIB, 4.6 * MIB),
        written=(24 * KIB, 3.1 * MIB),
        tasks=(9, 34),
        memory_limit=2 * GIB,
        health=True,
        days=24,
        image_size=247 * MIB,
        busy_with=REPORT,
    ),
    Service(
        name="redis",
        image="redis:7.4-alpine",
        command="docker-entrypoint.sh redis-server --appendonly yes",
        project="shop",
        cpu=(0.006, 0.19),
        memory=(31 * MIB, 44 * MIB),
        cache=70 * MIB,
        received=(1 * KIB, 910 * KIB),
        sent=(1 * KIB, 1.4 * MIB),
        written=(2 * KIB, 240 * KIB),
        tasks=(6, 6),
        memory_limit=128 * MIB,
        days=24,
        image_size=41 * MIB,
    ),
    Service(
        name="mail",
        image="mailhog/mailhog:v1.0.1",
        command="MailHog",
        project="shop",
        cpu=(0.001, 0.03),
        memory=(11 * MIB, 15 * MIB),
        received=(100, 21 * KIB),
        sent=(80, 9 * KIB),
        tasks=(7, 9),
        health=True,
        image_size=392 * MIB,
        cycle=FLAPPING,
    ),
    Service(
        name="report",
        image="registry.example.com/shop/report:1.3",
        command="python -m shop.report",
        project="shop",
        cpu=(0.7, 0.95),
        memory=(70 * MIB, 90 * MIB),
        leak=3.1 * MIB,
        cache=90 * MIB,
        received=(900 * KIB, 2.2 * MIB),
        sent=(9 * KIB, 20 * KIB),
        read=(0.6 * MIB, 1.1 * MIB),
        written=(0.5 * MIB, 0.9 * MIB),
        tasks=(3, 3),
        image_size=230 * MIB,
        cycle=REPORT,
    ),
    Service(
        name="migrate",
        image="registry.example.com/shop/api:5.2.1",
        command="node migrate.js",
        project="shop",
        cpu=NONE,
        memory=NONE,
        days=2,
        image_size=181 * MIB,
        exited=0,
    ),
)

OTHERS = (
    Service(
        name="grafana",
        image="grafana/grafana:11.2.0",
        command="/run.sh",
        project="observability",
        cpu=(0.006, 0.09),
        memory=(84 * MIB, 118 * MIB),
        cache=160 * MIB,
        received=(400, 120 * KIB),
        sent=(700, 340 * KIB),
        written=(300, 28 * KIB),
        tasks=(17, 22),
        port=3000,
        days=41,
        image_size=467 * MIB,
    ),
    Service(
        name="prometheus",
        image="prom/prometheus:v2.54.1",
        command="/bin/prometheus --config.file=/etc/prometheus/prometheus.yml",
        project="observability",
        cpu=(0.02, 0.14),
        memory=(290 * MIB, 380 * MIB),
        cache=420 * MIB,
        received=(60 * KIB, 190 * KIB),
        sent=(4 * KIB, 80 * KIB),
        written=(90 * KIB, 520 * KIB),
        tasks=(14, 16),
        memory_limit=1 * GIB,
        port=9090,
        days=41,
        image_size=274 * MIB,
    ),
    Service(
        name="node-exporter",
        image="prom/node-exporter:v1.8.2",
        command="/bin/node_exporter --path.rootfs=/host",
        project="observability",
        cpu=(0.002, 0.012),
        memory=(12 * MIB, 16 * MIB),
        cache=14 * MIB,
        tasks=(6, 8),
        interfaces=(),
        network="host",
        memory_limit=64 * MIB,
        days=41,
        image_size=23 * MIB,
    ),
    Service(
        name="wordpress",
        image="wordpress:6.6-php8.3-apache",
        command="docker-entrypoint.sh apache2-foreground",
        project="blog",
        cpu=(0.004, 0.52),
        memory=(72 * MIB, 210 * MIB),
        cache=240 * MIB,
        received=(500, 190 * KIB),
        sent=(900, 2.6 * MIB),
        written=(0, 60 * KIB),
        tasks=(7, 21),
        cpus=1.0,
        port=8080,
        days=63,
        image_size=701 * MIB,
    ),
    Service(
        name="mariadb",
        image="mariadb:11.4",
        command="docker-entrypoint.sh mariadbd",
        project="blog",
        cpu=(0.005, 0.21),
        memory=(96 * MIB, 128 * MIB),
        cache=310 * MIB,
        received=(300, 160 * KIB),
        sent=(600, 840 * KIB),
        read=(0, 620 * KIB),
        written=(6 * KIB, 480 * KIB),
        tasks=(9, 24),
        memory_limit=512 * MIB,
        days=63,
        image_size=405 * MIB,
    ),
    Service(
        name="hopeful_wozniak",
        image="python:3.12-slim",
        command="python -c 'import simulate; simulate.main()'",
        cpu=(0.3, 0.55),
        memory=(140 * MIB, 150 * MIB),
        received=(20, 300),
        sent=(20, 200),
        tasks=(2, 2),
        days=3,
        image_size=125 * MIB,
        cycle=PAUSED,
    ),
)

SERVICES = (*SHOP, *OTHERS)
