"""Latencies of the live page in headless Chromium, from event to paint.

    python -m bench.look_latency --model googlenet --images pictures

Each event is sent to the page as a person's would be, and timed in the page from there to the frame
that was painted after the answer had been drawn. It prints median and 95th percentile of the time
until a page that is opened can be used, of clicks, of a dragged square and of the webcam's frames
(from Chromium's fake camera), and the server's resident memory after 500 and after 2,000
interactions (`--interactions 2000`).
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

EVENTS = """async ([kind, layer, places]) => {
  const root = document.documentElement, times = [];
  const flag = { click: "projected", square: "under" }[kind];
  const drawn = () => new Promise((done) => {
    const watcher = new MutationObserver((found) => {
      if (!found.some((each) => each.attributeName === `data-${flag}`)) return;
      watcher.disconnect();
      const channel = new MessageChannel();
      channel.port1.onmessage = () => done(performance.now());
      requestAnimationFrame(() => channel.port2.postMessage(0)); // (behind the paint)
    });
    watcher.observe(root, { attributes: true });
  });
  const canvas = document.querySelector(kind === "click" ? "#map" : "#stage");
  const box = () => canvas.getBoundingClientRect();
  const send = (type, x, y) => canvas.dispatchEvent(new PointerEvent(type, { pointerId: 1,
    bubbles: true, clientX: box().left + x * box().width, clientY: box().top + y * box().height }));
  canvas.setPointerCapture = () => {};
  if (kind === "square") send("pointerdown", 0.5, 0.5);
  for (const [x, y] of places) {
    const done = drawn(), began = performance.now();
    if (kind === "click") send("pointerdown", x, y);
    send(kind === "click" ? "pointerup" : "pointermove", x, y);
    times.push(await done - began);
  }
  if (kind === "square") send("pointerup", 0.5, 0.5);
  return times;
}"""

FRAMES = """(count) => new Promise((done) => {
  const times = [];
  new MutationObserver((found, watcher) => {
    times.push(performance.now());
    if (times.length < count) return;
    watcher.disconnect();
    done(times);
  }).observe(document.documentElement, { attributes: true, attributeFilter: ["data-frame"] });
})"""
CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
VIEWPORT = {"width": 1280, "height": 900}


@contextmanager
def serving(arguments: list[str]) -> Iterator[tuple[str, int]]:
    """Address and process of `zfnet look` with these arguments."""
    script = "from zfnet.cli import main; main()"
    command = [sys.executable, "-c", script, "look", "--no-browser", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = (re.search(r"http://\S+", line) for line in process.stdout)
            address = next((each[0] for each in found if each), "")
            if not address:
                raise RuntimeError("zfnet look printed no address")
            yield address, process.pid
        finally:
            process.send_signal(signal.SIGINT)


def resident(pid: int) -> float:
    """MB of a process's resident memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def places(count: int, seed: int = 0) -> list[list[float]]:
    """Points in the unit square, in its left and its right part in turn: an event at the place of
    the one before changes nothing."""
    points = np.random.default_rng(seed).uniform(0.02, 0.98, (count, 2))
    points[:, 0] = points[:, 0] * 0.3 + 0.7 * (np.arange(count) % 2)
    return points.tolist()


def said(what: str, times: list[float]) -> None:
    """Print median and 95th percentile in milliseconds."""
    median, most = np.percentile(times, [50, 95])
    print(
        f"{what}: median {median:.0f} ms, 95th percentile {most:.0f} ms of {len(times)}", flush=True
    )


def timed(tab: Any, kind: str, layer: str, count: int, seed: int = 0) -> list[float]:
    """Milliseconds of `count` events."""
    found: list[float] = tab.evaluate(EVENTS, [kind, layer, places(count, seed)])
    return found


def opened(tab: Any, address: str, **state: str) -> None:
    """The page in this state, with its first answers drawn."""
    tab.goto("about:blank")
    tab.goto(address + "#" + "&".join(f"{key}={value}" for key, value in state.items()))
    for flag in ("projected", "under"):
        tab.wait_for_selector(f"html[data-{flag}]", state="attached", timeout=120_000)
    tab.wait_for_timeout(1000)


def loaded(browser: Any, address: str, count: int) -> list[float]:
    """Milliseconds from the request of the page to its first projection, in new tabs."""
    found = []
    for _ in range(count):
        tab = browser.new_page(viewport=VIEWPORT)
        tab.goto(address)
        tab.wait_for_selector("html[data-projected]", state="attached", timeout=120_000)
        found.append(float(tab.evaluate("Number(document.documentElement.dataset.projected)")))
        tab.close()
    return found


def webcam(browser: Any, address: str, count: int) -> list[float]:
    """Milliseconds from frame to frame of the webcam, each with its projection painted."""
    context = browser.new_context(viewport=VIEWPORT, permissions=["camera"])
    tab = context.new_page()
    opened(tab, address)
    tab.click("#webcam")
    tab.wait_for_selector("html[data-frame]", state="attached", timeout=120_000)
    times: list[float] = tab.evaluate(FRAMES, count + 5)
    context.close()
    return np.diff(times)[4:].tolist()  # (the first ones are slower)


def measure(browser: Any, address: str, pid: int, given: argparse.Namespace) -> None:
    """The page opened; clicks with one rule and with three, in each layer; a dragged square; the
    webcam; memory."""
    said("page opened, to its first projection", loaded(browser, address, 8))
    tab = browser.new_page(viewport=VIEWPORT)
    for layer in given.layers.split(","):
        for rules in ("deconvnet", "deconvnet,guided,gradient"):
            opened(tab, address, layer=layer, map="0", rules=rules)
            timed(tab, "click", layer, 3, seed=1)  # (kernels are loaded)
            said(f"click to {rules}, {layer}", timed(tab, "click", layer, given.count))
    opened(tab, address, layer=layer, map="0", rules="deconvnet")
    timed(tab, "square", layer, 3, seed=1)
    times = timed(tab, "square", layer, 2 * given.count)
    said(f"square dragged, {layer} following", times)
    print(f"  {1000 / np.median(times):.1f} frames a second")
    times = webcam(browser, address, 2 * given.count)
    said("webcam, from frame to frame", times)
    print(f"  {1000 / np.median(times):.1f} frames a second", flush=True)
    if given.interactions:
        for done in range(100, given.interactions + 1, 100):
            timed(tab, ("click", "square")[done // 100 % 2], layer, 100, seed=done)
            if done in (100, 500, given.interactions):
                print(f"after {done} interactions: {resident(pid):.0f} MB resident", flush=True)


def main() -> None:
    """The command."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", default="conv1,conv3,conv5", help="Layers, with commas.")
    parser.add_argument("--count", type=int, default=30, help="Events of each kind.")
    parser.add_argument("--interactions", type=int, default=0, help="Events for the memory.")
    given, rest = parser.parse_known_args()
    with serving(rest) as (address, pid), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", *CAMERA],
        )
        measure(browser, address, pid, given)
        browser.close()


if __name__ == "__main__":
    main()
