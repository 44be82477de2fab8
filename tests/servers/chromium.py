"""Debian's Chromium, driven by Playwright; what went wrong on a page is what a test sees last."""

import importlib.util
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.async_api import Page

PROGRAM = Path("/usr/bin/chromium")


class Chromium:
    """Where it is, and whether it can be used."""

    @staticmethod
    def missing() -> str:
        """What this machine lacks to run it, in words; empty when nothing is."""
        if not PROGRAM.exists():
            return "missing packages: chromium"
        driver = importlib.util.find_spec("playwright")
        return "" if driver else "missing in the environment: playwright (the extra dev)"


@asynccontextmanager
async def looking_at(url: str, *, troubles: bool = False, **context: Any) -> "AsyncIterator[Page]":
    """A page in a new browser.

    It must say nothing on its console, fail nowhere, and ask nobody but where it came from. With
    ``troubles`` requests may fail, as they do when the server is away.
    """
    from playwright.async_api import async_playwright

    wrong: list[str] = []
    host = urlsplit(url).netloc

    def told(message: Any) -> None:
        failed = "Failed to load resource" in message.text or "ERR_" in message.text
        if message.type in {"error", "warning"} and not (troubles and failed):
            wrong.append(f"{message.type}: {message.text}")

    def asked(request: Any) -> None:
        if urlsplit(request.url).netloc != host:
            wrong.append(f"a request went to {request.url}")

    async with async_playwright() as driver:
        # Without the sandbox, which root has not; all pages are our own.
        browser = await driver.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox"])
        try:
            page = await (await browser.new_context(**context)).new_page()
            page.set_default_timeout(15_000)
            page.on("console", told)
            page.on("pageerror", lambda error: wrong.append(f"exception: {error.stack}"))
            page.on("dialog", lambda dialog: wrong.append(f"a dialog: {dialog.message}"))
            page.on("request", asked)
            await page.goto(url)
            yield page
        finally:
            await browser.close()
    assert not wrong, "\n".join(wrong)
