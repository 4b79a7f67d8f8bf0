"""What is sent to break things is answered with a 4xx in the one form of every error."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from clinical.models import Client
from tests.factories import state_insight, tell

BODIES = {
    "NUL in a value": rb'{"code": "a\u0000b"}',
    "NUL in a key": rb'{"demographics": {"a\u0000b": 1}, "code": "B"}',
    "raw NUL": b'{"code": "a\x00b"}',
    "lone surrogate": rb'{"code": "\ud800"}',
    "lone surrogate in a JSON column": rb'{"code": "B", "demographics": {"a": "\udfff"}}',
    "lone surrogate as a key": rb'{"\ud800": 1}',
    "deep lists": b'{"code": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "very deep lists": b"[" * 200_000,
    "deep objects": b'{"a":' * 500 + b"1" + b"}" * 500,
    "NaN": b'{"code": "B", "demographics": {"a": NaN}}',
    "infinite": b'{"code": "B", "demographics": {"a": 1e999}}',
    "huge integer": b'{"code": "B", "demographics": {"a": ' + b"9" * 5_000 + b"}}",
    "integer past 64 bits": b'{"code": "B", "demographics": {"a": 99999999999999999999}}',
    "same key twice": b'{"code": "B", "code": "C"}',
    "no JSON": b"{code: B}",
    "empty": b"",
    "null": b"null",
    "list": b"[]",
    "text": b'"B"',
    "number": b"1",
    "not UTF-8": b'{"code": "\xff\xfe"}',
    "UTF-16": '{"code": "B"}'.encode("utf-16"),
    "many keys": b"{" + b",".join(b'"k%d": 1' % number for number in range(20_000)) + b"}",
    "too large": b'{"code": "' + b"x" * 3_000_000 + b'"}',
    "wrong types": b'{"code": {"a": 1}, "kind": [], "birth_date": {}, "demographics": 3, "risk_factors": {"a": 1}}',
    "odd facts": b'{"code": "B", "risk_factors": [null, 3, {"factor": 3}, {"factor": "a", "severity": []}]}',
    "a year nobody knows": b'{"code": "B", "birth_date": "99999-01-01"}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_hostile_body_is_a_4xx(clara_api: APIClient, body: bytes) -> None:
    answer = clara_api.post("/api/v1/clients/", body, content_type="application/json")
    assert 400 <= answer.status_code < 500, answer.content
    assert {"code", "message", "field", "next_step"} <= set(answer.json())
    assert not Client.objects.exists()


@pytest.mark.parametrize("verb", ["accept", "edit", "dismiss", "undo"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_hostile_decision_is_no_5xx(ada: Client, clara_api: APIClient, verb: str, body: bytes) -> None:
    insight = state_insight(tell(ada, ["Hello."]).passages.get())
    answer = clara_api.post(f"/api/v1/insights/{insight.pk}/{verb}/", body, content_type="application/json")
    assert answer.status_code < 500


VALUES = ["%00", "%ED%A0%80", "%FF", "'", '"', "a & | ! (:*", "x" * 5_000, "-1", "9" * 400, "{}", "%F0%9F%92%A9", ""]
ADDRESSES = [
    "search/?q={}",
    "search/?q=a&limit={}",
    "search/?q=a&after={}",
    "search/?q=a&client={}",
    "clients/?code={}",
    "clients/?after={}",
    "clients/?limit={}",
    "clients/?{}=1",
    "sessions/?occurred_from={}",
    "speakers/?label={}",
    "passages/?source={}",
    "sources/?current={}",
    "clients/{}/",
    "clients/ID/keywords/search/?q={}",
    "clients/ID/sessions/?after={}",
    "sources/?format={}",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_hostile_address_is_no_5xx(ada: Client, clara_api: APIClient, address: str) -> None:
    tell(ada, ["Hello."])
    for value in VALUES:
        answer = clara_api.get("/api/v1/" + address.replace("ID", str(ada.pk)).replace("{}", value))
        assert answer.status_code < 500, (address, value)
        assert answer.status_code == 200 or {"code", "message"} <= set(answer.json())


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30T00:00:00Z"])
def test_a_moment_at_the_end_of_time_is_no_5xx(ada: Client, clara_api: APIClient, moment: str) -> None:
    body = {"client": str(ada.pk), "scheduled_start": moment, "duration_minutes": 2**40}
    assert clara_api.post("/api/v1/sessions/", body).status_code == 400
    del body["duration_minutes"]
    assert clara_api.post("/api/v1/sessions/", body).status_code in (201, 400)
    assert clara_api.get("/api/v1/sessions/").status_code == 200
