"""Notifications: how an alert reaches people outside of the console's pages.

    channels     a person's ways to be reached: group robots and e-mail, tried in the person's order
    preferences  which kinds of alert by which channels, quiet hours, the deputy
    recipients   who is to be told of an alert, by permissions and preferences
    planning     who is told now, and when to look again
    deliveries   one alert on its way to one person, and each attempt by a channel
    messages     what they are told
    sending      the call: `robots` by HTTPS, `mail` by SMTP

    alert due ──> recipients ──> plan ──> NotificationDelivery ──> attempt ──> SENT
                                                 └── failed: the next channel, then all once more

An alert is told again and again until somebody takes it. `app.jobs.notifications` runs these steps.
"""
