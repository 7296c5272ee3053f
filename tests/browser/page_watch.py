"""Where pages are opened, and what they must not do, noted while they do it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, Request

OpenPage = Callable[..., Page]
"""The fixture `open_page`."""

BLANK = Path(__file__).with_name("blank.html")


class Watch:
    """What pages did that they must not do.

    Attributes:
        troubles: One line each: console errors and warnings, exceptions, requests, dialogs, pages that opened by themselves.
    """

    def __init__(self) -> None:
        self.troubles: list[str] = []

    def over(self, page: Page) -> None:
        """Watch over a page from now on."""
        page.on("console", self._message)
        page.on("pageerror", lambda error: self.troubles.append(f"exception: {error}"))
        page.on("request", self._request)
        page.on("popup", lambda other: self.troubles.append(f"popup: {other.url}"))
        page.on("dialog", lambda dialog: (self.troubles.append(f"dialog: {dialog.message}"), dialog.dismiss()))

    def _message(self, message: ConsoleMessage) -> None:
        """Keep what is worth a complaint."""
        if message.type in ("error", "warning"):
            self.troubles.append(f"console {message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        """Keep what leaves this machine."""
        if not request.url.startswith(("file:", "data:", "blob:")):
            self.troubles.append(f"request: {request.url}")


class Contexts:
    """Contexts without a network, one for each kind of reader, in which each page that is opened is a new one."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._first: dict[str, Page] = {}
        """Kind of reader -> a page that keeps the context's process alive and clears what pages have kept."""

    def page(self, **options: Any) -> Page:
        """A new page whose context has these options."""
        kind = repr(sorted(options.items()))
        if kind not in self._first:
            context = self._browser.new_context(offline=True, **options)
            context.set_default_timeout(30_000)
            self._first[kind] = context.new_page()
            self._first[kind].goto(BLANK.as_uri())
        return self._first[kind].context.new_page()

    def forget(self) -> None:
        """Close all pages that were opened, and forget what they kept: the next test's reader comes for the first time."""
        for first in self._first.values():
            context = first.context
            for page in context.pages:
                if page is not first:
                    page.close()
            context.clear_cookies()
            first.evaluate("localStorage.clear()")
