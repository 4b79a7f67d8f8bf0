import pytest

from transcripts.roles import Role, guess_role

GUESSED = {
    Role.THERAPIST: "Therapist therapist THERAPIST Counsellor counselor Clinician Psychologist Interviewer T "
    "Therapeutin Psychologue Terapeuta Therapist_2 [Therapist]",
    Role.CLIENT: "Client CLIENT Patient C P Klientin Patientin Cliente Paciente Client_1 Client2",
    Role.PARTNER: "Partner Husband wife spouse Ehemann Ehefrau conjoint esposa",
    Role.FAMILY: "Mother father Mum dad Sister brother Son daughter Mutter Vater mère père hermana",
    Role.UNKNOWN: "SPEAKER_00 Speaker Anna Dr Doctor P1 X 王 Unknown MAN 0 t c",
}
CASES = [(label, role) for role, labels in GUESSED.items() for label in labels.split()]
PHRASES = [
    ("Therapist 1", Role.THERAPIST),
    ("the client", Role.CLIENT),
    (" Client : ", Role.CLIENT),
    ("Dr Smith", Role.UNKNOWN),
    ("Mother's voice", Role.UNKNOWN),
    ("Client and mother", Role.UNKNOWN),
    ("Speaker 1", Role.UNKNOWN),
    ("", Role.UNKNOWN),
    ("a" * 10_000, Role.UNKNOWN),
]


@pytest.mark.parametrize(("label", "role"), CASES + PHRASES)
def test_only_a_label_that_says_its_role_has_one(label: str, role: Role) -> None:
    assert guess_role(label) is role
