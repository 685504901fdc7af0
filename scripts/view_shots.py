"""Shows the view in a host page of our own, in Chromium, with results of the real server; checks it and takes pictures.

The host page (view_host.html) and the view have two origins, and the view gets the Content-Security-Policy that hosts
send for a document that asks for nothing. What the view asks for goes to a server in this process, whose provider is
made up. Pictures go to .work/view, or to the folder that is named. `scripts/view-shots` runs it.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import math
import os
import re
import struct
import sys
import tempfile
import wave
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx2
from mcp.client import Client
from mcp.client.extension import advertise
from mcp.types import Implementation
from PIL import Image, ImageDraw, ImageFilter
from playwright.async_api import Browser, ConsoleMessage, Frame, Page, Route, async_playwright

from anymodel_mcp.app import build_server
from anymodel_mcp.config import Files, Limits, ProviderSettings, Secret, Settings, ViewSettings
from anymodel_mcp.server.views import EXTENSION_ID, MIME_TYPE, URI

ROOT = Path(__file__).resolve().parent.parent
HOST = Path(__file__).with_name("view_host.html").read_text("utf-8")
CSP = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "media-src 'self' data:; connect-src 'none'; frame-src 'none'; object-src 'none'; base-uri 'self'"
)
EVERYTHING: dict[str, Any] = {
    name: {}
    for name in ("openLinks", "downloadFile", "serverTools", "serverResources", "message", "updateModelContext")
}
WIDTHS, THEMES = (320, 720), ("light", "dark")
SHORT = "A lighthouse on a basalt cliff at dusk, warm light in the lantern room, calm sea, soft film grain"
LONG = SHORT + ". " + " ".join(
    f"Detail {n}: waves break in long, even lines, gulls rest on the railing, the windows of the house glow."
    for n in range(1, 9)
)  # fmt: skip
HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=1</script> & "quotes" </section>'
Json = dict[str, Any]
PREFIX = "anymodel-view-"


# --- what the provider makes


SKIES = (
    ((255, 176, 122), (88, 80, 141)),
    ((154, 206, 235), (250, 232, 200)),
    ((28, 38, 77), (120, 90, 150)),
    ((240, 140, 110), (120, 60, 100)),
)


def scene(number: int, *, width: int = 1024, height: int = 1024) -> bytes:
    """A picture that looks like one: sky, sun, sea, a lighthouse."""
    top, low = SKIES[number % len(SKIES)]
    picture = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(picture)
    for y in range(height):
        part = y / height
        draw.line([(0, y), (width, y)], fill=tuple(int(a + (b - a) * part) for a, b in zip(top, low, strict=True)))
    draw.ellipse([width * 0.62, height * 0.34, width * 0.78, height * 0.34 + width * 0.16], fill=(255, 236, 190))
    picture = picture.filter(ImageFilter.GaussianBlur(6))
    draw = ImageDraw.Draw(picture)
    draw.rectangle([0, height * 0.66, width, height], fill=(38, 62, 92))
    for line in range(14):
        y = height * (0.68 + 0.022 * line)
        draw.line([(0, y), (width, y + 6 * math.sin(line + number))], fill=(64, 96, 132), width=3)
    draw.polygon(
        [(0, height), (0, height * 0.6), (width * 0.3, height * 0.55), (width * 0.5, height)], fill=(32, 30, 38)
    )
    x, base = width * 0.2, height * 0.58
    draw.polygon(
        [(x - 40, base), (x + 40, base), (x + 26, height * 0.25), (x - 26, height * 0.25)], fill=(238, 232, 222)
    )
    for band in (0.32, 0.42, 0.52):
        draw.rectangle([x - 30, height * band, x + 30, height * (band + 0.04)], fill=(178, 58, 52))
    draw.rectangle([x - 22, height * 0.2, x + 22, height * 0.25], fill=(255, 224, 150))
    draw.polygon([(x - 30, height * 0.2), (x + 30, height * 0.2), (x, height * 0.15)], fill=(60, 52, 60))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def tone(seconds: float = 6) -> bytes:
    """A WAV file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        frames = (int(9000 * math.sin(n / 16_000 * 2 * math.pi * 330)) for n in range(int(seconds * 16_000)))
        file.writeframes(b"".join(struct.pack("<h", frame) for frame in frames))
    return out.getvalue()


