"""What the web server and the commands load."""

import sys

from app import create_app
from config.settings import SettingsError

try:
    application = create_app()
except SettingsError as error:
    sys.exit(str(error))
