"""Mail handed to a real mail server."""

from datetime import UTC, datetime

import pytest

from app.mail import Mail, MailFailed, MailServer, send
from tests.support.post import mail_server
from tests.support.serving import free_port

SENDER = "alarms@example.com"


def mail(*to: str, subject: str = "Google Ads is under its target") -> Mail:
    return Mail(
        to=to or ("anna@example.com", "desk@example.com"),
        subject=subject,
        text="Grüße: 86 % statt 90 %.\n",
        message_id="a1.opened@example.com",
        at=datetime(2026, 4, 15, 15, tzinfo=UTC),
    )


def test_it_arrives_whole() -> None:
    with mail_server() as box:
        send(MailServer.of(f"smtp://127.0.0.1:{box.port}"), SENDER, mail())
    [message] = box.mails
    assert (message["From"], message["To"]) == (SENDER, "anna@example.com, desk@example.com")
    assert (message["Subject"], message["Message-ID"]) == ("Google Ads is under its target", "<a1.opened@example.com>")
    assert message["Date"] == "Wed, 15 Apr 2026 15:00:00 +0000"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().strip() == "Grüße: 86 % statt 90 %."  # type: ignore[attr-defined]
    assert box.recipients == [["anna@example.com", "desk@example.com"]]


def test_a_subject_cannot_bring_headers_of_its_own() -> None:
    with mail_server() as box:
        send(MailServer.of(f"smtp://127.0.0.1:{box.port}"), SENDER, mail(subject="x\r\nBcc: spy@example.com"))
    assert "Bcc" not in box.mails[0]
    assert box.recipients == [["anna@example.com", "desk@example.com"]]


def test_user_and_password_are_used_and_never_shown() -> None:
    with mail_server(users={"me@x": "pa:ss/word"}) as box:
        server = MailServer.of(f"smtp://me%40x:pa%3Ass%2Fword@127.0.0.1:{box.port}")
        send(server, SENDER, mail())
        assert (box.logins, len(box.mails)) == (["me@x"], 1)
        wrong = MailServer.of(f"smtp://me%40x:other@127.0.0.1:{box.port}")
        with pytest.raises(MailFailed, match="does not take the user and password") as failed:
            send(wrong, SENDER, mail())
    assert "pa:ss" not in repr(server)
    assert "other" not in str(failed.value)


def test_what_is_not_taken_is_said() -> None:
    with mail_server() as box:
        server = MailServer.of(f"smtp://127.0.0.1:{box.port}")
        box.refuses = {"anna@example.com"}
        with pytest.raises(MailFailed, match=r"does not take anna@example\.com"):
            send(server, SENDER, mail())
        assert box.recipients == [["desk@example.com"]], "the others have theirs"
        with pytest.raises(MailFailed, match="none of the addresses"):
            send(server, SENDER, mail("anna@example.com"))
    with pytest.raises(MailFailed, match="could not be used"):
        send(MailServer.of(f"smtp://127.0.0.1:{free_port()}"), SENDER, mail())


@pytest.mark.parametrize(
    "url", ["mail.example.com", "http://x", "smtp://", "smtp://user@host", "smtp://h:x", "smtp://h/path", "smtp://h?x"]
)
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        MailServer.of(url)


def test_ports_by_default() -> None:
    assert (MailServer.of("smtp://h").port, MailServer.of("smtps://h").port) == (25, 465)
    assert MailServer.of("smtps://h:2465").tls
