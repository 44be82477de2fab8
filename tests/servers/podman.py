"""A real Podman of its own, behind its Docker-compatible API."""

import contextlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from servers.engine import CGROUPS, PATH, DockerEngine, busybox_tar


class Podman(DockerEngine):
    """Podman's API service instead of dockerd; Docker's client does the rest on it as well.

    Its containers have no daemon above them: they live on when the service ends.
    """

    program = "podman"
    own: ClassVar[Sequence[str]] = (
        *("/var/lib/containers", "/var/lib/cni", "/etc/cni/net.d"),
        "/dev/shm",  # its locks; all Podmans of one machine would share them
    )
    _podman = (
        *("podman", "--cgroup-manager", "cgroupfs", "--events-backend", "file"),
        *(
            "--runtime",
            "runc",
        ),  # crun, which it prefers, refuses machines with both cgroup versions
    )

    @staticmethod
    def missing() -> str:
        """What this machine lacks to run Podman, in words; empty when nothing is."""
        if lack := DockerEngine.missing():
            return lack
        return "" if shutil.which("podman", path=PATH) else "missing packages: podman"

    def _command(self) -> Sequence[str]:
        return (*self._podman, *self._options, "system", "service", "--time=0", self.host)

    def _import_busybox(self) -> None:
        # By the service's own import the image would lose its tag.
        inside = self.inside("--mount", "--uts", "--net", "--pid")
        self._run([*inside, *self._podman, "import", "-", "busybox:local"], given=busybox_tar())

    def _cgroups(self) -> Sequence[Path]:
        storage = self.folder / "own/var/lib/containers/storage/overlay-containers"
        return [group for one in storage.glob("*/") for group in self.groups_of(one.name)]

    def groups_of(self, container: str) -> Sequence[Path]:
        return list(CGROUPS.glob(f"*/libpod_parent/libpod-{container}"))

    def _remove_cgroups(self) -> bool:
        removed = super()._remove_cgroups()
        for name in ("libpod_parent/conmon", "libpod_parent"):
            for shared in CGROUPS.glob(f"*/{name}"):
                with contextlib.suppress(OSError):  # another Podman of this machine is using it
                    shared.rmdir()
        return removed
