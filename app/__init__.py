"""How the outside world gets in and out: web pages, REST, the snippet, webhooks, the command line."""
