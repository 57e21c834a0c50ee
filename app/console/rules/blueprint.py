"""The blueprint that the views of rules hang on."""

from flask import Blueprint

blueprint = Blueprint("rules", __name__, url_prefix="/console/rules")
