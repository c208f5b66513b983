"""The text of the snippet, as served. Needs no browser; what the text does is what the other tests here are about."""

import gzip

from app.snippet.script import script_for
from tests.browser.customer import CALLS, KEY, OWN


def test_the_script_is_small_whole_and_the_same_for_the_same_site() -> None:
    text, tag = script_for(KEY, CALLS + "/", [OWN, OWN], "full")
    assert (text, tag) == script_for(KEY, CALLS, (OWN,), "full")
    assert len(gzip.compress(script_for(KEY, CALLS, [OWN], "full")[0], 9)) < 4096
    assert tag != script_for(KEY, CALLS, (OWN,), "none")[1]
    assert b"__RINGTRACE" not in text
    assert f'"{CALLS}"'.encode() in text
    assert b"</" not in script_for("</script><script>", CALLS, [], "full")[0]
