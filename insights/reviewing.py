"""What a clinician decides about an insight: accept, edit, dismiss with a reason, undo. Every decision stays as a row.

Two people who decide at once: the first decision stands, the second is told of it and of who made it.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from clinical.access import Action
from clinical.models import User
from insights.models import Insight, Review

_RESULT = {
    Review.Decision.ACCEPTED.value: Insight.Status.ACCEPTED,
    Review.Decision.EDITED.value: Insight.Status.EDITED,
    Review.Decision.DISMISSED.value: Insight.Status.DISMISSED,
}
DECIDED = frozenset(status.value for status in _RESULT.values())


class ReviewRefused(ValueError):
    """This decision cannot be made so. The message says what is missing."""


class NotAllowed(ReviewRefused):
    """This user's role makes no decisions."""


class ReviewConflict(ReviewRefused):
    """Somebody else has decided in the meantime: `current` is the insight as it stands now."""

    def __init__(self, current: Insight) -> None:
        self.current = current
        last = current.reviews.select_related("reviewer").last()
        by = f" by {last.reviewer}" if last else ""
        super().__init__(f"This insight is {current.status} already{by}. Nothing was changed: look at it again.")


@dataclass(frozen=True, slots=True)
class Decision:
    """`reason` is for a dismissal, `words` for the reason “other”, `edited_text` for an edit."""

    decision: str
    reason: str = ""
    words: str = ""
    edited_text: str = ""


def decide(insight: Insight, made: Decision, *, by: User) -> Review:
    """Raises ReviewRefused for what is incomplete, ReviewConflict where it is decided already.

    The same decision by the same person again is no conflict: it gives the review that is there (a double click).
    """
    _check(made, by)
    with transaction.atomic():
        current = Insight.objects.select_for_update().get(pk=insight.pk)
        last = current.reviews.last()
        if current.status != Insight.Status.PUBLISHED:
            if last is not None and last.reviewer_id == by.pk and _says(last) == made:
                return last
            raise ReviewConflict(current)
        current.status = _RESULT[made.decision]
        current.save(update_fields=["status"])
        return _write(current, made, by)


def undo(insight: Insight, *, by: User) -> Review:
    """Take the last decision back: the insight waits again. Who decided and who undid stays on record."""
    if not by.may(Action.REVIEW):
        raise NotAllowed(f"{by.email} ({by.role}) may not review findings.")
    with transaction.atomic():
        current = Insight.objects.select_for_update().get(pk=insight.pk)
        if current.status not in DECIDED:
            raise ReviewConflict(current)
        current.status = Insight.Status.PUBLISHED
        current.save(update_fields=["status"])
        return _write(current, Decision(Review.Decision.UNDONE.value), by)


def _check(made: Decision, by: User) -> None:
    if not by.may(Action.REVIEW):
        raise NotAllowed(f"{by.email} ({by.role}) may not review findings.")
    if made.decision not in _RESULT:
        raise ReviewRefused("A decision is accepted, edited or dismissed.")
    if made.decision == Review.Decision.DISMISSED and made.reason not in Review.Reason.values:
        reasons = ", ".join(Review.Reason.values)
        raise ReviewRefused(f"A dismissal needs a reason: one of {reasons}.")
    if made.reason == Review.Reason.OTHER and not made.words.strip():
        raise ReviewRefused("The reason “other” needs words.")
    if made.decision == Review.Decision.EDITED and not made.edited_text.strip():
        raise ReviewRefused("An edit needs your own text.")


def _says(review: Review) -> Decision:
    return Decision(review.decision, review.reason, review.words, review.edited_text)


def _write(insight: Insight, made: Decision, by: User) -> Review:
    return Review.objects.create(
        client_id=insight.client_id,
        insight=insight,
        reviewer=by,
        decision=made.decision,
        reason=made.reason,
        words=made.words,
        edited_text=made.edited_text,
    )