MAKE_VIDEO = """async () => {
  const canvas = document.createElement('canvas'), pen = canvas.getContext('2d'), parts = []
  canvas.width = 640; canvas.height = 360
  const recorder = new MediaRecorder(canvas.captureStream(15), { mimeType: 'video/webm' })
  recorder.ondataavailable = e => parts.push(e.data)
  recorder.start()
  for (let n = 0; n < 20; n++) {
    const sky = pen.createLinearGradient(0, 0, 0, 360)
    sky.addColorStop(0, '#58508d'); sky.addColorStop(1, '#ffb07a')
    pen.fillStyle = sky; pen.fillRect(0, 0, 640, 360)
    pen.fillStyle = '#ffecbe'; pen.beginPath(); pen.arc(420, 180 + n, 48, 0, 7); pen.fill()
    pen.fillStyle = '#263e5c'; pen.fillRect(0, 250, 640, 110)
    await new Promise(r => setTimeout(r, 60))
  }
  recorder.stop()
  await new Promise(r => { recorder.onstop = r })
  const reader = new FileReader()
  reader.readAsDataURL(new Blob(parts))
  await new Promise(r => { reader.onload = r })
  return reader.result.split(',')[1]
}"""


@dataclass
class Provider:
    """Makes pictures, sound and videos; a video job stands at `progress`, and is done at 100."""

    video: bytes
    progress: int = 42
    polls: int = 0

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        """Answers a request of our server."""
        path = request.url.path
        if path.endswith("/models"):
            return httpx2.Response(200, json={"object": "list", "data": [{"id": "gpt-image-1"}]})
        if path.endswith("/images/generations"):
            return self._pictures(request)
        if path.endswith("/audio/speech"):
            return httpx2.Response(200, headers={"content-type": "audio/wav"}, content=tone())
        if path.endswith("/content"):
            return httpx2.Response(200, headers={"content-type": "video/webm"}, content=self.video)
        if request.method == "DELETE":
            return httpx2.Response(200, json={"id": "video_1", "deleted": True})
        self.polls += request.method == "GET"
        status = "completed" if self.progress >= 100 else "in_progress"
        return httpx2.Response(
            200, json={"id": "video_1", "model": "sora-2", "status": status, "progress": self.progress}
        )

    def _pictures(self, request: httpx2.Request) -> httpx2.Response:
        asked = json.loads(request.content)
        if "refuse" in asked["prompt"]:
            error = {"message": "Your request was rejected by the safety system.", "code": "moderation_blocked"}
            return httpx2.Response(400, json={"error": error})
        made = [{"b64_json": base64.b64encode(scene(n)).decode()} for n in range(asked.get("n") or 1)]
        usage = {"input_tokens": 32, "output_tokens": 4160, "total_tokens": 4192, "cost": 0.042 * len(made)}
        return httpx2.Response(200, json={"created": 1, "data": made, "usage": usage})


def settings(folder: Path, deadline_s: float) -> Settings:
    """One provider that sells everything."""
    provider = ProviderSettings(
        name="openai",
        base_url="http://provider.test/v1",
        api_key=Secret("sk-view-0123456789abcdef"),
        services=("video", "audio"),
        audio=("speech",),
    )
    return Settings(
        providers={"openai": provider},
        default_image_model="openai/gpt-image-1",
        default_speech_model="openai/gpt-4o-mini-tts",
        default_media_model="openai/sora-2",
        default_voice="alloy",
        files=Files(output_dir=str(folder / "AnyModel")),
        limits=Limits(soft_deadline_s=deadline_s),
        views=ViewSettings(chat=True),
    )


