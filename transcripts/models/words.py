"""The word list from which a query's typos are corrected."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.db import models

from clinical.identifiers import uuid7


class SearchWord(models.Model):
    """A word that some passage of the practice contains. Of no client by itself, and never shown by itself:

    a correction is offered only where it has a hit that the asker may see, and erasing a client rebuilds the list.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    word = models.CharField(max_length=40, unique=True)

    class Meta:
        indexes = (
            # words near a mistyped one
            GinIndex(fields=["word"], opclasses=["gin_trgm_ops"], fastupdate=False, name="transcripts_searchword_near"),
        )

    def __str__(self) -> str:
        return self.word
