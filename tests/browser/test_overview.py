"""The table of all containers, as users see and use it."""

import json
import re
from decimal import ROUND_HALF_UP, Decimal
from urllib.parse import urlsplit

import pytest

from servers.chromium import looking_at
from waiting import wait_until_async

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
TALL = {"viewport": {"width": 1500, "height": 1500}}

ROWS = "table.grid tbody tr[data-container]"
READ_ROWS = """rows => rows.map(row => [row.dataset.container, Number(row.dataset.sampled),
  Object.fromEntries([...row.querySelectorAll("td[data-key]")].map(cell =>
    [cell.dataset.key, [(cell.querySelector("b") ?? cell).textContent, cell.title]]))])"""
CPU = """rows => rows.map(row =>
  parseFloat(row.querySelector("[data-key=cpu]").title.slice(5)) || null)"""
NAMES = "rows => rows.map(row => row.querySelector('a').textContent)"


def humanised(number, digits=lambda each: 0 if each >= 99.95 else 1 if each >= 9.995 else 2):
    """Bytes as the page writes them, worked out another way."""
    size, units = float(number), iter(("B", "KiB", "MiB", "GiB"))
    unit = next(units)
    while size >= 1023.5:
        size, unit = size / 1024, next(units)
    return f"{fixed(size, 0 if unit == 'B' else digits(size))} {unit}"


