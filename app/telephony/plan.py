"""What a caller is to hear: the destination's ringing, or that the number is nobody's."""

from app.telephony.base import Dial, IncomingCall, Plan
from app.telephony.record import Connection, connection_of
from store.sessions import AccountSession

NOBODYS = "The number you have dialed is not in service. Please check the number and dial again."


def plan_of(session: AccountSession, incoming: IncomingCall, *, base: str) -> Plan | None:
    """How this account connects the call: the same for the same call, however often asked. None: not its number.

    `base` is our public address, under which the provider reaches us.
    """
    connection = connection_of(session, incoming)
    return dial(connection, base=base) if connection is not None else None


def dial(connection: Connection, *, base: str) -> Dial:
    """Rings the destination and has each attempt told of; records the call where its caller is told so first."""
    return Dial(
        destination=connection.destination,
        report_to=f"{base}/webhooks/twilio/status",
        notice=connection.notice,
        record_to=f"{base}/webhooks/twilio/recording" if connection.notice else None,
    )
