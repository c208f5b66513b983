"""Real telephone calls over SIP, as a documented run: no part of the suite (docs/telephony-tests.md)."""
