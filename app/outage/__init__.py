"""What goes on while the database is away: calls are answered from files, what happens is kept in a spool."""
