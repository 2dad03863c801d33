"""What is said when something is refused or fails: a page for people, JSON for programs, nothing of the request."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException as StarletteHTTPException

from calsync.config import ConfigError
from calsync.model.errors import SideError
from calsync.web.site import Site

_TITLES = {
    400: "That did not work",
    401: "Please sign in",
    403: "That did not work",
    404: "There is nothing here",
    409: "That did not work",
    410: "This link no longer works",
    413: "That is too much",
    422: "That did not work",
    429: "Not so fast",
}

#: What is said for failures that the framework finds.
_SENTENCES = {
    404: "This address does not exist.",
    405: "This address does not take that kind of request.",
}

OUR_FAULT = "Something went wrong on our side. Please tell your administrator this reference:"

_CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    411: "length_required",
    413: "too_large",
    421: "wrong_host",
    422: "invalid",
    429: "too_many_requests",
    500: "internal",
    503: "unavailable",
}

_FOR_PROGRAMS = ("/crm/", "/api/", "/metrics")


def is_for_programs(request: Request) -> bool:
    """Return whether errors are answered in JSON."""
    return request.url.path.startswith(_FOR_PROGRAMS)


def answer_error(site: Site, request: Request, status: int, sentence: str) -> Response:
    """Answer with an error; nothing of the request is repeated."""
    if is_for_programs(request):
        return JSONResponse({"error": {"code": _CODES.get(status, "error"), "message": sentence}}, status)
    sign_in = status == 401 and request.url.path.startswith("/me")
    title = _TITLES.get(status, "Sorry")
    return site.page("problem.html", status, title=title, text=sentence, sign_in=sign_in)


def add_errors(app: FastAPI, site: Site) -> None:
    """Let an application answer errors so."""

    @app.exception_handler(StarletteHTTPException)
    async def refused(request: Request, error: StarletteHTTPException) -> Response:
        detail = str(error.detail)
        said = detail if detail and not _is_frameworks(error) else _SENTENCES.get(error.status_code, detail)
        response = answer_error(site, request, error.status_code, said)
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(SideError)
    async def unanswered(request: Request, error: SideError) -> Response:
        return answer_error(
            site, request, 503, "The CRM cannot answer right now. Please try again in a few minutes."
        )

    @app.exception_handler(ConfigError)
    async def unconfigured(request: Request, error: ConfigError) -> Response:
        return answer_error(site, request, 503, "This is not set up yet. Please tell your administrator.")

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> Response:
        if is_for_programs(request):
            return answer_error(site, request, 422, _where(error))
        return answer_error(
            site, request, 422, "The form was not filled in as it should be. Please go back and try again."
        )


def _is_frameworks(error: StarletteHTTPException) -> bool:
    """Return whether the text is only the name of the status, as the framework gives it."""
    return type(error) is StarletteHTTPException or error.detail in ("Not Found", "Method Not Allowed")


def _where(error: RequestValidationError) -> str:
    """Return what is wrong with a program's request, without what it sent."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}"[:300]
