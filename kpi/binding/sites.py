"""Rules about risks, hazards, tanks and pollutants: process values whose name begins with one of these words.

`risk_gas` is a value, `risk_gas_alarm` its alarm. An alarm that is polled at least so often is known so soon.
"""

from collections.abc import Callable
from fractions import Fraction

from kpi.binding.ground import Ground, of_kind
from kpi.binding.parameters import Parameters, share, within
from kpi.binding.tally import Tally
from kpi.forms.measured import Holding

ALARM = "_alarm"
Asked = Callable[[Ground, Parameters], Holding]


def _online(ground: Ground, kind: str, least: Fraction) -> Tally:
    found = Tally()
    for point in of_kind(ground.plant, kind):
        found.add(".".join(point.key), ground.heard(*point.key).reaches(least))
    return found


def _alarms(ground: Ground, kind: str, p: Parameters) -> Holding:
    latest, found = within(p, "latency"), Tally()
    for point in of_kind(ground.plant, kind):
        if point.name.endswith(ALARM):
            slow = latest is not None and point.every > latest
            met = ground.heard(*point.key).reaches(ground.plant.rules.coverage)
            found.add(".".join(point.key), False if slow else met)
    return found.every(ground.told())


def risk_points_online(ground: Ground, p: Parameters) -> Holding:
    least = share(p, "share")
    return _online(ground, "risk", least).every(ground.told(at_least=least))


def risk_alarms(ground: Ground, p: Parameters) -> Holding:
    return _alarms(ground, "risk", p)


def hazard_alarms(ground: Ground, p: Parameters) -> Holding:
    return _alarms(ground, "hazard", p)


def tanks_online(ground: Ground, p: Parameters) -> Holding:
    least = share(p, "share")
    return _online(ground, "tank", least).every(ground.told(at_least=least))


def tank_alarms(ground: Ground, p: Parameters) -> Holding:
    return _alarms(ground, "tank", p)


def pollution_recorded(ground: Ground, p: Parameters) -> Holding:
    required = ground.plant.rules.coverage
    return _online(ground, "pollutant", required).least(1, ground.told(at_least=required))


def pollution_alarms(ground: Ground, p: Parameters) -> Holding:
    return _alarms(ground, "pollutant", p)
