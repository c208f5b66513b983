"""What tests share: databases, a server, an office that uses it from outside."""
