"""Every table, so that the metadata is complete for whoever creates, migrates or inspects it."""

from store import answers, calls, directory, imports, models, pages, sites, visits
from store.base import Base, metadata

__all__ = ["Base", "answers", "calls", "directory", "imports", "metadata", "models", "pages", "sites", "visits"]