@asynccontextmanager
async def open_client(provider: Provider, folder: Path, deadline_s: float) -> AsyncGenerator[Client]:
    """A client that declares MCP Apps."""
    server = build_server(
        settings(folder, deadline_s), transport=httpx2.MockTransport(provider.handle), data_dir=folder
    )
    extension = advertise(EXTENSION_ID, {"mimeTypes": [MIME_TYPE]})
    async with Client(server, client_info=Implementation(name="tests", version="1"), extensions=[extension]) as client:
        yield client


# --- the host


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One state of the view.

    Attributes:
        result: instead of calling the tool.
        without: capabilities that the host lacks; "_meta" = it does not hand over the metadata of a result.
        ready: a selector that shows that the state is reached.
    """

    name: str
    tool: str = "generate_image"
    arguments: Mapping[str, Any] = field(default_factory=dict)
    result: Json | None = None
    without: tuple[str, ...] = ()
    ready: str = "main h1"
    waiting: bool = False


PLAIN = {"content": [{"type": "text", "text": HOSTILE}]}
SCENES = (
    Scene(name="picture", arguments={"prompt": SHORT}, ready="img"),
    Scene(name="pictures", arguments={"prompt": SHORT, "n": 4}, ready=".thumb:nth-child(4) img"),
    Scene(name="sound", tool="speak", arguments={"text": "The harbour lies still. " + SHORT + "."}, ready="audio"),
    Scene(name="video", tool="create_media", arguments={"prompt": SHORT}, ready="video"),
    Scene(name="job", tool="create_media", arguments={"prompt": SHORT}, ready="progress[value]"),
    Scene(name="failed", arguments={"prompt": "refuse " + SHORT}, ready=".bad"),
    Scene(name="long", arguments={"prompt": LONG}, ready="img"),
    Scene(name="waiting", arguments={"prompt": SHORT}, waiting=True),
    Scene(name="hostile", arguments={"prompt": HOSTILE}, ready="img"),
    Scene(name="text", result=PLAIN),
    Scene(name="no-meta", arguments={"prompt": SHORT}, without=("_meta",), ready="img"),
    Scene(name="no-resources", tool="speak", arguments={"text": SHORT}, without=("serverResources",)),
    Scene(name="no-tools", tool="create_media", arguments={"prompt": SHORT}, without=("serverTools", "_meta")),
)  # fmt: skip


@dataclass
class Shown:
    """A page with the view in it, and what went wrong there; nothing of it reaches a network."""

    page: Page
    client: Client
    document: str
    problems: list[str] = field(default_factory=list)

    @property
    def view(self) -> Frame:
        """The view's own frame."""
        return next(frame for frame in self.page.frames if frame.url.startswith("http://view.test"))

    async def serve(self, route: Route) -> None:
        """Gives the host page and the view, each at its own origin."""
        address = route.request.url
        if address == "http://host.test/":
            await route.fulfill(body=HOST, content_type="text/html")
        elif address == "http://view.test/":
            headers = {"content-security-policy": CSP}
            await route.fulfill(body=self.document, content_type="text/html", headers=headers)
        else:
            self.problems.append(f"a request to {address}")
            await route.abort()

    async def rpc(self, method: str, params: Json) -> list[Any]:
        """Passes a request of the view on to the server, as a host does."""
        try:
            if method == "tools/call":
                return [wire(await self.client.call_tool(params["name"], params["arguments"])), None]
            return [wire(await self.client.read_resource(params["uri"])), None]
        except Exception as error:  # the view gets it as the host would hand it over
            return [None, str(error)]

    def listen(self, message: ConsoleMessage) -> None:
        """Notes what the console says, such as a violation of the policy."""
        if message.type in ("error", "warning"):
            self.problems.append(message.text)


