"""What the web server and the commands load."""

from app import create_app
from config import settings

settings.check()
application = create_app()
