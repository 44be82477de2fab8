"""What is drawn of a container is what ``docker stats`` prints of it at the same moment."""

import asyncio
import re
import time

import pytest

from command import running
from docker_stats import docker_stats, percent, size
from servers.chromium import looking_at
from servers.process import free_ports
from waiting import wait_until_async

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

TALL = {"viewport": {"width": 1500, "height": 1500}}
NAMES = ("s-burn", "s-idle", "s-held", "s-fetch")
DOWNLOADED = 3_000_000
HELD = 50_000_000

ROWS = """rows => Object.fromEntries(rows.map(row => {
  const of = key => row.querySelector(`[data-key=${key}]`);
  const read = key => [of(key).querySelector("b").textContent, of(key).title.split("\\n")[0]];
  const named = row.dataset.container.split("/").at(-1);
  const [sampled, pids] = [Number(row.dataset.sampled), [of("pids").textContent]];
  return [named, { sampled, pids, cpu: read("cpu"), memory: read("memory") }];
}))"""
TILES = """tiles => Object.assign({ sampled: Number(tiles.dataset.sampled) },
  Object.fromEntries([...tiles.children].map(tile => {
    const number = tile.querySelector("b");
    return [tile.dataset.value, [number.textContent, number.title]];
  })))"""


@pytest.fixture
def containers(docker_engine):
    """A busy one, an idle one, one that holds memory of a limit, and one with traffic."""
    docker_engine.burn("s-burn")
    docker_engine.run("s-idle", "sleep", "10000")
    fill = f"head -c {HELD} /dev/zero > /held/f; exec sleep 10000"
    options = ("--memory", "200m", "--tmpfs", "/held")
    docker_engine.run("s-held", "sh", "-c", fill, options=options)
    fill = f"head -c {DOWNLOADED} /dev/zero > /f; exec httpd -f -h /"
    docker_engine.run("s-serve", "sh", "-c", fill)
    docker_engine.run("s-fetch", "sleep", "10000")
    at = docker_engine.docker("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "s-serve")
    fetch = f"until wget -q -O /dev/null {at}/f; do sleep 0.1; done"
    docker_engine.docker("exec", "s-fetch", "sh", "-c", fetch)
    yield NAMES
    docker_engine.docker("rm", "--force", *NAMES, "s-serve")


def program(tmp_path, docker_engine, port):
    given = {"DOCKER_HOST": docker_engine.host, "TIDEGAUGE_WEB_LISTEN": f"127.0.0.1:{port}"}
    kept = {"TIDEGAUGE_HISTORY_ENABLED": "true", "TIDEGAUGE_HISTORY_PATH": f"{tmp_path}/h"}
    return running(tmp_path / "log", **given, **kept)


async def meanwhile(docker_engine, names, look):
    """What ``docker stats`` prints, and by name all that is seen from before it to after it."""
    seen = {name: [each] for name, each in (await look()).items() if name in names}
    asked = asyncio.create_task(asyncio.to_thread(docker_stats, docker_engine, names))
    answered = 0.0

    async def all_is_seen():
        nonlocal answered
        if asked.done() and not answered:
            answered = time.time()
        for name, each in (await look()).items():
            if name in names:
                seen[name].append(each)
        # The page has samples of its own, of other moments; they come to it a little later.
        return answered and all(each[-1]["sampled"] > answered for each in seen.values())

    await wait_until_async(all_is_seen, 30, "a sample of each after the answer")
    return await asked, seen


def cores(text):
    """0.301 of ``0.301 cores``; of next to nothing, ``< 0.001``, a little too much."""
    return float(text.removeprefix("< ").split(" ")[0])


def binary(text):
    """Bytes of ``516 KiB``."""
    return size(text.replace(" ", ""))


def written(seen, value, read):
    """Each second as its text says it, and exactly, as its title does: ``CPU: 0.301 cores``."""
    shown = [each[value] for each in seen]
    return [(read(text), float(title.split(": ")[1].split(" ")[0])) for text, title in shown]


def check(printed, seen):
    """In one of these seconds they agree.

    CPU within 2 points or 20 %, whichever is more, for the command's second began at another
    moment; memory within 1 %; tasks exactly.
    """
    cpu = percent(printed["CPUPerc"]) / 100
    used = written(seen, "cpu", cores)
    assert any(each == pytest.approx((cpu, cpu), rel=0.2, abs=0.02) for each in used), (cpu, used)

    memory = size(printed["MemUsage"].split(" / ")[0])
    held = written(seen, "memory", binary)
    assert any(each == pytest.approx((memory, memory), rel=0.01) for each in held), (memory, held)

    assert printed["PIDs"] in {each["pids"][0] for each in seen}


async def test_rows_agree_with_docker_stats(tmp_path, docker_engine, containers):
    """CPU, memory and tasks in the table of all containers."""
    (port,) = free_ports(1)
    async with program(tmp_path, docker_engine, port) as process:
        await process.says("watching")
        async with looking_at(f"http://127.0.0.1:{port}/", **TALL) as page:

            async def look():
                return await page.eval_on_selector_all("tr[data-container]", ROWS)

            async def complete():
                rows = await look()
                return all(name in rows and rows[name]["cpu"][0] != "–" for name in NAMES)

            await wait_until_async(complete, 20, "numbers of all")
            printed, seen = await meanwhile(docker_engine, NAMES, look)

    for name in NAMES:
        check(printed[name], seen[name])
    assert percent(printed["s-burn"]["CPUPerc"]) > 20
    assert size(printed["s-held"]["MemUsage"].split(" / ")[0]) > HELD


async def test_a_containers_page_agrees_with_docker_stats(tmp_path, docker_engine, containers):
    """Its tiles; and each explanation has, to the digit, what the command prints."""
    (port,) = free_ports(1)
    async with program(tmp_path, docker_engine, port) as process:
        await process.says("watching")
        async with looking_at(f"http://127.0.0.1:{port}/", **TALL) as page:
            for name in NAMES:
                await check_page(page, docker_engine, name)


async def check_page(page, docker_engine, name):
    await page.locator(f"tr[data-container$='/{name}'] a").click()
    heading = page.get_by_role("heading", name=name)
    await heading.wait_for()
    await page.locator(".tile[data-value=cpu]:not([data-absent=true])").wait_for()

    async def look():
        return {name: await page.eval_on_selector(".tiles", TILES)}

    before = await explanations(page)
    printed, seen = await meanwhile(docker_engine, [name], look)
    after = await explanations(page)
    theirs = printed[name]
    _, limit = theirs["MemUsage"].split(" / ")

    check(theirs, seen[name])
    for label in ("Received", "Sent"):
        told = (before[label], theirs["NetIO"], after[label])
        for earlier, shown, later in zip(*map(sizes, told), strict=True):
            assert earlier <= shown <= later, told
    told = [re.split(" / |, ", each["Memory"]) for each in (before, after)]
    assert {each[1] for each in told} == {limit}
    if name == "s-held":
        share = await page.locator(".tile[data-value=memory] small").inner_text()
        assert share.endswith("of 200 MiB")
    if name == "s-fetch":
        assert size(theirs["NetIO"].split(" / ")[0]) > DOWNLOADED

    await page.keyboard.press("Escape")
    await page.locator("tr[data-container]").first.wait_for()


def sizes(text):
    """Bytes of each in ``4.8MB / 12kB``."""
    return [size(each) for each in text.split(" / ")]


async def explanations(page):
    """What the page says that ``docker stats`` shows, by the value that explains it."""
    told = {}
    for label in ("Memory", "Received", "Sent"):
        await page.get_by_role("button", name=f"Explain: {label}", exact=True).click()
        term = page.get_by_role("dialog").locator(".term", has_text="docker stats shows")
        told[label] = await term.locator("code").first.inner_text()
        await page.keyboard.press("Escape")
    return told
