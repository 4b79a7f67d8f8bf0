"""How a finding is put into words for a clinician: what was found, never what it proves. Pure."""

from __future__ import annotations

from insights.analyzers.base import Finding
from transcripts.roles import Role

_CRISIS = {
    "explicit": "Words about suicide",
    "passive": "Wish to be dead or gone",
    "self_harm": "Words about self-harm",
    "preparation": "Words about means, a plan or a goodbye",
    "violence": "Words about harming somebody",
    "child_at_risk": "A child may be at risk",
    "danger_from_others": "Danger from somebody else",
}
_WHOM = {"self": "about themselves", "other": "about somebody else"}


def statement_of(finding: Finding, role: Role) -> tuple[str, str]:
    """Title and description."""
    title = _CRISIS.get(finding.label, finding.label.replace("_", " ").capitalize())
    read = finding.attributes
    how = [
        read.get("polarity", ""),
        read.get("time", ""),
        read.get("modality", ""),
        _WHOM.get(read.get("experiencer", ""), ""),
    ]
    said = ", ".join(part for part in how if part)
    speaker = "an unnamed speaker" if role is Role.UNKNOWN else f"the {role.value}"
    return title, f"Said by {speaker}; read as {said}. Found by rules that miss and mistake: read it in context."
