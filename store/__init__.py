"""Tables, sessions, types and tenancy. The only place that defines SQLAlchemy tables."""
