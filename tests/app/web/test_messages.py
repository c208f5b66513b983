"""The pages of texts: who wrote, what, and who it probably was."""

import re
from datetime import timedelta

from tests.app.telephony.test_texts import HOSTILE, texts, write
from tests.app.web.staff import Staff
from tests.support.office import Office
from tests.support.serving import Served

CALLER = "+12125550199"


def plain(page: str) -> str:
    """The words of a page."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_without_texts_the_page_says_how_they_come(lite_office: Office) -> None:
    staff = Staff.of(lite_office)
    page = staff.get("/messages")
    assert page.status_code == 200
    assert "No texts yet" in page.text
    assert "there are none yet" in page.text
    assert f"{lite_office.url}/webhooks/twilio/sms" in page.text
    lite_office.source(lite_office.site())
    assert "Your tracking numbers are ready." in staff.get("/messages").text


def test_a_text_is_shown_with_who_probably_wrote_it(lite_office: Office) -> None:
    site = lite_office.site()
    source = lite_office.source(site)
    swapped = lite_office.swap(site).json()
    write(lite_office, source["pool"][0], HOSTILE, NumMedia="2")
    (text,) = texts(lite_office)
    staff = Staff.of(lite_office)
    page = staff.get("/messages")
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    who = f"visitor {swapped['visitor'].partition('.')[0][-4:]}"
    assert who in plain(page.text)
    assert "(212) 555-0199" in page.text
    assert "2 pictures or files" in page.text
    assert f"/messages/{text['id']}#visit" in page.text
    one = staff.get(f"/messages/{text['id']}")
    assert "<script>alert" not in one.text
    said = plain(one.text)
    assert f"The visit of {who}" in said
    assert "wrote the text" in said
    assert "landed on" in said
    assert "nobody from the site" in said
    assert "Why " in said
    chosen = staff.get(f"/messages/{text['id']}?visit={'0' * 32}")
    assert f"The visit of {who}" in plain(chosen.text)


def test_a_text_nobody_from_the_site_can_have_written(lite_office: Office) -> None:
    board = lite_office.source(lite_office.site(), kind="offline", name="Billboard")
    write(lite_office, board["pool"][0], "", From="ACME")
    (text,) = texts(lite_office)
    one = plain(Staff.of(lite_office).get(f"/messages/{text['id']}").text)
    assert "Text from ACME" in one
    assert "no words" in one
    assert "Nobody on the site was shown this number before the text" in one


def test_filters_stand_in_the_url_and_pages_follow(lite_server: Served, lite_office: Office) -> None:
    source = lite_office.source(lite_office.site())
    start = lite_server.clock()
    for minute in range(52):
        lite_server.clock.frozen = start + timedelta(minutes=minute)
        write(lite_office, source["pool"][0], f"text number {minute:02d}")
    lite_server.clock.frozen = None
    staff = Staff.of(lite_office)
    page = staff.get("/messages?when=7").text
    assert "text number 51" in page
    assert "text number 01" not in page
    older = re.search(r'href="(/messages\?[^"]*older=[^"]+)"', page)
    assert older
    second = staff.get(older.group(1).replace("&amp;", "&")).text
    assert ("text number 01" in second, "text number 02" in second, "Newer" in second) == (True, False, True)
    assert "No text fits these filters" in staff.get("/messages?q=elsewhere").text
    assert "text number 07" in staff.get("/messages?q=number+07&source=google_ads&caller=%2B12125550199").text
    assert staff.get("/messages?number=abc").status_code == 422
    assert staff.get("/messages?when=tuesday").status_code == 422


def test_texts_of_others_are_not_shown(lite_server: Served, lite_office: Office, sqlite_url: str) -> None:
    source = lite_office.source(lite_office.site())
    write(lite_office, source["pool"][0], "a secret")
    (text,) = texts(lite_office)
    stranger = Staff.of(Office.open(lite_server.url, sqlite_url))
    assert "a secret" not in stranger.get("/messages").text
    assert stranger.get(f"/messages/{text['id']}").status_code == 404
