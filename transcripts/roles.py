"""Who speaks: the roles of speakers, everywhere in Anamnesis. Pure."""

import re
from enum import StrEnum


class Role(StrEnum):
    CLIENT = "client"
    THERAPIST = "therapist"
    PARTNER = "partner"
    FAMILY = "family"
    OTHER = "other"
    UNKNOWN = "unknown"


# English, German, French, Spanish. Words that are names or professions of many kinds ("doctor") are left out.
_WORDS = {
    Role.THERAPIST: """
        therapist psychotherapist counsellor counselor clinician psychologist psychiatrist interviewer practitioner
        therapeut therapeutin psychotherapeut psychotherapeutin psychologe psychologin psychiater psychiaterin
        berater beraterin behandler behandlerin interviewerin
        thérapeute therapeute psychothérapeute psychotherapeute psychologue psychiatre conseiller conseillère
        terapeuta psicoterapeuta psicólogo psicóloga psicologo psicologa psiquiatra consejero consejera
    """,
    Role.CLIENT: """
        client patient interviewee
        klient klientin patientin
        patiente cliente
        paciente consultante
    """,
    Role.PARTNER: """
        partner husband wife spouse boyfriend girlfriend fiancé fiancée fiance fiancee
        partnerin ehemann ehefrau ehepartner ehepartnerin
        mari épouse epouse époux epoux conjoint conjointe partenaire
        pareja marido esposo esposa novio novia
    """,
    Role.FAMILY: """
        mother father mum mom mam mummy mommy dad daddy sister brother son daughter parent parents
        grandmother grandfather grandma grandpa aunt uncle stepmother stepfather sibling cousin niece nephew
        mutter vater mama papa schwester bruder sohn tochter oma opa großmutter großvater tante onkel eltern
        mère mere père pere maman sœur soeur frère frere fils fille
        madre padre mamá hermana hermano hijo hija abuela abuelo tía tío
    """,
}
_ROLE_OF = {word: role for role, words in _WORDS.items() for word in words.split()}
# As dialogues are typed; "P1" is as often a participant, so a letter stands alone.
_LETTERS = {"T": Role.THERAPIST, "C": Role.CLIENT, "P": Role.CLIENT}
# "Therapist 1", "Client_2", "the client"; not "Mother's voice", not "Client and mother".
_NUMBERED = re.compile(r"(?:(?:the|der|die|le|la|el)\s+)?([^\W\d_]{2,})[\s_#.-]{0,3}\d{0,3}", re.IGNORECASE)


def guess_role(label: str) -> Role:
    """The role that a speaker's label says outright; names of persons, `SPEAKER_00` and all doubt stay unknown."""
    bare = label.strip().strip("[]()*:").strip()
    if bare in _LETTERS:
        return _LETTERS[bare]
    match = _NUMBERED.fullmatch(bare[:60])
    return _ROLE_OF.get(match[1].lower(), Role.UNKNOWN) if match else Role.UNKNOWN
