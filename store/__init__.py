"""What was measured, kept: the journal (durable log and embedded historian) and InfluxDB, both read the same way."""


class StoreError(Exception):
    """A store cannot do what was asked: it is locked by another agent, cannot be opened, or did not answer. The text
    says where, what and what to do. Raised by opening and by each operation; never for a row that is merely absent.

    `fatal`: the store can no longer promise what it acknowledges (the disk failed a sync): the process must end and
    start anew. Otherwise the same call may be tried again later, as it was: nothing of it was kept.
    """

    def __init__(self, text: str, *, fatal: bool = False) -> None:
        super().__init__(text)
        self.fatal = fatal


__all__ = ["StoreError"]
