"""The page of the fleet, read from a store that is made up."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiohttp import web

from fakes.fleet_store import FakeHost, FleetStore, serving_fleet
from servers.chromium import looking_at
from servers.process import Process, free_ports
from waiting import wait_until_async

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
ROWS = ".sheet tbody tr"
EVIL = "\u202eevil<img src=x onerror=alert(1)>" + "n" * 150


@contextmanager
def shown(folder: Path, *hosts: FakeHost) -> Iterator[tuple[FleetStore, str]]:
    """A program that has this fleet, and its address."""
    (port,) = free_ports(1)
    with serving_fleet(FleetStore(hosts)) as store:
        given = {
            "PATH": os.environ["PATH"],
            "DOCKER_HOST": "demo://?containers=1",
            "TIDEGAUGE_WEB_LISTEN": f"127.0.0.1:{port}",
            "TIDEGAUGE_HISTORY_PROMETHEUS": store.url,
        }
        process = Process([sys.executable, "-m", "tidegauge", "run"], given, folder / "log")
        try:
            yield store, f"http://127.0.0.1:{port}/"
        finally:
            process.stop()


async def answers(url: str) -> None:
    """Return when the program does."""
    port = int(url.rsplit(":", 1)[1].strip("/"))

    async def open_one() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    await wait_until_async(open_one, 20, "the program listens")


async def texts(page, selector):
    return await page.eval_on_selector_all(selector, "all => all.map(each => each.textContent)")


async def test_hosts_services_and_containers_by_the_keyboard(tmp_path):
    """From the navigation to the charts of a container of another host; a silent host is marked."""
    hosts = [FakeHost("web-1"), FakeHost("web-2"), FakeHost("db-1", silent_for=60)]
    with shown(tmp_path, *hosts) as (store, url):
        await answers(url)
        async with looking_at(url) as page:
            await page.click("#fleet")
            await page.wait_for_selector(ROWS)
            assert await texts(page, f"{ROWS} a") == ["db-1", "web-1", "web-2"]
            assert await texts(page, f"{ROWS}[data-silent] a") == ["db-1"]
            silent = await page.text_content(f"{ROWS}[data-silent] td")
            assert silent.startswith("silent since ")
            assert (await texts(page, ".tile b"))[:3] == ["3", "1", "6"]
            assert await page.get_attribute("nav a[aria-current]", "data-page") == "fleet"

            await page.keyboard.press("/")
            await page.keyboard.type("web")
            await wait_until_async(lambda: count(page, 2), 10, "those with this name")
            await page.keyboard.press("ArrowDown")
            await page.keyboard.press("ArrowDown")
            await page.keyboard.press("Enter")
            await page.wait_for_selector("h1:has-text('web-2')")
            await page.wait_for_selector(ROWS)
            assert await texts(page, f"{ROWS} a") == ["shop-db-1", "shop-web-1", "shop-web-2"]

            await page.click(f"{ROWS} a")
            await page.wait_for_selector(".chart")
            await wait_until_async(
                lambda: any('engine="local",container="shop-db-1"' in each for each in store.asked),
                10,
                "its series are asked for",
            )
            assert any('host="web-2"' in each for each in store.asked if "shop-db-1" in each)


async def test_services_over_hosts(tmp_path):
    """With their replicas and hosts; each leads to its containers."""
    with shown(tmp_path, FakeHost("a"), FakeHost("b")) as (_, url):
        await answers(url)
        async with looking_at(f"{url}#/fleet?view=services&sort=running&down=1") as page:
            await page.wait_for_selector(ROWS)
            assert await texts(page, f"{ROWS} a") == ["web", "db"]
            assert (await texts(page, f"{ROWS} td"))[:2] == ["4", "2"]
            await page.click(f"{ROWS} a")
            await page.wait_for_selector("h1:has-text('web')")
            await wait_until_async(lambda: count(page, 4), 10, "all its containers")


async def count(page, rows: int) -> bool:
    return len(await page.query_selector_all(ROWS)) == rows


@pytest.mark.parametrize("view", [{}, PHONE], ids=["desk", "phone"])
async def test_names_of_hosts_are_only_text(tmp_path, view):
    """However long and strange, nothing runs and the page is no wider than the screen."""
    with shown(tmp_path, FakeHost(EVIL), FakeHost("b")) as (_, url):
        await answers(url)
        for address in ("#/fleet", "#/fleet/service/shop/web"):
            async with looking_at(f"{url}{address}", **view) as page:
                await page.wait_for_selector(ROWS)
                assert not await page.query_selector("img")
                wide = "document.documentElement.scrollWidth > innerWidth"
                assert not await page.evaluate(wide)


async def test_an_empty_fleet_and_one_that_is_away_say_what_to_do(tmp_path):
    """What was seen stays, with the time it is of; local pages go on."""
    with shown(tmp_path) as (store, url):
        await answers(url)
        async with looking_at(f"{url}#/fleet", troubles=True) as page:
            await page.wait_for_selector("h2:has-text('No hosts yet')")
            store.hosts.append(FakeHost("first"))
            await page.wait_for_selector(f"{ROWS} a:has-text('first')")

            async def away(_: web.BaseRequest) -> web.Response:
                return web.Response(status=503, text=json.dumps({"error": "too busy"}))

            store.answering = away
            await page.wait_for_selector(".notice:has-text('too busy')")
            assert "What you see is from" in (await page.text_content(".notice"))
            assert await texts(page, f"{ROWS} a") == ["first"]
            await page.click("nav a[data-page=overview]")
            await page.wait_for_selector("table.grid tbody tr[data-container]")


async def test_a_thousand_hosts_are_one_page(tmp_path):
    """Of a hundred services each; no container is asked for until somebody looks at a host."""
    services = [("app", f"s{n}", 1) for n in range(10)]
    hosts = [FakeHost(f"node-{n:04}", services) for n in range(1000)]
    with shown(tmp_path, *hosts) as (store, url):
        await answers(url)
        async with looking_at(f"{url}#/fleet") as page:
            await wait_until_async(lambda: count(page, 1000), 30, "all rows")
            assert (await texts(page, ".tile b"))[2] == "10 000"
            took = await page.evaluate(
                """async () => { const began = performance.now();
                document.querySelector('[data-key=cpu] button').click();
                await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
                return performance.now() - began; }"""
            )
            assert took < 2000
        assert not any(", container)" in each for each in store.asked)


async def test_without_a_server_there_is_no_fleet_in_the_navigation(demo):
    """A link to it says what to do."""
    async with looking_at(demo.url) as page:
        await page.wait_for_selector("#link[data-link=live]")
        assert not await page.is_visible("#fleet")
    async with looking_at(f"{demo.url}#/fleet", troubles=True) as page:
        await page.wait_for_selector(".empty:has-text('[history] prometheus = URL')")
