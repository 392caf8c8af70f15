"""Facts of past days and the first page, formed before anybody asks: when the server starts, and whenever a production
day is over."""

import logging
import subprocess
import sys
import threading

from config import span
from config.zone import EPOCH
from kpi.api.service import Service

LOOK = 60.0  # seconds between looks at the clock
SETTLED = 5 * 60 * 10**9  # so long after the end of a day its last rows have come [ns]
STEP, LONGEST = 0.2, 1800.0  # seconds between looks at the process, and that it may take
LARGE = 100  # assets
log = logging.getLogger("gemba.facts")


class Ahead:
    """A thread that waits for a process. In a large plant that has no facts yet questions wait for it too, rather than
    do the same work beside it."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ahead", daemon=True)

    def start(self) -> None:
        plant, archive = self._service.plant(), self._service.archive()
        if len(plant.assets) >= LARGE and not archive.path("slices", self._last()).exists():
            self._service.forming = threading.Event()
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def _last(self) -> int:
        """The last production day whose rows have come, in days since 1970."""
        plant = self._service.plant()
        return span.last_day(plant, plant.calendar, self._service.clock() - SETTLED).day.toordinal() - EPOCH

    def _run(self) -> None:
        formed = None
        while not self._stopped.is_set():
            try:
                if (last := self._last()) != formed:
                    self._form()
                    formed = last
            except OSError as error:
                log.warning("facts are not formed ahead (got %s); each first question forms its own", error)
            finally:
                if self._service.forming is not None:
                    self._service.forming.set()
            self._stopped.wait(LOOK)

    def _form(self) -> None:
        process = subprocess.Popen([sys.executable, "-P", "-m", "kpi.api.forming", str(self._service.file.resolve())])
        waited = 0.0
        while process.poll() is None and waited < LONGEST and not self._stopped.wait(STEP):
            waited += STEP
        if process.poll() is None:
            process.kill()
        process.wait()
