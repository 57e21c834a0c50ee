"""The first page: what waits for the person who signed in."""

from flask import Blueprint, render_template

from app.auth import needs
from config.tenancy import Right

blueprint = Blueprint("home", __name__, url_prefix="/console")


@blueprint.get("/")
@needs(*Right)
def index() -> str:
    """What is to be done."""
    return render_template("console/home/index.html")
