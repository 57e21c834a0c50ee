"""The blueprint of the conversations' pages."""

from flask import Blueprint

blueprint = Blueprint("conversations", __name__, url_prefix="/console/talks")