def fixed(number, digits):
    """Rounded as `toFixed` does: of two that are as near, the larger (150.5 is 151)."""
    return str(Decimal(number).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


async def names(page):
    return await page.eval_on_selector_all(ROWS, NAMES)


async def test_the_numbers_on_the_page_are_those_of_the_api(demo):
    """Of each running container, for the same sample: the exact value, and its rounded form."""
    compared = {}

    async def compare(page):
        answer = await demo.ask("containers")
        known = {each["key"]: each for each in answer["containers"]}
        for key, sampled, cells in await page.eval_on_selector_all(ROWS, READ_ROWS):
            container = known.get(key)
            if container is None or container["sampled_at"] != sampled:
                continue
            for name in ("cpu", "memory", "rx", "tx", "read", "write", "pids"):
                text, title = cells[name]
                value = container["values"].get(name)
                changed = (value is None) != (text == "–")  # it ended or began between the two
                if changed or (value is None and title.split("\n")[0] != container["absent"][name]):
                    break  # that comes with the list, which may be a second behind
                if value is None:
                    continue
                exact = re.match(r"[^:]+: (\S+) ", title)[1]
                assert float(exact) == value, (key, name)
                if name in {"rx", "tx", "read", "write"}:
                    assert text == f"{humanised(value)}/s"
                elif name == "memory":
                    assert text == humanised(value)
                elif name == "cpu" and value > 0.0995:
                    assert text == fixed(value, 2)
            else:
                compared[key] = cells
        running = {key for key, each in known.items() if each["state"] == "running"}
        return running <= compared.keys()

    async with looking_at(demo.url, **TALL) as page:
        await page.wait_for_selector(ROWS)
        await wait_until_async(lambda: compare(page), 30, "each container was compared")
        assert len(compared) >= 14


async def test_the_first_load_is_small(demo):
    """All bytes of it unpacked are 200 kB at most, and packed not even half of that."""
    script = """() => ["navigation", "resource"].flatMap(kind => performance.getEntriesByType(kind))
      .map(each => [each.name, each.decodedBodySize, each.transferSize])"""
    async with looking_at(demo.url) as page:
        await page.wait_for_selector(ROWS)
        loaded = await page.evaluate(script)
    files = [each for each in loaded if "/api/" not in each[0]]
    assert len(files) > 10
    assert sum(unpacked for _, unpacked, _ in files) <= 200_000
    assert sum(wire for _, _, wire in files) <= 80_000


async def cpu_of(page):
    found = await page.eval_on_selector_all(ROWS, CPU)
    return [number for number in found if number is not None]


async def put_in_order_again_and_again(page):
    """With the greatest CPU first, for other numbers each time."""
    seen = set()

    async def in_order():
        used = await cpu_of(page)
        if len(used) > 10 and used == sorted(used, reverse=True):
            seen.add(tuple(used))
        return len(seen) > 3

    await wait_until_async(in_order, 30, "the greatest first")


async def test_search_states_groups_and_sorting_are_kept_in_the_address(demo):
    """Each changes what is shown, and a copy of the address shows the same."""
    async with looking_at(demo.url, **TALL) as page:
        await page.wait_for_selector(ROWS)
        await page.keyboard.press("/")
        await page.keyboard.type("POSTGRES project=shop")
        assert await names(page) == ["shop-postgres-1"]
        await page.keyboard.press("Escape")
        assert {"shop-postgres-1", "shop-redis-1", "blog-mariadb-1"} < set(await names(page))

        await page.get_by_label("Group by").select_option("none")
        await page.get_by_role("button", name="CPU, cores").click()
        heading = page.locator("th[data-key=cpu]")
        assert await heading.get_attribute("aria-sort") == "descending"
        await page.mouse.move(0, 0)  # what is pointed at stays where it is
        await put_in_order_again_and_again(page)

        grid = page.get_by_role("table", name="Containers")
        await page.locator(ROWS).nth(2).hover()
        held = [await names(page)]
        told = set()

        async def held_though_out_of_order():
            shown, used = await names(page), await cpu_of(page)
            if set(shown) != set(held[0]):  # one came or went: all are put in order anew
                held[0] = shown
                told.clear()
            assert shown == held[0]
            told.add(await grid.get_attribute("data-at"))
            return len(told) > 3 and used != sorted(used, reverse=True)

        await wait_until_async(held_though_out_of_order, 30, "samples of three seconds")

        await page.locator(ROWS).nth(2).get_by_role("checkbox").click()
        await page.mouse.move(0, 0)
        await put_in_order_again_and_again(page)
        await page.locator(ROWS).get_by_role("checkbox", checked=True).click()
        await page.mouse.move(0, 0)
        await page.locator(".chip[data-state=running]").click()
        assert "exited" not in await page.locator(ROWS).all_inner_texts()
        address = page.url
        assert urlsplit(address).fragment == "/?group=none&sort=cpu&down=1&state=running"

    async with looking_at(address, **TALL) as page:
        await page.wait_for_selector(ROWS)
        assert await page.get_by_label("Group by").input_value() == "none"
        assert (
            await page.locator(".chip[aria-pressed=true]").get_attribute("data-state") == "running"
        )
        assert await page.locator("th[aria-sort]").get_attribute("data-key") == "cpu"


async def test_groups_have_the_sums_of_their_containers(demo):
    """CPU, memory and traffic of a project are those of its rows, added up."""
    script = """() => [...document.querySelectorAll("table.grid tbody")].map(body => {
      const of = cell => parseFloat(cell.title.split(": ")[1]) || 0;
      const cells = (row, name) => [...body.querySelectorAll(`${row} td[data-key=${name}]`)];
      const sum = name => cells("[data-container]", name).reduce((all, each) => all + of(each), 0);
      const shown = name => Number(cells(".group", name)[0].dataset.sum ?? 0);
      return ["cpu", "memory", "rx", "tx"].map(name => [shown(name), sum(name)]);
    })"""
    async with looking_at(demo.url, **TALL) as page:
        await page.wait_for_selector("table.grid tbody .group td[data-sum]")

        async def right():
            groups = await page.evaluate(script)
            pairs = [pair for group in groups for pair in group]
            return len(groups) >= 3 and all(one == pytest.approx(other) for one, other in pairs)

        await wait_until_async(right, 10, "sums that are right")


async def test_it_can_be_used_by_keys_alone(demo):
    """Tab reaches the table, arrows walk in it, Enter opens, Escape comes back."""
    async with looking_at(demo.url) as page:
        await page.wait_for_selector(ROWS)
        await page.keyboard.press("/")
        await page.keyboard.press("ArrowDown")
        focused = "document.activeElement.closest('tr')?.dataset.container"
        first = await page.evaluate(focused)
        await page.keyboard.press("ArrowDown")
        second = await page.evaluate(focused)
        assert first != second
        await page.keyboard.press("Home")
        assert await page.evaluate(focused) == first
        # One stop for the table, whatever number of rows it has.
        assert await page.locator(f"{ROWS} a[tabindex='0']").count() == 1
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert await page.evaluate(outline) == "solid"
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".page.container .uplot")
        assert urlsplit(page.url).fragment == f"/container/{first}"
        await page.keyboard.press("Escape")
        await page.wait_for_selector(ROWS)


async def test_chosen_containers_are_compared(demo):
    """A line for each of them in each chart."""
    async with looking_at(demo.url, **TALL) as page:
        for name in ("shop-api-1", "shop-api-2"):
            await page.get_by_label(f"Compare {name}").check()
        await page.get_by_role("link", name="Compare 2 containers").click()
        await page.wait_for_selector("figure[data-panel=cpu-0] .uplot")
        labels = await page.locator("figure[data-panel=cpu-0] .legend bdi").all_inner_texts()
        assert labels == ["shop-api-1", "shop-api-2"]
        assert await page.locator("figure.chart").count() == 7
        await page.get_by_role("button", name="Remove shop-api-2").click()
        await page.locator(".chosen li").nth(1).wait_for(state="detached")
        await page.wait_for_selector("figure[data-panel=cpu-0] .uplot")


