"""Every table, so that the metadata is complete for whoever creates, migrates or inspects it."""

from store import answers, calls, directory, models, pages, sites, visits
from store.base import Base, metadata

__all__ = ["Base", "answers", "calls", "directory", "metadata", "models", "pages", "sites", "visits"]
