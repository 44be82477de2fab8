"""A real Docker Engine of its own: separate network, mounts, processes, containers and ID."""

import contextlib
import http.client
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from servers.process import ServerError, Stopped, last_lines
from waiting import wait_until

# The package's own daemon and client, in step with each other, before anything put in front.
PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"
_NEEDS = {
    "dockerd": "docker.io",
    "docker": "docker.io",
    "busybox": "busybox-static",
    "ip": "iproute2",
    "iptables": "iptables",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "losetup": "util-linux",
    "mkfs.ext4": "e2fsprogs",
}
CGROUPS = Path("/sys/fs/cgroup")
_START_S = 60.0  # 1-2 s on an idle machine; after a crash it first kills the old containers: 13 s
_COMMAND_S = 60.0


class CountedVolume(NamedTuple):
    """A folder on a block device whose traffic the kernel counts."""

    folder: Path
    device: str

    @property
    def options(self) -> tuple[str, ...]:
        """Options of ``docker run`` that mount it on /data.

        With cgroup v1 the kernel counts block IO only where a throttle rule is set on the
        device; this one is far too generous ever to bite.
        """
        return (
            *("--volume", f"{self.folder}:/data"),
            *("--device-read-bps", f"{self.device}:500mb"),
            *("--device-write-bps", f"{self.device}:500mb"),
        )


