"""For how long an account keeps what, the night's removal of what is older, and the erasure of a person."""
