"""Every table, so that the metadata is complete for whoever creates, migrates or inspects it."""

from store import alarms, answers, calls, counts, directory, imports, models, pages, provisioning, sites, sizing, visits
from store.base import Base, metadata

__all__ = [
    "Base",
    "alarms",
    "answers",
    "calls",
    "counts",
    "directory",
    "imports",
    "metadata",
    "models",
    "pages",
    "provisioning",
    "sites",
    "sizing",
    "visits",
]
