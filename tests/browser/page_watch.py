"""What a page must not do, noted while it does it."""

from collections.abc import Callable

from playwright.sync_api import ConsoleMessage, Page, Request

OpenPage = Callable[..., Page]
"""The fixture `open_page`."""


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
