"""The blueprint of one's own notifications."""

from flask import Blueprint

blueprint = Blueprint("notifications", __name__, url_prefix="/console/me/notifications")
