"""The pages of alerts: what staff must look at now.

listing   /console/alarms/           the list, filtered, in pages; many taken or resolved at once
detail    /console/alarms/<alert>    one alert: its words, who was told, taking and resolving it
waiting   /console/alarms/waiting    what every page asks every two seconds
coverage  /console/alarms/recipients who is told of what, for administrators
"""

from app.console.alerts import coverage, detail, listing, waiting
from app.console.alerts.blueprint import blueprint

__all__ = ["blueprint", "coverage", "detail", "listing", "waiting"]
