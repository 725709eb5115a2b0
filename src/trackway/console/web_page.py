"""The built web pages, console and public playground: one page for every address, and its assets."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from trackway.console.errors import ApiError
from trackway.console.pages import not_built_page

STATIC = Path(__file__).parent / "static"
# Vite puts a hash of the content into these names.
_FOR_EVER = {"Cache-Control": "private, max-age=31536000, immutable"}


class WebPage:
    """Answers everything that is not the API."""

    def __init__(self, folder: Path = STATIC, page: str = "index.html") -> None:
        self._folder, self._page = folder, folder / page

    async def page(self, request: Request) -> Response:
        """Answer with the page, which reads the address itself."""
        if not self._page.is_file():
            return not_built_page()
        return FileResponse(self._page, headers={"Cache-Control": "no-store"})

    async def asset(self, request: Request) -> Response:
        """`GET /assets/{name}`."""
        name = request.path_params["name"]
        path = self._folder / "assets" / name
        # A route parameter holds no slash, so only the two dot names could leave the folder.
        if name in (".", "..") or not path.is_file():
            raise ApiError(404, "not_found", f"there is no asset {name}; reload the page, it was built anew")
        return FileResponse(path, headers=_FOR_EVER)
