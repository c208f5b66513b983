"""The REST API: one module per resource, each with its blueprint `bp`; views parse, call a use case and render."""
