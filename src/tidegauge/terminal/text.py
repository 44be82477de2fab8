"""Text as a terminal shows it: how wide it is, and what of it must not reach the cursor."""

from unicodedata import category, east_asian_width


def printable(text: str) -> str:
    r"""The text with what is no visible character written out, as ``\x1b``.

    Names and other programs' messages may hold anything; control characters would move the cursor.
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def width(text: str) -> int:
    """How many columns printable text takes: Chinese, say, takes two a sign, an accent none."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def cut(text: str, columns: int) -> str:
    """The text, shortened to so many columns if it is wider; an ellipsis says so."""
    if width(text) <= columns:
        return text
    room, kept = columns - 1, ""
    for sign in text:
        room -= _columns(sign)
        if room < 0:
            break
        kept += sign
    return f"{kept}…"


def _columns(sign: str) -> int:
    if category(sign) in {"Mn", "Me"}:
        return 0
    return 2 if east_asian_width(sign) in {"W", "F"} else 1
