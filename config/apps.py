from django.contrib.admin.apps import AdminConfig


class AnamnesisAdminConfig(AdminConfig):
    default_site = "config.site.AnamnesisAdminSite"
