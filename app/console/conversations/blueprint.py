"""The blueprint that the modules of this page group share."""

from flask import Blueprint

blueprint = Blueprint("conversations", __name__, url_prefix="/console/talks")
