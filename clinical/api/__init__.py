"""What the API of every app stands on: scope, roles, paging, one error form, strict JSON; and people and sessions."""
