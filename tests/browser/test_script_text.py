"""The text of the snippet, as served. Needs no browser; what the text does is what the other tests here are about."""

import gzip

import pytest

from app.snippet.script import SOURCE, script_for
from app.snippet.shrink import problems, shrink
from tests.browser.customer import CALLS, KEY, OWN


def test_the_script_is_small_whole_and_the_same_for_the_same_site() -> None:
    text, tag = script_for(KEY, CALLS + "/", [OWN, OWN], "full")
    assert (text, tag) == script_for(KEY, CALLS, (OWN,), "full")
    assert len(gzip.compress(text, 9)) < 4.75 * 1024
    assert tag != script_for(KEY, CALLS, (OWN,), "none")[1]
    assert b"__RINGTRACE" not in text
    assert f'"{CALLS}"'.encode() in text
    assert b"</" not in script_for("</script><script>", CALLS, [], "full")[0]


def test_the_source_keeps_the_rules_that_make_shrinking_it_safe() -> None:
    assert problems(SOURCE.read_text("utf-8")) == []


@pytest.mark.parametrize("line", ["const a = `x`;", "const a = b / 2;", "a(); // why", "/* why */", 'const a = "x";'])
def test_what_breaks_those_rules_is_named(line: str) -> None:
    assert problems(f"const b = 4;\n{line}\n") != []


def test_shrinking_touches_neither_texts_nor_patterns_nor_properties_nor_keys() -> None:
    source = """// A comment.
(function (win) {
const longName = /longName \\/ [/ ]+/g;
const other = (first, second) => {
  const inner = { longName: first ? longName : second };
  return inner.longName - -1 + 'longName // x';
};
win.longName = other;
})(window);
"""
    assert shrink(source) == (
        "(function(C){\n"
        "const A=/longName \\/ [/ ]+/g,\n"
        "B=(a,c)=>{const b={longName:a?A:c};return b.longName- -1+'longName // x'};\n"
        "C.longName=B})(window);\n"
    )
