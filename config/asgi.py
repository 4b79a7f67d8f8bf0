import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.asgi import get_asgi_application

from config.database import ensure_database

ensure_database()
application = get_asgi_application()
