"""Every table, so that the metadata is complete for whoever creates, migrates or inspects it."""

from store import (
    alarms,
    answers,
    calls,
    counts,
    directory,
    imports,
    keeping,
    messages,
    models,
    pages,
    provider_events,
    provisioning,
    sites,
    sizing,
    visits,
    webhooks,
)
from store.base import Base, metadata

__all__ = [
    "Base",
    "alarms",
    "answers",
    "calls",
    "counts",
    "directory",
    "imports",
    "keeping",
    "messages",
    "metadata",
    "models",
    "pages",
    "provider_events",
    "provisioning",
    "sites",
    "sizing",
    "visits",
    "webhooks",
]
