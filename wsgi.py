"""What the web server and the commands load."""

import os

from app import create_app, live
from config import settings

settings.check()
application = create_app()
if "FLASK_RUN_FROM_CLI" not in os.environ:
    # a command looks once by itself; only a server must notice what others change
    live.keep_fresh()
