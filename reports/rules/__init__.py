"""The pure rules of reports: counts and probabilities in, figures and verdicts out. No database, no clock."""
