"""Three real engines as one Docker Swarm, in networks of their own that are joined by a bridge."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from servers.engine import DockerEngine
from servers.process import Stopped

NODES = {"node1": "10.77.0.1", "node2": "10.77.0.2", "node3": "10.77.0.3"}
"""Names and addresses; the first manages, and the bridge is in its network."""

# The kernel may lack IPVS: then virtual addresses of services do not work, nor does the mesh.


class Swarm(Stopped):
    """The engines by their names; the address of each is on its own network only."""

    missing = staticmethod(DockerEngine.missing)

    def __init__(self) -> None:
        with ThreadPoolExecutor() as at_once:
            starting = {name: at_once.submit(DockerEngine, name) for name in NODES}
        failed = [
            error for each in starting.values() if isinstance(error := each.exception(), Exception)
        ]
        self.nodes = {
            name: each.result() for name, each in starting.items() if not each.exception()
        }
        if failed:
            self.stop()
            raise ExceptionGroup("a Swarm without all of its engines", failed)
        try:
            self.manager, *workers = self.nodes.values()
            self._connect(workers)
            self._join(workers)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End them all."""
        with ThreadPoolExecutor() as at_once:
            ending = [at_once.submit(each.stop) for each in self.nodes.values()]
        for each in ending:
            each.result()

    @contextmanager
    def cut_off(self, name: str) -> Iterator[None]:
        """Meanwhile the link to a worker is down."""
        port = f"port{[*NODES].index(name) - 1}"
        self.manager.nsenter("ip", "link", "set", port, "down")
        try:
            yield
        finally:
            self.manager.nsenter("ip", "link", "set", port, "up")

    def _connect(self, workers: list[DockerEngine]) -> None:
        first, *others = NODES.values()
        hub = self.manager.nsenter
        hub("ip", "link", "add", "hub", "type", "bridge")
        hub("ip", "address", "add", f"{first}/24", "dev", "hub")
        hub("ip", "link", "set", "hub", "up")
        # Docker drops what is forwarded and not its own, on bridges too.
        hub("iptables", "--insert", "FORWARD", "-i", "hub", "-o", "hub", "-j", "ACCEPT")
        for number, (worker, address) in enumerate(zip(workers, others, strict=True)):
            port = f"port{number}"
            peer = ("peer", "name", "uplink", "netns", str(worker.pid))
            hub("ip", "link", "add", port, "type", "veth", *peer)
            hub("ip", "link", "set", port, "master", "hub", "up")
            worker.nsenter("ip", "address", "add", f"{address}/24", "dev", "uplink")
            worker.nsenter("ip", "link", "set", "uplink", "up")

    def _join(self, workers: list[DockerEngine]) -> None:
        first, *others = NODES.values()
        self.manager.docker("swarm", "init", "--advertise-addr", first)
        token = self.manager.docker("swarm", "join-token", "--quiet", "worker")
        for worker, address in zip(workers, others, strict=True):
            worker.docker(
                *("swarm", "join", "--token", token, "--advertise-addr", address),
                f"{first}:2377",
            )
