"""What was measured, kept: the journal (durable log and embedded historian) and InfluxDB, both read the same way."""


class StoreError(Exception):
    """A store cannot do what was asked: it is locked by another agent, cannot be opened, or did not answer. The text
    says where, what and what to do. Raised by opening and by each operation; never for a row that is merely absent."""


__all__ = ["StoreError"]
