"""Backups of the database: made while serving, rotated, verified, put back."""
