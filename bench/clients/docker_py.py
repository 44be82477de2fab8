"""docker-py, a thread for each stream, as its documentation shows: ``docker_py.py HOST``."""

import sys
import threading

from metrics_of_dict import Metrics

import docker


def follow(client: docker.APIClient, container: str) -> None:
    """Read one stream for ever."""
    metrics = Metrics()
    for event in client.stats(container, stream=True, decode=True):
        metrics.take(event)


def main(host: str) -> None:
    """Follow all containers that run."""
    client = docker.APIClient(base_url=host, timeout=120)
    threads = [
        threading.Thread(target=follow, args=(client, each["Id"])) for each in client.containers()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(sys.argv[1])
