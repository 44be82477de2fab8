"""Every error Tidegauge raises on purpose; each asks for one reaction.

::

    TidegaugeError
    ├── ConfigError               correct the file, key or argument; exit code 2
    ├── EngineError               something about one engine; its message is fit for users
    │   ├── EngineUnreachable     nobody answers there: wait, try again
    │   ├── EngineForbidden       it is there, we may not use it: tell, try again
    │   ├── EngineUntrusted       its certificate does not prove that it is it: tell, try again
    │   ├── NotAnEngine           something else answers: tell, try again
    │   ├── ConnectionLost        it broke off in the middle: open it again
    │   ├── NoSuchContainer       wait until it appears
    │   ├── NoSocketLeft          this process may open no more: tell once, try again
    │   └── RequestRefused        the engine said no, in words
    │       └── RequestForbidden  it lets nobody ask for this: tell, do without
    ├── OutOfReach                a container's cgroups cannot be read here: ask its engine
    ├── ExportError               a backend did not take it: count, drop, go on
    │   ├── BackendUnavailable    it may take it later: keep it, try again
    │   └── BatchTooLarge         it takes less at once: send it in halves
    ├── HistoryError              the store of samples could not do it: tell, try again
    │   ├── HistoryDamaged        what it holds is not what was written: set it aside
    │   └── HistoryRefused        it is not ours to write: tell, do without
    ├── AgentError                another Tidegauge could not be asked: tell, try again
    ├── Unanswerable              a request to the web server: tell who asked, with its status
    └── StreamError               how the parts of a running pipeline speak to each other
        ├── EndOfStream           nothing more will come: finish
        ├── WouldBlock            full: wait for room first
        └── StreamClosed          put after close: a bug
"""


class TidegaugeError(Exception):
    """Base of all; its text is one or two sentences a user can act on."""


class ConfigError(TidegaugeError):
    """A mistake in the configuration or arguments; names the file, line or key."""


class EngineError(TidegaugeError):
    """An engine could not give what was asked."""


class EngineUnreachable(EngineError):
    """No engine answers at the address."""


class EngineForbidden(EngineError):
    """The engine, or the way to it, refuses this user."""


class EngineUntrusted(EngineError):
    """The engine's certificate is not one to trust, so nothing was said to it."""


class NotAnEngine(EngineError):
    """Something answers at the address that does not speak the Engine API."""


class ConnectionLost(EngineError):
    """The connection ended in the middle of a reply; a lost engine, not a finished stream."""


class NoSuchContainer(EngineError):
    """The engine knows no container of this id or name."""


class NoSocketLeft(EngineError):
    """This process has as many sockets open as it may; those it has go on."""


class RequestRefused(EngineError):
    """The engine answered a request with an error status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class RequestForbidden(RequestRefused):
    """The engine, or a proxy before it, lets nobody ask for this."""


class OutOfReach(TidegaugeError):
    """The kernel here does not show a container's cgroups; says why, and what would help."""


class ExportError(TidegaugeError):
    """A backend will not take what was sent, now or later."""


class BackendUnavailable(ExportError):
    """A backend cannot be reached or is overloaded; ``after`` is how long it asks to be left."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class BatchTooLarge(ExportError):
    """A backend takes the like of it, but not so much at once."""


class HistoryError(TidegaugeError):
    """The history could not be read or written just now."""


class HistoryDamaged(HistoryError):
    """The history's file, or a part of it, is not what was written."""


class HistoryRefused(HistoryError):
    """The history's file belongs to another program, or version, or may not be written."""


class AgentError(TidegaugeError):
    """No agent answers at an address, or it does not let us in, or something else answers."""


class Unanswerable(TidegaugeError):
    """A request cannot be answered; ``status`` is HTTP's for it."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class StreamError(TidegaugeError):
    """A condition of a stream; none reaches a user unless there is a bug."""


class EndOfStream(StreamError):
    """The other side closed and everything was taken."""


class WouldBlock(StreamError):
    """A full buffer that waits cannot take an item now."""


class StreamClosed(StreamError):
    """Something was put into a closed buffer."""
