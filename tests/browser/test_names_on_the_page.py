"""Names that others chose are shown as they are, and do nothing."""

import pytest

from command import running
from fakes.engine import FakeEngine
from fakes.stats import frame, streaming
from servers.chromium import looking_at
from servers.process import free_ports
from waiting import wait_until_async

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

SCRIPT = "<img src=x onerror=alert(1)>"
BACKWARDS = "\u202egnitteg\u202c-شبكة"
LONG = "n" * 200
EMOJI = "🐳-контейнер-容器"
SLASHED = "a/b?c=d&e#f%2F"
NAMES = (SCRIPT, BACKWARDS, LONG, EMOJI, SLASHED)


async def test_hostile_names_are_text(tmp_path):
    """In the table, on a page of their own, in groups, tags, events and comparisons."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/"
    async with FakeEngine(tmp_path / "s") as engine:
        for name in NAMES:
            engine.add(name, streaming(frame(1), frame(2)))
            labels = {"com.docker.compose.project": name, "com.docker.compose.service": name}
            engine.listed[-1] |= {"Image": name, "Labels": labels}
        given = {"DOCKER_HOST": engine.host, "TIDEGAUGE_WEB_LISTEN": f"127.0.0.1:{port}"}
        kept = {"TIDEGAUGE_HISTORY_ENABLED": "true", "TIDEGAUGE_HISTORY_PATH": f"{tmp_path}/h"}
        async with running(tmp_path / "log", **given, **kept) as process:
            await process.says("metrics at")
            await process.says("watching")
            view = {"viewport": {"width": 1400, "height": 1200}}
            async with looking_at(url, **view) as page:
                links = page.locator("tr[data-container] a")
                await wait_until_async(links.count, 10, "a table")
                shown = await links.all_inner_texts()
                assert set(shown) == set(NAMES)
                assert await page.locator("main img").count() == 0
                assert await page.evaluate("document.documentElement.scrollWidth") <= 1400
                for name in NAMES:
                    row = page.locator("tr[data-container]").filter(has_text=name)
                    await row.locator("a").click()
                    heading = page.locator(".page.container h1")
                    await heading.wait_for()
                    assert await heading.inner_text() == name
                    # The container itself was found, whatever is in its name.
                    await page.locator("dl.facts").get_by_text(name).first.wait_for()
                    assert await page.locator("main img").count() == 0
                    await page.keyboard.press("Escape")
                    await links.first.wait_for()
                for name in NAMES:
                    await page.get_by_label(f"Compare {name}", exact=True).check()
                await page.get_by_role("link", name="Compare 5 containers").click()
                await page.locator(".chosen li").nth(4).wait_for()
                assert await page.locator(".chosen a").all_inner_texts() == list(NAMES)
                assert await page.locator("main img").count() == 0
            async with looking_at(url, viewport={"width": 360, "height": 800}) as page:
                await page.locator("tr[data-container] a").first.wait_for()
                assert await page.evaluate("document.documentElement.scrollWidth") <= 360
