"""How these tests read a file."""

from pathlib import Path

from transcripts.formats import read_file
from transcripts.formats.base import Conversation, Utterance

SAMPLES = Path(__file__).parents[2] / "samples" / "formats"


def read_one(raw: str | bytes, name: str = "auto", file_name: str = "session") -> Conversation:
    (conversation,) = read_file(file_name, raw.encode() if isinstance(raw, str) else raw, name)[1]
    return conversation


def read_sample(file_name: str) -> tuple[str, list[Conversation]]:
    name, conversations = read_file(file_name, (SAMPLES / file_name).read_bytes())
    return name, list(conversations)


def timed(conversation: Conversation) -> list[tuple[str | None, int | None, int | None, str]]:
    return [(each.speaker, each.start_ms, each.end_ms, each.text) for each in conversation.utterances]


def turns(conversation: Conversation) -> list[tuple[str | None, str]]:
    return [(each.speaker, each.text) for each in conversation.utterances]


def texts(conversation: Conversation) -> list[str]:
    return [each.text for each in conversation.utterances]


def only(conversation: Conversation) -> Utterance:
    (utterance,) = conversation.utterances
    return utterance
