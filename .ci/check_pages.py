"""Uses the pages as people do, in a headless browser: what is drawn is recognized, by mouse and by keyboard.
Usage: check_pages.py CHROMIUM LENET-EXAMPLE RUN [SCREENSHOTS], where RUN is a folder with a snapshot; looks at no other network."""
import contextlib
import pathlib
import re
import subprocess
import sys

from playwright.sync_api import expect, sync_playwright

SEVEN = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]
THREE = [(0.3, 0.2), (0.6, 0.15), (0.7, 0.3), (0.5, 0.48), (0.72, 0.6), (0.68, 0.8), (0.45, 0.87), (0.28, 0.78)]

chromium, lenet, run = sys.argv[1], sys.argv[2], sys.argv[3]
screenshots = pathlib.Path(sys.argv[4]) if len(sys.argv) > 4 else None


@contextlib.contextmanager
def serving(*args, says):
    """Runs lenet-example and gives the address that its output names behind `says`."""
    program = subprocess.Popen([lenet, *args], stdout=subprocess.PIPE, text=True)
    try:
        for line in program.stdout:
            if found := re.search(re.escape(says) + r"\s*(http://\S+)", line):
                yield found[1]
                return
        raise AssertionError(f"lenet-example {' '.join(args)} ended without {says!r}")
    finally:
        program.kill()
        program.wait()


@contextlib.contextmanager
def page_of(browser, address, name, **options):
    """Opens a page; whatever it complains about in the console fails the check."""
    page = browser.new_page(**options)
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: request.url.startswith((address, "data:")) or complaints.append(request.url))
    page.goto(address)
    yield page
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is wider than its window"
    if screenshots:
        page.screenshot(path=screenshots / f"{name}.png", full_page=True)
    assert not complaints, f"{name}: {complaints}"
    page.close()


def draw(page, points):
    box = page.locator("#paper").bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=8)
    page.mouse.up()


def check_drawing(browser, address):
    verdict = "#verdict b"
    looks = {
        "draw-light": dict(viewport={"width": 1100, "height": 900}, color_scheme="light"),
        "draw-dark": dict(viewport={"width": 1100, "height": 900}, color_scheme="dark"),
        "draw-phone": dict(viewport={"width": 360, "height": 780}, color_scheme="light", has_touch=True),
    }
    for name, options in looks.items():
        with page_of(browser, address, name, **options) as page:
            draw(page, SEVEN)
            expect(page.locator(verdict)).to_have_text("7")
            page.click("#undo")
            expect(page.locator("#verdict")).to_have_text("Nothing is drawn yet.")
            draw(page, THREE)
            expect(page.locator(verdict)).to_have_text("3")
            expect(page.locator("tr.best th")).to_have_text("3")
            page.wait_for_timeout(300)
            painted = "id => new Set(document.getElementById(id).getContext('2d').getImageData(0, 0, 99, 20).data).size"
            for blob in ["input", "conv1", "conv2"]:
                assert page.evaluate(painted, blob) > 9, f"{name}: {blob} is blank"
    with page_of(browser, address, "draw-keyboard") as page:
        page.keyboard.press("Tab")
        for keys in ["ArrowUp*12", "Space", "ArrowDown*24", "Space"]:
            key, _, times = keys.partition("*")
            for _ in range(int(times or 1)):
                page.keyboard.press(key)
        expect(page.locator(verdict)).to_have_text("1")
        page.keyboard.press("Delete")
        expect(page.locator("#verdict")).to_have_text("Nothing is drawn yet.")


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    with serving("serve", "--port", "0", "--snapshot", run, says="Draw a digit:") as address:
        check_drawing(browser, address)
    print(f"the pages work in Chromium {browser.version}")
    browser.close()
