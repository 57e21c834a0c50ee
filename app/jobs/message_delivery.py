"""Jobs that send customer-service messages, and the pictures that agents answer with."""

from datetime import datetime

from app.jobs import media_transfers
from config.database import read_only, transaction
from matrix import conversations, outbound
from matrix.wechat import gateway


def deliver_message(*, outbound_id: int, now: datetime) -> None:
    """Send one customer-service message; a conversation whose reply was refused waits again.

    Raises Temporary to be tried again, for an hour at most after queueing.
    """
    with transaction():
        # Committed before the call, so that a worker that dies during it leaves the message in
        # SENDING; the next one sends it again (docs/decisions/0003).
        delivery = outbound.begin_delivery(outbound_id, now=now)
    if delivery is not None:
        result = outbound.send(delivery, now=now)
        with transaction():
            outbound.record_result(result, now=now)
    # Also for a message that was settled before: the worker that did so may have died here.
    with transaction():
        conversations.record_delivery(outbound_id)


def send_image(*, agent_reply_id: int, now: datetime) -> None:
    """Upload the picture of an agent's reply for its account, then queue the message.

    Raises Temporary to be tried again.
    """
    with read_only():
        needed = conversations.find_image_to_upload(agent_reply_id)
    if needed is None:
        return
    account_id, file_id = needed
    try:
        media_transfers.upload_media(account_id=account_id, file_id=file_id, now=now)
    except (gateway.Refused, gateway.NotAuthorised) as error:
        with transaction():
            conversations.mark_image_failed(agent_reply_id, str(error))
        return
    with transaction():
        conversations.send_image(agent_reply_id, now=now)
