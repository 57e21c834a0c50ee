"""The blueprint that the modules of this page group share."""

from flask import Blueprint

blueprint = Blueprint("talks", __name__, url_prefix="/console/talks")
