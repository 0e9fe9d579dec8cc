"""Uses the pages as people do, in a headless browser: what is drawn is recognized, by mouse and by keyboard; the curves of a run move,
and its buttons work, also after a reload.
Usage: check_pages.py CHROMIUM LENET-EXAMPLE RUN [SCREENSHOTS], where RUN is a folder with a snapshot; looks at no other network."""
import contextlib
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

from playwright.sync_api import Error, expect, sync_playwright

SEVEN = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]
THREE = [(0.3, 0.2), (0.6, 0.15), (0.7, 0.3), (0.5, 0.48), (0.72, 0.6), (0.68, 0.8), (0.45, 0.87), (0.28, 0.78)]

# The exit code that says so.
NO_BROWSER = 77

chromium, lenet, run = sys.argv[1], sys.argv[2], sys.argv[3]
screenshots = pathlib.Path(sys.argv[4]) if len(sys.argv) > 4 else None


@contextlib.contextmanager
def serving(*args, says):
    """Runs lenet-example and gives the address that its output names behind `says`."""
    program = subprocess.Popen([lenet, *args], stdout=subprocess.PIPE, text=True)
    try:
        for line in program.stdout:
            if found := re.search(re.escape(says) + r"\s*(http://\S+)", line):
                # Else the program would stand still at a full pipe.
                threading.Thread(target=program.stdout.read, daemon=True).start()
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
    # Of a program that has ended no answer is to be had.
    complaints = [text for text in complaints if not (name.endswith("-end") and "net::ERR_" in text)]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is wider than its window"
    if screenshots:
        page.screenshot(path=screenshots / f"{name}.png", full_page=True)
    assert not complaints, f"{name}: {complaints}"
    page.close()


def wait_until(page, expression, arg=None):
    """Asks again and again. Playwright's own `wait_for_function` evaluates text within the page, which the pages' security policy
    forbids."""
    for _ in range(300):
        if page.evaluate(expression, arg):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"not within 30 seconds: {expression}")


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


def check_dashboard(browser, address):
    def iteration(page):
        return int(page.locator("#iteration").inner_text().replace(",", ""))

    def curve(page, name):
        return page.locator(f"polyline.{name}").get_attribute("points") or ""

    with page_of(browser, address, "dashboard", viewport={"width": 1100, "height": 900}) as page:
        expect(page.locator("#run")).to_have_text("running")
        for name in ["raw", "low_pass", "accuracy"]:
            wait_until(page, "name => document.querySelector(`polyline.${name}`)?.points.length > 2", arg=name)
        before = curve(page, "raw")
        wait_until(page, "before => document.querySelector('polyline.raw').getAttribute('points') !== before", arg=before)
        expect(page.locator("#log")).to_contain_text(":: TRAIN obj-val")
        assert page.evaluate("filters.width") > 50, "no filters"
        page.click("summary")
        wait_until(page, "document.querySelector('#network img').naturalWidth > 50")
        page.click("summary")

        page.click("#pause")
        expect(page.locator("#run")).to_have_text("paused")
        stands = iteration(page)
        page.wait_for_timeout(2500)
        assert iteration(page) == stands, "it goes on although it is paused"
        page.reload()
        expect(page.locator("#run")).to_have_text("paused")
        assert curve(page, "raw").count(" ") > 2, "the history is lost by a reload"
        page.click("#snapshot")
        expect(page.locator("#log")).to_contain_text(f"snapshot-{stands:06}.hdf5")
        page.click("#pause")
        expect(page.locator("#run")).to_have_text("running")
    looks = {
        "dashboard-dark": dict(viewport={"width": 1100, "height": 900}, color_scheme="dark"),
        "dashboard-phone": dict(viewport={"width": 360, "height": 780}, color_scheme="light", has_touch=True),
    }
    for name, options in looks.items():
        with page_of(browser, address, name, **options) as page:
            wait_until(page, "document.querySelector('polyline.accuracy')?.points.length > 2")
            assert curve(page, "raw").count(" ") > 2, "who comes late does not see the history"
    with page_of(browser, address, "dashboard-end") as page:
        expect(page.locator("#run")).to_have_text("running")
        page.on("dialog", lambda dialog: dialog.accept())
        page.click("#stop")
        expect(page.locator("#run")).to_have_text("ended")


expect.set_options(timeout=30_000)
with sync_playwright() as playwright:
    try:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    except Error as error:
        print(error)
        sys.exit(NO_BROWSER)
    with serving("serve", "--port", "0", "--snapshot", run, says="Draw a digit:") as address:
        check_drawing(browser, address)
    with tempfile.TemporaryDirectory() as out:
        often = ["--display-every", "20", "--test-every", "100", "--max-iter", "1000000"]
        with serving("train", "--out", out, "--dashboard", "127.0.0.1:0", *often, says="Dashboard:") as address:
            check_dashboard(browser, address)
    print(f"the pages work in Chromium {browser.version}")
    browser.close()
