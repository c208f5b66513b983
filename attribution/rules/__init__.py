"""Pure rules of attribution: plain values in, plain values out; no database, no web framework, no clock."""
