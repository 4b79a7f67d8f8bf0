"""Other tools' JSON, told apart so that a refusal can name it. Pure."""

from transcripts.formats.json_text import is_object
from transcripts.formats.refusals import FormatError

# Keys that only this tool's JSON has together.
_TOOLS = (
    ("Amazon Transcribe", {"jobName", "results"}),
    ("AssemblyAI", {"audio_url", "words"}),
    ("Deepgram", {"metadata", "results"}),
    ("BBC Kaldi", {"action", "retval"}),
    ("Speechmatics", {"job", "words"}),
    ("Speechmatics", {"job", "results"}),
    ("Azure Speech", {"recognizedPhrases"}),
    ("Rev", {"monologues"}),
    ("Google Speech-to-Text", {"results", "totalBilledTime"}),
    ("Gladia", {"result", "request_params"}),
    ("Descript or Trint", {"transcript", "paragraphs"}),
)
_AS_SUBTITLES = "Export it there as VTT, SRT or CSV and import that."
_WITH_SEGMENTS = "Export Whisper's JSON with its segments (verbose_json), or VTT or SRT."


def explain_json(found: object) -> FormatError:
    """Why this JSON is none of ours."""
    if isinstance(found, list) and found and is_object(found[0]) and {"start", "end"} <= found[0].keys():
        what = "This JSON says who speaks when, but not what was said."
        return FormatError(None, what, "Import the file that holds the transcript.")
    if not is_object(found):
        return FormatError(None, "This JSON is no transcript.", _WITH_SEGMENTS)
    for tool, keys in _TOOLS:
        if keys <= found.keys():
            return FormatError(None, f"This is the JSON of {tool}, which is not read yet.", _AS_SUBTITLES)
    segments = found.get("segments")
    if isinstance(segments, list) and segments and is_object(segments[0]) and "body" in segments[0]:
        return FormatError(None, "This is a podcast's transcript JSON, which is not read yet.", _AS_SUBTITLES)
    if isinstance(segments, list):
        what = "The JSON has segments, but they are not objects with a start and a text."
        return FormatError(None, what, _WITH_SEGMENTS)
    if isinstance(found.get("text"), str):
        return FormatError(None, "The JSON has a text, but no segments.", _WITH_SEGMENTS)
    return FormatError(None, "This JSON is no transcript: it has neither segments nor passages.", _WITH_SEGMENTS)
