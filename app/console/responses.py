"""What a view returns, and the short answers that most views give.

A view returns a `ViewResult`: a page as text, a response of its own, or a page with its status (422
when a form was refused and is shown again).
"""

from typing import Any

from flask import Response, flash, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

# Flask's redirect() and send_file() give werkzeug's class, of which flask.Response is a subclass
ViewResult = str | BaseResponse | tuple[str, int]


def flash_success(text: str) -> None:
    """Show on the next page that something was done."""
    flash(text, "success")


def flash_warning(text: str) -> None:
    """Show on the next page that something needs attention."""
    flash(text, "warning")


def redirect_to(endpoint: str, **values: Any) -> BaseResponse:
    """Go to the page of an endpoint; `values` are parts of its path or its query.

    A browser gets 303, so that reloading does not submit the form again. htmx would load a redirect
    into a part of the page; it gets 204 and the header that loads the whole page instead.
    """
    url = url_for(endpoint, **values)
    if "HX-Request" in request.headers:
        return Response(status=204, headers={"HX-Redirect": url})
    return redirect(url, 303)
