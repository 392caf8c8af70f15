"""sd_notify: tells the supervisor that the agent is ready, and that work goes on; silent where there is none."""

import os
import socket


def notify(message: str) -> bool:
    """Whether a supervisor was told."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        try:
            door.sendto(message.encode(), "\0" + address[1:] if address.startswith("@") else address)
        except OSError:
            return False
    return True


def watchdog_interval() -> float | None:
    """Half of what the supervisor waits for a sign of progress [s]; None where it does not watch."""
    period = os.environ.get("WATCHDOG_USEC", "")
    pid = os.environ.get("WATCHDOG_PID")
    if not period.isdigit() or (pid and pid != str(os.getpid())):
        return None
    return int(period) / 2e6
