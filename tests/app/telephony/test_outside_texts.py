"""Texts from an emulator of Twilio that was not written here, and where Twilio's own document has recordings."""

import requests

from app.telephony.twilio_media import recording_address
from tests.app.telephony.test_texts import texts
from tests.support.office import Office
from tests.support.outside import Outside


def test_the_emulators_texts_are_taken_and_matched(lite_office: Office, twilio_emulator: Outside) -> None:
    credentials = {"account_sid": twilio_emulator.sid, "auth_token": twilio_emulator.token}
    lite_office.api("PUT", "/providers/twilio", credentials, expect=200)
    site = lite_office.site()
    [number] = lite_office.source(site)["pool"]
    made = twilio_emulator.ask(
        "POST",
        f"/2010-04-01/Accounts/{twilio_emulator.sid}/IncomingPhoneNumbers.json",
        data={"PhoneNumber": number, "SmsUrl": f"{lite_office.url}/webhooks/twilio/sms", "SmsMethod": "POST"},
    )
    assert made.ok, made.text
    swapped = lite_office.swap(site).json()
    words = "Grüße & <b>hi</b> +1 100% 💥"
    sent = twilio_emulator.ask(
        "POST", "/_twilio/simulate/inbound-message", data={"From": "+12125550199", "To": number, "Body": words}
    )
    assert sent.ok, sent.text
    (text,) = texts(lite_office)
    assert (text["provider_message_id"], text["body"]) == (sent.json()["sid"], words)
    assert (text["from"], text["to"], text["match"]["visit"]) == ("+12125550199", number, swapped["visit"])


def test_a_built_address_is_one_that_twilios_document_knows(twilio_documents: str) -> None:
    account, recording = "AC" + "0a" * 16, "RE" + "1b" * 16
    address = recording_address("https://api.twilio.com/somewhere", account, recording)
    assert address is not None
    known = address.replace("https://api.twilio.com", twilio_documents)
    auth = (account, "token")
    assert requests.get(f"{known}.json", auth=auth, timeout=30).status_code == 200
    assert requests.get(f"{known.replace('RE', 'XX')}.json", auth=auth, timeout=30).status_code == 422
