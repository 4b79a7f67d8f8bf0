"""The Celery application that the workers run, and that wakes them.

A message carries ids only, and the rows hold the work: so every setting here may lose or double a message, and none
may lose or double work.
"""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from kombu import Exchange, Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings

from clinical.valkey import server_for

QUEUES = ("anamnesis.default", "anamnesis.imports", "anamnesis.analysis")  # a broker may serve others too
_ASIDE = Exchange("anamnesis.dead", type="topic")
SWEEP_SECONDS = 30.0


def broker_url() -> str:
    return settings.CELERY_BROKER_URL or server_for(settings.ANAMNESIS_DATA_DIR).url()


def _is_rabbitmq(url: str) -> bool:
    return url.startswith(("amqp:", "amqps:", "pyamqp:"))


def queues(url: str) -> tuple[Queue, ...]:
    """On RabbitMQ replicated queues; a message that ends its worker five times goes aside instead of round again.

    Their exchange is a topic exchange: Celery's delayed retries need one with quorum queues.
    """
    if not _is_rabbitmq(url):
        return tuple(Queue(name, routing_key=name) for name in QUEUES)
    exchange = Exchange("anamnesis", type="topic")
    arguments = {"x-queue-type": "quorum", "x-delivery-limit": 5, "x-dead-letter-exchange": _ASIDE.name}
    return tuple(Queue(name, exchange, routing_key=name, queue_arguments=arguments) for name in QUEUES)


class Workers(Celery):
    def keep_dead_letters(self) -> None:
        """Where RabbitMQ puts aside what ended its worker too often: for people to look at, nobody consumes it."""
        if _is_rabbitmq(self.conf.broker_url):
            aside = Queue("anamnesis.dead", _ASIDE, routing_key="#", queue_arguments={"x-queue-type": "quorum"})
            with self.connection_for_write() as connection:
                connection.ensure_connection(max_retries=2)
                aside(connection.default_channel).declare()


def transport_options(url: str) -> dict[str, Any]:
    if _is_rabbitmq(url):
        return {"confirm_publish": True}
    return {
        "visibility_timeout": 900,  # longer than any task may take: then it is delivered again
        "unacked_restore_interval": 30,
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": 2,
        "socket_timeout": 30,
    }


def configure(app: Celery, url: str) -> None:
    app.conf.update(
        broker_url=url,
        broker_transport_options=transport_options(url),
        broker_connection_timeout=2,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        task_publish_retry_policy={"max_retries": 1, "interval_start": 0.2, "interval_max": 0.2},
        task_queues=queues(url),
        task_default_queue=QUEUES[0],
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_soft_time_limit=270,
        task_time_limit=300,
        worker_prefetch_multiplier=1,
        worker_max_tasks_per_child=500,
        worker_enable_remote_control=False,  # nobody steers workers from afar, and its queues are not durable
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=True,
        beat_scheduler="celery.beat:Scheduler",  # the schedule is in code: no file to keep
        beat_schedule={
            "sweep": {
                "task": "insights.sweep",
                "schedule": SWEEP_SECONDS,
                "options": {"queue": QUEUES[0], "expires": SWEEP_SECONDS},
            }
        },
    )


app = Workers("anamnesis", set_as_current=True)
configure(app, broker_url())
app.autodiscover_tasks(["transcripts", "insights"])
