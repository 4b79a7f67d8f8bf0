"""What drf-spectacular cannot read from the views: the session cookie, and the one form of every error."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension

_TEXT = {"type": "string"}
_ERROR = {
    "type": "object",
    "required": ["code", "message", "field", "next_step"],
    "properties": {
        "code": {**_TEXT, "description": "For programs: does not change with the words."},
        "message": {**_TEXT, "description": "What is wrong, for people."},
        "field": {**_TEXT, "nullable": True, "description": "The field to blame: `roles.0.role`; null: none."},
        "next_step": {**_TEXT, "description": "What to do now."},
        "errors": {
            "type": "array",
            "description": "Every error of a request that is not valid.",
            "items": {
                "type": "object",
                "properties": {"code": _TEXT, "message": _TEXT, "field": {**_TEXT, "nullable": True}},
            },
        },
        "current": {"type": "object", "description": "After a conflict: how the row stands now."},
        "import": {"type": "object", "description": "After a failed import: its row."},
    },
}


class SessionCookieScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "clinical.api.signing_in.SessionCookie"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}


def describe_errors(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Every operation may answer with the error form."""
    result.setdefault("components", {}).setdefault("schemas", {})["Error"] = _ERROR
    form = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for path in result["paths"].values():
        for operation in path.values():
            operation["responses"]["default"] = {"description": "Refused.", "content": form}
    return result
