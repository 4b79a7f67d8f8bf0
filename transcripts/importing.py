"""The one pipeline that takes files in: behind the command, and behind the API and the import screen.

A file is read and checked whole before anything of it is stored: a refused file stores nothing. Then each of its
conversations is stored in a transaction of its own, so that a file that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import Error, IntegrityError, transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from clinical.access import Action
from clinical.models import Client, User
from transcripts import formats
from transcripts.formats.base import Conversation, FormatError, FormatErrors
from transcripts.models import ImportJob, Source
from transcripts.roles import Role
from transcripts.storing import (
    Prepared,
    Stored,
    find_stored,
    flush_search,
    known_roles,
    prepare,
    remember_words,
    store,
)

_MOST_ERRORS = 100  # of one file


class ImportRefused(Exception):
    """This import cannot begin at all: the message says what is missing and what to do."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the user says of the files. `format` is "auto" or a format's name; `roles` map labels to roles."""

    client_code: str
    actor: User
    create_client: bool = False
    kind: str = Source.Kind.TRANSCRIPT.value
    format: str = "auto"
    occurred_at: datetime | None = None
    roles: Mapping[str, Role] = field(default_factory=dict)
    mapping: Mapping[str, str] = field(default_factory=dict)
    job: ImportJob | None = None  # the row of an upload; without it, the pipeline writes one a file


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """One source of the report. `id` is None in a dry run."""

    id: str | None
    external_id: str | None
    title: str
    format: str
    created: bool
    passages: int
    speakers: list[dict[str, Any]]
    duration_ms: int | None
    sha256: str
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class FileError:
    file: str
    line: int | None
    message: str


@dataclass(slots=True)
class Report:
    sources: list[SourceEntry] = field(default_factory=list)
    errors: list[FileError] = field(default_factory=list)
    seconds: float = 0.0
    foreseen: set[tuple[str | None, str]] = field(default_factory=set)  # what a dry run would have stored by now

    @property
    def created(self) -> int:
        return sum(source.created for source in self.sources)

    @property
    def skipped(self) -> int:
        return len(self.sources) - self.created

    @property
    def passages(self) -> int:
        return sum(source.passages for source in self.sources if source.created)

    def as_json(self) -> dict[str, Any]:
        return {
            "sources": [asdict(source) for source in self.sources],
            "created": self.created,
            "skipped": self.skipped,
            "passages": self.passages,
            "errors": [asdict(error) for error in self.errors],
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True)
class _Checked:
    """A file that was read and found good. `conversations` may be iterated again; it keeps one at a time."""

    name: str
    sha256: str
    format: str
    conversations: Iterable[Conversation]
    prepared: list[Prepared]
    warnings: list[str]


Progress = Callable[[str], None]


def import_files(
    paths: Iterable[Path],
    options: Options,
    *,
    dry_run: bool = False,
    all_or_nothing: bool = False,
    progress: Progress = lambda name: None,
) -> Report:
    """Take in files and folders of files. Raises ImportRefused where no file could be taken in at all."""
    began = time.perf_counter()
    client = _client_to_import_for(options, dry_run=dry_run)
    report = Report()
    files = list(_files_of(paths, report))
    if all_or_nothing and not dry_run:
        client = _import_all_or_nothing(files, options, client, report, progress)
    else:
        for path in files:
            progress(str(path))
            client = _import_one(path, options, client, report, dry_run=dry_run)
    if not dry_run:
        _wake_after_import(report, options)
    report.seconds = time.perf_counter() - began
    return report


def _wake_after_import(report: Report, options: Options) -> None:
    """What stands above imports is told by name, so that nothing here depends on it.

    Who uploads waits for nothing else, so for an upload it does its work here and now where no worker will.
    """
    if settings.AFTER_IMPORT and report.sources:
        sources = [source.id for source in report.sources]
        import_string(settings.AFTER_IMPORT)(sources, finish=options.job is not None)


def _client_to_import_for(options: Options, *, dry_run: bool) -> Client | None:
    """The client, None where it is still to be created. Somebody else's client is as unknown as one that is not."""
    actor, code = options.actor, options.client_code
    if not actor.may(Action.IMPORT):
        raise ImportRefused(f"{actor.email} ({actor.role}) may not import. Ask a clinician of the care team.")
    client = _visible_client(options)
    if client is not None:
        return client
    if not options.create_client:
        raise ImportRefused(
            f"There is no client “{code}” that {actor.email} may see. Add --create-client to create one."
        )
    if not actor.may(Action.ADD_CLIENT):
        raise ImportRefused(f"{actor.email} ({actor.role}) may not add clients.")
    try:
        Client(code=code).full_clean()
    except ValidationError as error:
        client = _visible_client(options)  # another import may have opened it just now
        if client is None:
            taken = Client.objects.filter(code__iexact=code).exists()
            raise ImportRefused(_code_taken(code) if taken else " ".join(error.messages)) from None
    return client


def _visible_client(options: Options) -> Client | None:
    return Client.objects.visible_to(options.actor).filter(code__iexact=options.client_code).first()


