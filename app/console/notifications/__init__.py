"""The pages of one's own notifications: how one is told of alerts outside of the console.

preferences  /console/me/notifications/              kinds, quiet hours, deputy; this browser
channels     /console/me/notifications/channels/…    adding, changing, testing, deleting a channel
"""

from app.console.notifications import channels, preferences
from app.console.notifications.blueprint import blueprint

__all__ = ["blueprint", "channels", "preferences"]
