"""What was said: the models of this app."""

from transcripts.models.imports import ImportJob
from transcripts.models.sources import Passage, Source, Speaker
from transcripts.models.words import SearchWord

__all__ = ["ImportJob", "Passage", "SearchWord", "Source", "Speaker"]