async def open_page(browser: Browser, client: Client, *, width: int) -> Shown:
    """A host page, not started yet."""
    document = wire(await client.read_resource(URI))["contents"][0]["text"]
    shown = Shown(await browser.new_page(viewport={"width": width + 32, "height": 800}), client, document)
    await shown.page.route("**/*", shown.serve)
    await shown.page.expose_function("rpc", shown.rpc)
    shown.page.on("console", shown.listen)
    shown.page.on("pageerror", lambda error: shown.problems.append(str(error)))
    await shown.page.goto("http://host.test/")
    return shown


def wire(value: Any) -> Json:
    """A result as it is on the wire, saved in the home of somebody else."""
    text: str = value.model_dump_json(by_alias=True, exclude_none=True)
    return json.loads(re.sub(rf"/[\w./-]{{0,60}}{PREFIX}\w+", "/home/ann", text))


async def show(shown: Shown, one: Scene, result: Json | None, *, width: int, theme: str) -> None:
    """Starts the view and waits for the state."""
    capabilities = {name: value for name, value in EVERYTHING.items() if name not in one.without}
    if result and "_meta" in one.without:
        result = {key: value for key, value in result.items() if key != "_meta"}
    context = {"theme": theme, "toolInfo": {"tool": {"name": one.tool}}}
    setup = {"width": width, "capabilities": capabilities, "context": context, "result": result}
    setup |= {"arguments": dict(one.arguments)}
    await shown.page.evaluate("setup => start(setup)", setup)
    await shown.page.wait_for_function("document.querySelector('iframe')?.offsetHeight > 60")
    await shown.view.wait_for_selector(one.ready, timeout=15_000)
    await shown.page.wait_for_timeout(350)


async def result_of(client: Client, provider: Provider, one: Scene) -> Json | None:
    """What the tool answers; for a video that is done, what `get_result` gives in the end."""
    if one.waiting or one.result is not None:
        return one.result
    provider.progress = 100 if one.name == "video" else 42
    result = wire(await client.call_tool(one.tool, dict(one.arguments)))
    if one.name == "video" and result["_meta"]["anymodel/result"]["status"] == "running":
        id = result["_meta"]["anymodel/result"]["result_id"]
        while result["_meta"]["anymodel/result"]["status"] == "running":
            result = wire(await client.call_tool("get_result", {"id": id, "wait_s": 1}))
    if one.tool == "create_media" and one.name != "video":  # until the service has told its progress
        id = result["_meta"]["anymodel/result"]["result_id"]
        while "progress" not in result["_meta"]["anymodel/result"]:
            result = wire(await client.call_tool("get_result", {"id": id, "wait_s": 0.3}))
    return result


async def shoot(browser: Browser, client: Client, one: Scene, result: Json | None, folder: Path) -> list[str]:
    """Takes the pictures of one state; gives what is wrong."""
    problems: list[str] = []
    for width in WIDTHS:
        for theme in THEMES:
            shown = await open_page(browser, client, width=width)
            try:
                await show(shown, one, result, width=width, theme=theme)
                height = await shown.page.evaluate("document.documentElement.scrollHeight")
                await shown.page.set_viewport_size({"width": width + 32, "height": height})
                await shown.page.screenshot(path=folder / f"{one.name}-{width}-{theme}.png")
                shown.problems += await look(shown, width)
            except Exception as error:
                shown.problems.append(f"{type(error).__name__}: {str(error)[:300]}")
            problems += [f"{one.name}, {width} px, {theme}: {problem}" for problem in shown.problems]
            await shown.page.close()
    return problems


