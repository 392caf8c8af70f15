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


def _heard(ground: Ground, kind: str, least: Fraction) -> Tally:
    found = Tally()
    for point in of_kind(ground.plant, kind):
        found.add(".".join(point.key), ground.heard(*point.key).reaches(least))
    return found


def _online(kind: str) -> Asked:
    def rule(ground: Ground, p: Parameters) -> Holding:
        least = share(p, "share")
        return _heard(ground, kind, least).every(ground.told(at_least=least))

    return rule


def _alarms(kind: str) -> Asked:
    def rule(ground: Ground, p: Parameters) -> Holding:
        latest, found = within(p, "latency"), Tally()
        for point in of_kind(ground.plant, kind):
            if point.name.endswith(ALARM):
                slow = latest is not None and point.every > latest
                met = ground.heard(*point.key).reaches(ground.plant.rules.coverage)
                found.add(".".join(point.key), False if slow else met)
        return found.every(ground.told())

    return rule


risk_points_online, tanks_online = map(_online, ("risk", "tank"))
risk_alarms, hazard_alarms, tank_alarms, pollution_alarms = map(_alarms, ("risk", "hazard", "tank", "pollutant"))


def pollution_recorded(ground: Ground, p: Parameters) -> Holding:
    required = ground.plant.rules.coverage
    return _heard(ground, "pollutant", required).least(1, ground.told(at_least=required))
