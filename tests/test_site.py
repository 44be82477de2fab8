"""The documentation as a site: built strictly, whole, and sufficient to itself."""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from servers.chromium import Chromium, looking_at
from test_docs import PAGES, ROOT

FETCHED = re.compile(r'<(?:script|img|iframe|link rel="?(?:stylesheet|icon|preconnect)"?)[^>]*>')
ELSEWHERE = re.compile(r"""(?:src|href)=["']?(?:https?:)?//""")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class Mermaid:
    """What draws in the browser, of a package of npm."""

    @staticmethod
    def missing() -> str:
        there = (ROOT / ".cache/mermaid/mermaid.min.js").exists()
        return "" if there else "mermaid is not in .cache/mermaid"


def built(tree: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, tree / "scripts/build-docs", folder]
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built") / "site"
    done = built(ROOT, folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_built(site: Path) -> None:
    """Those of docs/, and what they link to of the files beside it."""
    for page in PAGES:
        if ROOT / "docs" in page.parents:
            assert (site / page.relative_to(ROOT / "docs").with_suffix(".html")).exists()
    linked = re.findall(r"\]\(\.\./(deploy/[^)#]+)\)", (ROOT / "docs/deploy.md").read_text())
    assert linked
    for name in linked:
        assert (site / name).read_bytes() == (ROOT / name).read_bytes()


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    """Whoever reads it without the internet lacks nothing, and nobody hears of it."""
    for page in site.rglob("*.html"):
        fetched = FETCHED.findall(page.read_text(encoding="utf-8"))
        assert fetched
        assert [tag for tag in fetched if ELSEWHERE.search(tag)] == []


@pytest.mark.parametrize("link", ["nowhere.md", "top.md#nowhere"])
def test_a_link_that_leads_nowhere_ends_the_build(link: str, tmp_path: Path) -> None:
    """A page or an anchor that is not there is told, with the page that has it."""
    for name in ("docs", "scripts", "deploy"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for path in (*ROOT.glob("*.md"), ROOT / "mkdocs.yml", ROOT / "LICENSE"):
        shutil.copy(path, tmp_path)
    icon = "src/tidegauge/web/static/icon.svg"
    os.renames(shutil.copy(ROOT / icon, tmp_path), tmp_path / icon)
    with (tmp_path / "docs/index.md").open("a", encoding="utf-8") as page:
        page.write(f"\n[x]({link})\n")

    done = built(tmp_path, tmp_path / "site")

    assert done.returncode == 1
    assert "index.md" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "site").exists()


@pytest.fixture
def served(site: Path) -> Iterator[str]:
    handler = partial(Quiet, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.browser
async def test_the_drawing_is_drawn_and_pages_are_found(served: str, require) -> None:
    """By what comes with the site; the search leads to the page it names."""
    require(Chromium)
    require(Mermaid)
    async with looking_at(f"{served}/architecture.html") as page:
        drawing = page.locator("div.mermaid")
        await drawing.wait_for()
        box = await drawing.bounding_box()
        assert box is not None
        assert box["height"] > 400
        await page.keyboard.press("Control+k")
        await page.keyboard.type("podman")
        await page.get_by_text(re.compile(r"^\d+ results$")).wait_for()
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/how-to/podman.html*")
