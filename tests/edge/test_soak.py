"""The soak itself, for a few seconds; and that its oracle sees what it is there to see."""

import subprocess
import sys
from pathlib import Path

from tests.edge.child import until
from tests.edge.coded import Site, collecting, site
from tests.soak import verdict

TOP = Path(__file__).parents[2]


def test_a_few_seconds_of_everything_at_once() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak", "--seconds", "8"], cwd=TOP, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verdict: everything holds" in done.stdout


async def kept(folder: Path) -> tuple[Site, list[str], list[str], list[str]]:
    """The verdicts: of a sound run, with a number that nobody issued, and with one that is not there."""
    async with site(folder, 1) as plant:
        (device,) = plant.devices
        async with collecting(plant.plant):
            await until(lambda: len(device.issued) > 12)
        sound = verdict(plant, device)
        gone = device.issued.pop(6)
        foreign = verdict(plant, device)
        device.issued.insert(6, gone)
        found = plant.rows(1)
        plant.rows = lambda number: found[:6] + found[7:]  # type: ignore[method-assign]
        return plant, sound, foreign, verdict(plant, device)


async def test_the_oracle_sees_what_is_foreign_and_what_is_missing(tmp_path: Path) -> None:
    _, sound, foreign, missing = await kept(tmp_path)
    assert sound == []
    assert foreign == [f"device 1: 1 foreign values, such as {10_000_006}"]
    assert len(missing) == 1
    assert "1 holes without a gap on record" in missing[0]