def _create_client(options: Options) -> Client:
    """Created with the first file that is good, with the actor in its care team; another import may be first."""
    try:
        return Client.objects.open(code=options.client_code, by=options.actor)
    except IntegrityError:
        client = _visible_client(options)
        if client is None:
            raise ImportRefused(_code_taken(options.client_code)) from None
        return client


def _code_taken(code: str) -> str:
    return f"The code “{code}” cannot be used. Choose another one, or ask to join the care team."


def _files_of(paths: Iterable[Path], report: Report) -> Iterator[Path]:
    for path in paths:
        if _is_folder(path):
            inside = sorted(one for one in path.rglob("*") if one.is_file() and not _is_hidden(one.relative_to(path)))
            if not inside:
                report.errors.append(FileError(_shown(path), None, "There is no file in this folder."))
            yield from inside
        else:
            yield path


def _is_folder(path: Path) -> bool:
    """What cannot even be looked at counts as a file: reading it says why."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _shown(path: Path | str) -> str:
    """A path whose bytes are no UTF-8 can be neither printed nor stored as it is."""
    return os.fsencode(path).decode(errors="replace")


def _import_one(path: Path, options: Options, client: Client | None, report: Report, *, dry_run: bool) -> Client | None:
    checked = _check(path, options, client)
    if isinstance(checked, list):
        report.errors += checked
        if client is not None and not dry_run:
            _record_refusal(path, options, client, checked)
        return client
    if dry_run:
        report.sources += _foresee(path, checked, client, report.foreseen)
        return client
    client = client or _create_client(options)
    entries: list[SourceEntry] = []
    try:
        for entry in _store_file(path, checked, options, client):
            entries.append(entry)
        flush_search()
    except Error as error:
        done = f"{len(entries)} of {len(checked.prepared)} conversations are stored whole, the rest is not"
        report.errors.append(_interrupted(path, done, error))
    report.sources += entries
    return client


def _import_all_or_nothing(
    files: list[Path], options: Options, client: Client | None, report: Report, progress: Progress
) -> Client | None:
    """Every file is checked before the first is stored, and all are stored in one transaction."""
    for path in files:
        progress(str(path))
        checked = _check(path, options, client)
        if isinstance(checked, list):
            report.errors += checked
    if report.errors:
        return client
    try:
        with transaction.atomic():
            client = client or _create_client(options)
            words: set[str] = set()
            entries: list[SourceEntry] = []
            for path in files:
                progress(str(path))
                checked = _check(path, options, client)
                if isinstance(checked, list):  # the file changed since it was checked
                    raise _Changed(checked)
                entries += _store_file(path, checked, options, client, words_of_all=words)
            remember_words(words)
    except _Changed as changed:
        report.errors += changed.errors
        return client
    except Error as error:
        report.errors += [_interrupted(path, "nothing is stored", error) for path in files]
        return client
    report.sources += entries
    flush_search()
    return client


class _Changed(Exception):
    def __init__(self, errors: list[FileError]) -> None:
        super().__init__()
        self.errors = errors


def _check(path: Path, options: Options, client: Client | None) -> _Checked | list[FileError]:
    """Read a file whole and say every error at once; nothing is stored."""
    known = known_roles(client) if client else {}
    try:
        raw = _read(path)
        name, conversations = formats.read_file(_shown(path.name), raw, options.format, options.mapping)
        prepared = _prepare_all(conversations, options.roles, known)
    except FormatErrors as error:
        return [_file_error(path, one) for one in error.errors]
    except FormatError as error:
        return [_file_error(path, error)]
    unheard = _unheard(prepared, options.roles)
    return _Checked(_shown(path.name), hashlib.sha256(raw).hexdigest(), name, conversations, prepared, unheard)


def _unheard(prepared: Iterable[Prepared], told: Mapping[str, Role]) -> list[str]:
    """A label that the user gave a role and nobody in the file has is a slip of the pen, most of the time."""
    heard = {speaker.label for one in prepared for speaker in one.speakers}
    return [f"No speaker is labelled “{label}”: its role was not used." for label in told if label not in heard]


def _prepare_all(
    conversations: Iterable[Conversation], told: Mapping[str, Role], known: Mapping[str, Role]
) -> list[Prepared]:
    prepared: list[Prepared] = []
    errors: list[FormatError] = []
    for conversation in conversations:
        try:
            prepared.append(prepare(conversation, told, known))
        except FormatErrors as found:
            errors += found.errors
        if len(errors) >= _MOST_ERRORS:
            break
    if errors:
        raise FormatErrors(errors[:_MOST_ERRORS])
    return prepared


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:  # a pipe or a growing file says nothing of its size beforehand
            raw = file.read(settings.IMPORT_MAX_BYTES + 1)
        if len(raw) > settings.IMPORT_MAX_BYTES:
            limit = f"{settings.IMPORT_MAX_BYTES / 1_000_000:,.0f} MB"
            raise FormatError(None, f"The file has more than {limit}, which is the limit.", "Split it.")
        return raw
    except FileNotFoundError as error:
        raise FormatError(None, "There is no such file.", "Check the path.") from error
    except OSError as error:
        raise FormatError(None, f"The file cannot be read: {error.strerror}.", "Check its permissions.") from error


def _file_error(path: Path, error: FormatError) -> FileError:
    return FileError(_shown(path), error.line, str(error))


def _store_file(
    path: Path, checked: _Checked, options: Options, client: Client, words_of_all: set[str] | None = None
) -> Iterator[SourceEntry]:
    """Each conversation in its own transaction, the file's job row in the last one's."""
    job = _job_of(path, options, client, file_sha256=checked.sha256, format=checked.format, state=ImportJob.State.DONE)
    job.conversations = len(checked.prepared)
    if not checked.prepared:
        _finish(job)
    last = len(checked.prepared) - 1
    for index, (conversation, prepared) in enumerate(zip(checked.conversations, checked.prepared, strict=True)):
        with transaction.atomic():
            stored = _store_unless_there(conversation, prepared, checked, options, client)
            job.created_sources += stored.created
            job.skipped_sources += not stored.created
            job.note(stored.source, created=stored.created, passages=len(conversation.utterances))
            if index == last:
                _finish(job)
            else:
                job.advance()
            if words_of_all is not None:
                words_of_all |= stored.words
            elif stored.words:
                remember_words(stored.words)
        yield _entry(path, checked, conversation, prepared, stored.source, created=stored.created)


def _store_unless_there(
    conversation: Conversation, prepared: Prepared, checked: _Checked, options: Options, client: Client
) -> Stored:
    there = find_stored(client, conversation.external_id, prepared.sha256)
    if there is not None:
        return Stored(there, created=False, words=frozenset())
    return store(
        conversation,
        prepared,
        client=client,
        actor=options.actor,
        title=_title(Path(checked.name), checked, conversation),
        format=checked.format,
        file_name=checked.name,
        occurred_at=options.occurred_at,
        kind=options.kind,
    )


def _foresee(
    path: Path, checked: _Checked, client: Client | None, foreseen: set[tuple[str | None, str]]
) -> Iterator[SourceEntry]:
    """What an import would do: the same entries, without ids."""
    for conversation, prepared in zip(checked.conversations, checked.prepared, strict=True):
        there = find_stored(client, conversation.external_id, prepared.sha256) if client else None
        key = (conversation.external_id, prepared.sha256)
        created = there is None and key not in foreseen
        foreseen.add(key)
        yield replace(_entry(path, checked, conversation, prepared, there, created=created), id=None)


def _entry(
    path: Path,
    checked: _Checked,
    conversation: Conversation,
    prepared: Prepared,
    source: Source | None,
    *,
    created: bool,
) -> SourceEntry:
    warnings = [*conversation.warnings, *checked.warnings]
    speakers = [asdict(speaker) | {"role": speaker.role.value} for speaker in prepared.speakers]
    if source is not None and not created:  # what people have said of its speakers since
        roles = dict(source.speakers.values_list("label", "role"))
        speakers = [speaker | {"role": roles.get(speaker["label"], speaker["role"])} for speaker in speakers]
    if source is not None and source.superseded_at is not None:
        warnings.append(f"This is revision {source.revision}, which a newer one has replaced; the newer one stays.")
    return SourceEntry(
        id=str(source.pk) if source is not None else None,
        external_id=conversation.external_id,
        title=_title(path, checked, conversation),
        format=checked.format,
        created=created,
        passages=len(conversation.utterances),
        speakers=speakers,
        duration_ms=prepared.duration_ms,
        sha256=prepared.sha256,
        warnings=warnings,
    )


def _title(path: Path, checked: _Checked, conversation: Conversation) -> str:
    """The conversation's own title, else its file's name, with the conversation's id where a file has several."""
    if conversation.title:
        return conversation.title
    stem = _shown(path.stem)
    return f"{stem} {conversation.external_id or ''}".strip() if len(checked.prepared) > 1 else stem


def _job_of(path: Path, options: Options, client: Client, **fields: Any) -> ImportJob:
    if options.job is not None:
        return options.job.begin(**fields)
    return ImportJob(
        client=client,
        requested_by=options.actor,
        file_name=_shown(path.name)[-255:],
        attempts=1,
        started_at=timezone.now(),
        **fields,
    )


def _finish(job: ImportJob) -> None:
    job.conclude()


def _record_refusal(path: Path, options: Options, client: Client, errors: list[FileError]) -> None:
    """A refused file leaves a row that says why, and nothing else."""
    lines = [{"line": error.line, "message": error.message} for error in errors]
    failed = ImportJob.State.FAILED
    _finish(_job_of(path, options, client, state=failed, last_error=errors[0].message[:500], errors=lines))


def _interrupted(path: Path, done: str, error: Error) -> FileError:
    reason = type(error).__name__
    return FileError(_shown(path), None, f"The database stopped the import ({reason}): {done}. Import the file again.")