LOOK = """() => {
  const found = []
  if (document.title !== 'AnyModel') found.push('text was read as HTML')
  if (document.querySelectorAll('h1').length !== 1) found.push('there is not exactly one h1')
  if (document.documentElement.scrollWidth > innerWidth) found.push('it is wider than its frame')
  for (const b of document.querySelectorAll('button')) {
    const box = b.getBoundingClientRect()
    if (box.height && box.height < 44) found.push(`"${b.textContent}" is ${box.height} px high`)
    if (!b.textContent && !b.ariaLabel) found.push('a button has no name')
  }
  for (const i of document.querySelectorAll('img')) {
    if (!i.alt && !i.closest('button[aria-label]')) found.push('a picture has no text')
    if (!i.naturalWidth) found.push('a picture is not drawn')
  }
  return found
}"""


async def look(shown: Shown, width: int) -> list[str]:
    """What a look at the page finds."""
    return await shown.view.evaluate(LOOK)


# --- what it does


async def follows(shown: Shown, provider: Provider, client: Client) -> list[str]:
    """The view polls a job until it is done, then shows its video and sends the model one line."""
    result = await result_of(client, provider, Scene(name="job", tool="create_media", arguments={"prompt": SHORT}))
    job = Scene(name="job", tool="create_media", arguments={"prompt": SHORT}, ready="progress[value]")
    await show(shown, job, result, width=320, theme="light")
    provider.progress = 100
    await shown.view.wait_for_selector("video", timeout=40_000)
    told = [params for method, params in await shown.page.evaluate("sent") if method == "ui/update-model-context"]
    saved = [block["text"] for params in told for block in params["content"]]
    return [] if len(saved) == 1 and ".webm" in saved[0] else [f"the model was told {saved}"]


async def cancels(shown: Shown, provider: Provider, client: Client) -> list[str]:
    """Cancel stops the job, and the view says so."""
    job = Scene(name="job", tool="create_media", arguments={"prompt": SHORT}, ready=".end")
    await show(shown, job, await result_of(client, provider, job), width=320, theme="light")
    await shown.view.get_by_role("button", name="Cancel").click()
    await shown.view.get_by_role("heading", name="Cancelled").wait_for(timeout=20_000)
    polls = provider.polls
    await shown.page.wait_for_timeout(4000)
    return [] if provider.polls == polls else ["it still asks after the job was cancelled"]


async def gives_up(shown: Shown, provider: Provider, client: Client) -> list[str]:
    """After five failures in a row it asks no more, says what to do, and can be told to go on."""
    job = Scene(name="job", tool="create_media", arguments={"prompt": SHORT}, ready=".end")
    result = await result_of(client, provider, job)
    await shown.page.evaluate("refuse = true")
    await show(shown, job, result, width=320, theme="light")
    again = shown.view.get_by_role("button", name="Check again")
    await again.wait_for(timeout=40_000)
    asked = [method for method, _ in await shown.page.evaluate("sent") if method == "tools/call"]
    await shown.page.evaluate("refuse = false")
    await again.click()
    await shown.view.wait_for_selector("progress[value]", timeout=40_000)
    return [] if len(asked) == 5 else [f"it asked {len(asked)} times"]


async def by_keyboard(shown: Shown, provider: Provider, client: Client) -> list[str]:
    """Thumbnails, "Full size" and "Download" work by Tab and Enter, and the focus is seen."""
    four = Scene(name="pictures", arguments={"prompt": SHORT, "n": 4}, ready=".thumb")
    await show(shown, four, await result_of(client, provider, four), width=720, theme="light")
    names: list[str] = []
    for _ in range(6):
        await shown.page.keyboard.press("Tab")
        names.append(
            await shown.view.evaluate("document.activeElement.ariaLabel || document.activeElement.textContent")
        )
    if names != [*(f"Picture {n} of 4" for n in range(1, 5)), "Full size", "Download"]:
        return [f"Tab goes to {names}"]
    await shown.page.keyboard.press("Enter")
    await shown.page.wait_for_function("sent.some(([method]) => method === 'ui/download-file')")
    await shown.view.get_by_role("button", name="Picture 3 of 4").focus()
    await shown.page.keyboard.press("Enter")
    found = await shown.view.evaluate(
        """() => {
          const focused = document.activeElement
          return [focused.ariaLabel, focused.ariaPressed, getComputedStyle(focused).outlineStyle]
        }"""
    )
    before = await shown.view.evaluate("document.querySelector('.well img').naturalWidth")
    await shown.view.get_by_role("button", name="Full size").press("Enter")
    for _ in range(100):  # `wait_for_function` needs eval, which the policy forbids
        if await shown.view.evaluate("document.querySelector('.well img').naturalWidth") == 1024:
            break
        await shown.page.wait_for_timeout(50)
    else:
        return ["the full size is not shown"]
    problems = [] if found == ["Picture 3 of 4", "true", "solid"] else [f"the focus is at {found}"]
    return problems if before < 1024 else [*problems, "the preview is as large as the picture"]