class DockerEngine(Stopped):
    """One dockerd, started on construction, with the image ``busybox:local`` in it."""

    program = "dockerd"
    # Older engines keep their ID in /etc/docker: shared means the same ID.
    own: ClassVar[Sequence[str]] = ("/var/lib/docker", "/etc/docker")

    @staticmethod
    def missing() -> str:
        """What this machine lacks to run an engine, in words; empty when nothing is."""
        if os.geteuid() != 0:
            return "only root can start a Docker Engine"
        packages = {_NEEDS[name] for name in _NEEDS if not shutil.which(name, path=PATH)}
        return f"missing packages: {' '.join(sorted(packages))}" if packages else ""

    def __init__(
        self,
        name: str = "engine",
        *,
        options: Sequence[str] = (),
        tcp_port: int | None = None,
        root: Path = Path("/"),
    ) -> None:
        """Start it; ``options`` go to dockerd, ``tcp_port`` is opened within its own network.

        ``root`` is the folder of another Debian, whose dockerd then runs; the client stays.
        """
        # The path of a unix socket has at most 108 characters, so not under a long TMPDIR.
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.program}-", dir="/tmp"))
        self.socket = self.folder / "docker.sock"
        self.host = f"unix://{self.socket}"
        self.log = self.folder / "log"
        self._listen = ("-H", f"tcp://127.0.0.1:{tcp_port}", "--tls=false") if tcp_port else ()
        self._options, self._root = tuple(options), root
        self._env = {
            "PATH": PATH,
            "HOME": str(self.folder),  # no user's contexts and logins
            "DOCKER_HOST": self.host,
        }
        self._daemon: subprocess.Popen[bytes] | None = None
        self._first = self._unshare(name)
        try:
            self._wait(self._laid_out, 10, "namespaces")
            self._init = _child_of(self._first)
            self.up()
            self.load("busybox:local", busybox_tar())
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        """Of the first process of all that are its own; the others have its pid namespace."""
        return self._init

    # What one does with an engine.

    def docker(self, *args: str, seconds: float = _COMMAND_S) -> str:
        """Run the ``docker`` client on this engine; its output without the last line end."""
        return self._run(["docker", *args], seconds).decode().rstrip("\n")

    def load(self, image: str, files: bytes, *changes: str) -> None:
        """Make an image of a tar archive; ``changes`` are lines of a Dockerfile."""
        changing = (word for change in changes for word in ("--change", change))
        self._run(["docker", "import", *changing, "-", image], given=files)

    def run(self, name: str, *command: str, options: Sequence[str] = ()) -> str:
        """Start a container of busybox in the background and return its id."""
        return self.docker("run", "--detach", "--name", name, *options, "busybox:local", *command)

    def burn(self, name: str, cpus: float = 0.3, options: Sequence[str] = ()) -> str:
        """Start a container that wants a whole core and is held to ``cpus`` of one."""
        limits = ("--cpus", str(cpus), *options)
        return self.run(name, "sh", "-c", "while :; do :; done", options=limits)

    def inspect(self, container: str) -> dict[str, Any]:
        """What the engine knows of one container."""
        found: dict[str, Any] = json.loads(self.get(f"/containers/{container}/json"))
        return found

    def stats(self, container: str) -> dict[str, Any]:
        """One frame of a container's statistics, at once."""
        query = "stream=false&one-shot=true"
        frame: dict[str, Any] = json.loads(self.get(f"/containers/{container}/stats?{query}"))
        return frame

    def pids(self, container: str) -> list[int]:
        """The processes of a container, by id, in this machine's numbers; the engine has others."""
        lists = [_text(group / "cgroup.procs") for group in self.groups_of(container)]
        return sorted({int(pid) for pids in lists for pid in pids.split()})

    def groups_of(self, container: str) -> Sequence[Path]:
        """The cgroups of a container, by id: one, or one for each controller."""
        return [root / container for root in self._cgroups()]

    def get(self, path: str, seconds: float = 10) -> bytes:
        """The body of one page of the Engine API."""
        connection = _UnixConnection(self.socket, seconds)
        try:
            connection.request("GET", path)
            reply = connection.getresponse()
            body = reply.read()
        finally:
            connection.close()
        if reply.status != http.client.OK:
            raise ServerError(f"{path}: {reply.status} {body.decode(errors='replace')}")
        return body

    def nsenter(self, *command: str, seconds: float = _COMMAND_S) -> str:
        """Run a command of this machine in the engine's network; its output."""
        return self._run([*self.inside("--net"), *command], seconds).decode().rstrip("\n")

    def inside(self, *namespaces: str) -> tuple[str, ...]:
        """The words before a command that runs in the engine's ``--net``, ``--mount``, ..."""
        return ("nsenter", f"--target={self._init}", *namespaces, "--")

    def counted_volume(self) -> CountedVolume:
        """A small file system on a loop device of its own, whose block IO the kernel counts.

        Raises `ServerError` where the machine has no loop device to give.
        """
        folder = Path(tempfile.mkdtemp(prefix="volume-", dir=self.folder))
        image = folder.with_suffix(".img")
        with image.open("wb") as file:
            file.truncate(96 << 20)
        self._run(["mkfs.ext4", "-q", str(image)])
        device = self._run(["losetup", "--find", "--show", str(image)]).decode().strip()
        try:
            self._run([*self.inside("--mount"), "mount", device, str(folder)])
        finally:
            # Detached already, the kernel frees it with its last mount, whatever ends the tests.
            self._run(["losetup", "--detach", device])
        return CountedVolume(folder, device)

    # Its life.

    def term(self, seconds: float = 30) -> None:
        """SIGTERM to the daemon: it stops its containers (not with --live-restore) and ends."""
        self._end_daemon(signal.SIGTERM, seconds)

    def kill9(self) -> None:
        """SIGKILL to the daemon: a crash, of which its containers know nothing."""
        self._end_daemon(signal.SIGKILL, 10)
        (self.folder / "docker.pid").unlink(missing_ok=True)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """The daemon stands still meanwhile, and its containers go on."""
        if self._daemon is None:
            raise ServerError("the daemon does not run")
        daemon = _child_of(self._daemon)
        os.kill(daemon, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(daemon, signal.SIGCONT)
            self._daemon.send_signal(signal.SIGCONT)  # nsenter stands still with its child

    def up(self) -> None:
        """Start the daemon (again) and wait until it answers."""
        if self._daemon is not None:
            raise ServerError("the daemon runs already")
        self.socket.unlink(missing_ok=True)
        with self.log.open("ab") as out:
            self._daemon = subprocess.Popen(
                [*self.inside("--mount", "--uts", "--net", "--pid"), *self._command()],
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,  # Ctrl-C is for the tests; they end the engine in order
            )
        self._wait(self._answers, _START_S, "answer to /_ping")

    def cut(self) -> None:
        """End daemon and containers in one blow, like a power cut; only `stop` can follow."""
        with contextlib.suppress(BrokenPipeError):
            self._first.communicate(timeout=10)
        if self._daemon is not None:
            self._daemon.wait(10)
            self._daemon = None

    def stop(self) -> None:
        """End all that was started here and remove what it left on the machine."""
        if not self.folder.exists():
            return
        try:
            self._stop_in_order()
        finally:
            self.cut()
            wait_until(lambda: not self._loop_devices(), 10, "loop devices free again")
            wait_until(self._remove_cgroups, 10, "cgroups of the engine empty")
            shutil.rmtree(self.folder)

    # Behind it.

    def _command(self) -> Sequence[str]:
        return (
            *("dockerd", "-H", self.host, "-H", "unix:///run/docker.sock", *self._listen),
            *("--pidfile", str(self.folder / "docker.pid")),
            # A cgroup of its own above all its containers, so that `stop` finds what they left.
            *("--exec-opt", "native.cgroupdriver=cgroupfs"),
            *("--cgroup-parent", f"/{self.folder.name}"),
            *self._options,
        )

    def _unshare(self, name: str) -> "subprocess.Popen[bytes]":
        with self.log.open("wb") as out:
            return subprocess.Popen(
                [
                    *("unshare", "--mount", "--net", "--uts", "--pid", "--fork", "--kill-child"),
                    *("--propagation", "private"),
                    *("bash", str(Path(__file__).with_name("engine.sh"))),
                    *(name, str(self.folder), str(self._root), *self.own),
                ],
                env=self._env,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def _laid_out(self) -> bool:
        if self._first.poll() is not None:
            raise ServerError(f"no namespaces for an engine:\n{last_lines(self.log)}")
        return (self.folder / "laid-out").exists()

    def _answers(self) -> bool:
        if self._daemon is None or self._daemon.poll() is not None:
            self._daemon = None
            raise ServerError(f"{self.program} ended at its start:\n{last_lines(self.log)}")
        try:
            return self.get("/_ping", 2) == b"OK"
        except OSError:
            return False

    def _wait(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        try:
            wait_until(condition, seconds, what)
        except AssertionError as late:
            raise ServerError(f"{late}\n{last_lines(self.log)}") from None

    def _end_daemon(self, how: signal.Signals, seconds: float) -> None:
        if self._daemon is None:
            raise ServerError("the daemon does not run")
        os.kill(_child_of(self._daemon), how)
        self._daemon.wait(seconds)
        self._daemon = None

    def _stop_in_order(self) -> None:
        if self._daemon is None:
            return
        if containers := self.docker("ps", "--all", "--quiet").split():
            self.docker("rm", "--force", "--volumes", *containers)
        self.term()

    def _loop_devices(self) -> list[str]:
        within = f"{self.folder}/"
        files = Path("/sys/block").glob("loop*/loop/backing_file")
        return [str(file) for file in files if _text(file).startswith(within)]

    def _cgroups(self) -> Sequence[Path]:
        """The topmost groups that are of this engine only."""
        # No walk through all groups: those of other engines come and go meanwhile.
        return [*CGROUPS.glob(self.folder.name), *CGROUPS.glob(f"*/{self.folder.name}")]

    def _remove_cgroups(self) -> bool:
        roots = self._cgroups()
        for root in roots:
            for folder, _, _ in os.walk(root, topdown=False):
                with contextlib.suppress(OSError):  # its last process is still ending
                    Path(folder).rmdir()
        return not any(root.exists() for root in roots)

    def _run(
        self, command: Sequence[str], seconds: float = _COMMAND_S, given: bytes = b""
    ) -> bytes:
        done = subprocess.run(
            command, env=self._env, input=given, capture_output=True, timeout=seconds, check=False
        )
        if done.returncode != 0:
            said = (done.stderr or done.stdout).decode(errors="replace").strip()
            raise ServerError(f"{' '.join(command)}: {said or done.returncode}")
        return done.stdout


class _UnixConnection(http.client.HTTPConnection):
    """HTTP on a unix socket."""

    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("docker", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _child_of(process: "subprocess.Popen[bytes]") -> int:
    """The pid, as seen from here, of what nsenter or unshare forked into a pid namespace."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return int(wait_until(lambda: _text(children).split(), 5, "a process in the namespace")[0])


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:  # the process or device has gone
        return ""


def busybox_tar() -> bytes:
    """A root file system: the static busybox under all its names."""
    busybox = shutil.which("busybox", path=PATH)
    if busybox is None:
        raise ServerError("no busybox on this machine")
    applets = subprocess.run(
        [busybox, "--list"], capture_output=True, text=True, check=True, timeout=10
    )
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as tar:
        for name in ("bin", "etc", "tmp"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        tar.add(busybox, "bin/busybox")
        for name in set(applets.stdout.split()) - {"busybox"}:
            entry = tarfile.TarInfo(f"bin/{name}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(entry)
        users = b"root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"
        entry = tarfile.TarInfo("etc/passwd")
        entry.size = len(users)
        tar.addfile(entry, io.BytesIO(users))
    return whole.getvalue()