async def test_it_fits_a_phone(demo):
    """No page is wider than 360 pixels, and each container is a card with its numbers."""
    for address in (
        "",
        "#/container/demo/shop-web-1",
        "#/events",
        "#/status",
        "#/compare?c=demo/shop-web-1&c=demo/shop-web-2",
    ):
        async with looking_at(demo.url + address, **PHONE) as page:
            await page.wait_for_selector("main .page")
            await page.wait_for_selector(
                "main :is(.tile, .chosen, .happenings tbody tr, tr[data-container])"
            )
            assert await page.evaluate("document.documentElement.scrollWidth") <= 360, address
    async with looking_at(demo.url, **PHONE) as page:
        card = page.locator("tr[data-container='demo/shop-postgres-1']")
        await card.scroll_into_view_if_needed()
        box = await card.bounding_box()
        assert box["width"] <= 340
        for key in ("cpu", "memory", "rx", "tx", "uptime", "pids"):
            cell = await card.locator(f"td[data-key={key}]").bounding_box()
            assert cell["x"] >= box["x"], key
            assert cell["x"] + cell["width"] <= box["x"] + box["width"], key


async def test_dark_and_light_follow_the_system_or_the_reader(demo):
    """The system's choice at first, then what was chosen here, also after a reload."""
    back = "getComputedStyle(document.body).backgroundColor"
    async with looking_at(demo.url, color_scheme="dark") as page:
        assert await page.evaluate(back) == "rgb(14, 20, 25)"
        await page.get_by_role("button", name="Theme: as the system").click()
        assert await page.evaluate(back) == "rgb(243, 245, 247)"
        await page.reload()
        assert await page.evaluate(back) == "rgb(243, 245, 247)"
        await page.get_by_role("button", name="Theme: light").click()
        assert await page.evaluate(back) == "rgb(14, 20, 25)"


CONTRAST = """() => {
  const channel = value => (value /= 255) <= 0.03928
    ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const behind = node => {
    for (let each = node; each; each = each.parentElement) {
      const found = numbers(getComputedStyle(each).backgroundColor);
      if (found.length < 4 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const bad = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some(each => each.nodeType === 3 && each.data.trim());
    if (!own || !node.checkVisibility({contentVisibilityAuto: true})) continue;
    const [one, other] = [light(numbers(getComputedStyle(node).color)), light(behind(node))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < 4.5) bad.push([node.className, node.textContent.slice(0, 30), ratio.toFixed(2)]);
  }
  return bad;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("address", ["", "#/container/demo/shop-web-1", "#/events", "#/status"])
async def test_text_stands_out_from_what_is_behind_it(demo, scheme, address):
    """WCAG AA: 4.5 to 1 for every text, in both themes."""
    async with looking_at(demo.url + address, color_scheme=scheme) as page:
        await page.wait_for_selector("main .page table tbody tr, main .tile b")
        assert await page.evaluate(CONTRAST) == []


async def test_readers_of_the_screen_find_their_way(demo):
    """Landmarks, a table with headings for rows and columns, and names for all controls."""
    async with looking_at(demo.url, **TALL) as page:
        await page.wait_for_selector(ROWS)
        for role, name in (
            ("banner", None),
            ("navigation", "Pages"),
            ("main", None),
            ("table", "Containers"),
            ("search", None),
        ):
            assert await page.get_by_role(role, name=name).count() >= 1, role
        row = page.get_by_role("row").filter(
            has=page.get_by_role("rowheader", name="shop-postgres-1")
        )
        assert await row.get_by_role("cell").count() == 11
        assert await page.get_by_role("columnheader").count() == 12
        nameless = """() => [...document.querySelectorAll("button, a[href], input, select")]
          .filter(each => !(each.textContent.trim() || each.ariaLabel || each.labels?.length))
          .map(each => each.outerHTML)"""
        assert await page.evaluate(nameless) == []
        assert await page.locator("[aria-live=polite]").count() >= 1
        snapshot = await page.locator("main").aria_snapshot()
        assert 'table "Containers"' in snapshot
        assert re.search(r'- button "Sort|- columnheader "CPU, cores"', snapshot)


async def test_two_hundred_containers_cost_less_than_a_tenth_of_a_core(crowd):
    """The page's main thread, over ten seconds of live data."""
    async with looking_at(crowd.url, viewport={"width": 1440, "height": 900}) as page:
        await page.wait_for_selector(ROWS)
        assert await page.locator(ROWS).count() > 150
        await page.wait_for_timeout(2000)
        session = await page.context.new_cdp_session(page)
        # The thread's own clock: other programs on the machine do not count.
        await session.send("Performance.enable", {"timeDomain": "threadTicks"})

        async def busy():
            answer = await session.send("Performance.getMetrics")
            return {each["name"]: each["value"] for each in answer["metrics"]}["TaskDuration"]

        before, at = await busy(), await page.get_attribute("table.grid", "data-at")
        await page.wait_for_timeout(10_000)
        used = await busy() - before
        assert float(await page.get_attribute("table.grid", "data-at")) - float(at) > 7
        print(json.dumps({"task_seconds_in_10": used}))
        assert used < 1.0