async def asks_the_host(shown: Shown, provider: Provider, client: Client) -> list[str]:
    """Follow-up buttons and links go to the host; addresses other than https have no button."""
    addresses = ("https://files.example/1.png", "javascript:alert(1)")
    record = {"service": "midjourney", "task_id": "17", "media": [{"kind": "image", "url": url} for url in addresses]}
    record |= {"next": [{"action": "action", "options": {"customId": "U1"}, "label": HOSTILE}]}
    result = {**PLAIN, "_meta": {"anymodel/result": {**record, "status": "complete"}}}
    await show(shown, Scene(name="next", tool="create_media", ready=".thumb"), result, width=320, theme="light")
    await shown.view.get_by_role("button", name="Open original").click()
    await shown.view.get_by_role("button", name=HOSTILE).click()
    await shown.view.get_by_role("button", name="File 2 of 2").click()
    sent = dict(await shown.page.evaluate("sent"))
    links = await shown.view.get_by_role("button", name="Open original").count()
    fine = sent["ui/open-link"] == {"url": "https://files.example/1.png"} and not links
    fine = fine and '"customId":"U1"' in sent["ui/message"]["content"][0]["text"]
    return [] if fine else [f"the host was asked {sent}"]


ACTS = (follows, cancels, gives_up, by_keyboard, asks_the_host)


async def run(folder: Path, wanted: list[str]) -> int:
    """Takes all pictures; gives the number of problems."""
    problems: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        maker = await browser.new_page()
        provider = Provider(video=base64.b64decode(await maker.evaluate(MAKE_VIDEO)))
        await maker.close()
        with tempfile.TemporaryDirectory(prefix=PREFIX) as data:
            quick, patient = open_client(provider, Path(data), 1), open_client(provider, Path(data), 50)
            async with quick as impatient_client, patient as patient_client:
                for one in SCENES:
                    if wanted and one.name not in wanted:
                        continue
                    client = impatient_client if one.tool == "create_media" else patient_client
                    found = await shoot(browser, client, one, await result_of(client, provider, one), folder)
                    print(f"{'FAIL' if found else 'ok  '} {one.name}", *found, sep="\n     ", flush=True)
                    problems += found
                for act in [a for a in ACTS if not wanted or a.__name__ in wanted]:
                    shown = await open_page(browser, impatient_client, width=720)
                    provider.progress = 42
                    client = patient_client if act is by_keyboard else impatient_client
                    shown.client = client
                    try:
                        found = [*await act(shown, provider, client), *shown.problems]
                    except Exception as error:
                        found = [f"{type(error).__name__}: {str(error)[:300]}", *shown.problems]
                    await shown.page.close()
                    print(f"{'FAIL' if found else 'ok  '} {act.__name__}", *found, sep="\n     ", flush=True)
                    problems += found
        await browser.close()
    return len(problems)


CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


def main() -> int:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", nargs="*", help=f"of {', '.join(one.name for one in SCENES)}; default: all")
    parser.add_argument("--folder", type=Path, default=ROOT / ".work" / "view")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    problems = anyio.run(run, options.folder, options.scene)
    print(f"{problems} problems; pictures in {options.folder}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
