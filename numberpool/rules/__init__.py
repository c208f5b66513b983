"""The pure rules of number pools."""
