"""What must hold of the options of the web server."""

from tidegauge.config.places import Places, shown
from tidegauge.web.options import Address, WebOptions


def check_web(options: WebOptions, places: Places) -> None:
    """Raise `ConfigError` for an address that is none, or one open to others without a token."""
    if not options.listen:
        return
    try:
        address = Address.parse(options.listen)
    except ValueError as error:
        raise places.wrong(("web", "listen"), str(error)) from None
    if not options.token and not address.is_loopback:
        raise places.wrong(
            ("web", "token"),
            f"must be set, because {places.name(('web', 'listen'))} ({shown(options.listen)}) lets"
            " other machines in",
        )
