from django.apps import AppConfig


class ClinicalConfig(AppConfig):
    name = "clinical"

    def ready(self) -> None:
        from clinical import checks  # noqa: F401 - registers the system checks
