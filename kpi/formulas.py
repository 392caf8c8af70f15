"""The KPIs of ISO 22400-2 (and four that are not in it) as pure ratios: exact in, exact out, None for 0/0.

Arguments carry the standard's abbreviations (docs/nomenclature.md). Times may be in any one unit, quantities in any
other; what comes out has the unit that is named. `pri_pq` is the planned run time of all that was produced, Σ PRI · PQ
over products, in the unit of the times.
"""

from fractions import Fraction
from typing import TypeAlias

Exact: TypeAlias = int | Fraction


def ratio(over: Exact, under: Exact) -> Fraction | None:
    """A quotient; None where there is nothing to divide by."""
    if not under:
        return None
    return Fraction(over, under) if isinstance(over, int) and isinstance(under, int) else Fraction(over) / under


def availability(apt: Exact, pbt: Exact, u: Exact = 0) -> Fraction | None:
    """The share of planned busy time in which the machine produced. APT / (PBT − U) [1]. ISO 22400-2, availability.

    >>> availability(apt=373, pbt=420)
    Fraction(373, 420)
    """
    return ratio(apt, pbt - u)


def effectiveness(pri_pq: Exact, apt: Exact, pbt: Exact = 1, u: Exact = 0) -> Fraction | None:
    """How fast it produced against plan. PRI · PQ / APT, times (PBT − U) / PBT [1]. ISO 22400-2, effectiveness.

    The second factor is 1 when nothing is unknown; it makes A · E · Q = OEE hold when something is.

    >>> effectiveness(pri_pq=88, apt=80)
    Fraction(11, 10)
    """
    return ratio(pri_pq * (pbt - u), apt * pbt)


def quality(pri_gq: Exact, pri_pq: Exact) -> Fraction | None:
    """The share of good in what was produced. PRI · GQ / PRI · PQ, so products weigh by PRI [1]. ISO 22400-2.

    >>> quality(pri_gq=38, pri_pq=40)
    Fraction(19, 20)
    """
    return ratio(pri_gq, pri_pq)


def oee(pri_gq: Exact, pbt: Exact) -> Fraction | None:
    """The share of planned busy time that good pieces needed. PRI · GQ / PBT [1]. ISO 22400-2, OEE index.

    >>> oee(pri_gq=54, pbt=100)
    Fraction(27, 50)
    """
    return ratio(pri_gq, pbt)


def nee(pri_gq: Exact, pbt: Exact, apt: Exact, aust: Exact) -> Fraction | None:
    """OEE with setup not counted as a loss. OEE · (APT + AUST) / APT [1]. ISO 22400-2, NEE index.

    >>> nee(pri_gq=54, pbt=100, apt=60, aust=20)
    Fraction(18, 25)
    """
    return ratio(pri_gq * (apt + aust), pbt * apt)


def teep(pri_gq_all: Exact, window: Exact) -> Fraction | None:
    """The share of all calendar time that all good pieces needed. PRI · all good / window [1]. Not in ISO 22400-2.

    >>> teep(pri_gq_all=10, window=24)
    Fraction(5, 12)
    """
    return ratio(pri_gq_all, window)


def loading(pbt: Exact, window: Exact) -> Fraction | None:
    """The share of calendar time that was planned. PBT / window [1]. Not in ISO 22400-2.

    >>> loading(pbt=120, window=168)
    Fraction(5, 7)
    """
    return ratio(pbt, window)


def utilization_efficiency(apt: Exact, aubt: Exact) -> Fraction | None:
    """Producing while busy with an order. APT / AUBT, AUBT = APT + AUST + ADET [1]. ISO 22400-2.

    >>> utilization_efficiency(apt=60, aubt=80)
    Fraction(3, 4)
    """
    return ratio(apt, aubt)


def allocation_efficiency(aubt: Exact, pbt: Exact) -> Fraction | None:
    """The share of planned busy time in which an order was on the machine. AUBT / PBT [1]. ISO 22400-2.

    >>> allocation_efficiency(aubt=80, pbt=100)
    Fraction(4, 5)
    """
    return ratio(aubt, pbt)


def technical_efficiency(apt: Exact, adet: Exact) -> Fraction | None:
    """Producing against producing and delay. APT / (APT + ADET) [1]. ISO 22400-2.

    >>> technical_efficiency(apt=60, adet=20)
    Fraction(3, 4)
    """
    return ratio(apt, apt + adet)


def setup_rate(aust: Exact, apt: Exact) -> Fraction | None:
    """The share of setup in processing. AUST / (APT + AUST) [1]. ISO 22400-2, setup ratio.

    >>> setup_rate(aust=20, apt=60)
    Fraction(1, 4)
    """
    return ratio(aust, apt + aust)


def production_rate(pq: Exact, apt: Exact) -> Fraction | None:
    """Pieces per time of production. PQ / APT [pieces per unit of APT]. ISO 22400-2 relates throughput to AOET instead.

    >>> production_rate(pq=120, apt=2)
    Fraction(60, 1)
    """
    return ratio(pq, apt)


def scrap_ratio(sq: Exact, pq: Exact) -> Fraction | None:
    """The share of scrap in what was produced. SQ / PQ [1]. ISO 22400-2, scrap ratio.

    >>> scrap_ratio(sq=58, pq=2000)
    Fraction(29, 1000)
    """
    return ratio(sq, pq)


def rework_ratio(rq: Exact, pq: Exact) -> Fraction | None:
    """The share of rework in what was produced. RQ / PQ [1]. ISO 22400-2, rework ratio.

    >>> rework_ratio(rq=34, pq=2000)
    Fraction(17, 1000)
    """
    return ratio(rq, pq)


def first_pass_yield(pq: Exact, sq: Exact, rq: Exact) -> Fraction | None:
    """Right at the first attempt. (PQ − SQ − RQ) / PQ [1]. ISO 22400-2, first pass yield (GP / IP).

    >>> first_pass_yield(pq=100, sq=10, rq=5)
    Fraction(17, 20)
    """
    return ratio(pq - sq - rq, pq)


def mtbf(operating: Exact, failures: int) -> Fraction | None:
    """Mean operating time between failures. (running + setup) / failures [unit of time]. ISO 22400-2, over FE.

    >>> mtbf(operating=111, failures=3)
    Fraction(37, 1)
    """
    return ratio(operating, failures)


def mttr(repair: Exact, failures: int) -> Fraction | None:
    """Mean time to restoration. Repair time / failures [unit of time]. ISO 22400-2, over FE.

    >>> mttr(repair=9, failures=3)
    Fraction(3, 1)
    """
    return ratio(repair, failures)


def energy_per_piece(energy: Exact, pieces: Exact) -> Fraction | None:
    """All energy of the window per piece made in it. E / PQ [kWh]. ISO 22400-2, comprehensive energy consumption.

    >>> energy_per_piece(energy=30, pieces=120)
    Fraction(1, 4)
    """
    return ratio(energy, pieces)


def apc_in_service(apc: Exact, known: Exact) -> Fraction | None:
    """Process control in service. Running in mode apc / running with a known mode [1]. No clause.

    >>> apc_in_service(apc=45, known=60)
    Fraction(3, 4)
    """
    return ratio(apc, known)


def water_reuse(reused: Exact, fresh: Exact) -> Fraction | None:
    """The share of reused in all water used. Reused / (fresh + reused) [1]. No clause.

    >>> water_reuse(reused=30, fresh=70)
    Fraction(3, 10)
    """
    return ratio(reused, fresh + reused)


def line_oee(pri_gq: Exact, pbt: Exact) -> Fraction | None:
    """OEE of stations in series: good of the last · PRI of the bottleneck / PBT of the bottleneck [1]. No clause.

    >>> line_oee(pri_gq=54, pbt=100)
    Fraction(27, 50)
    """
    return ratio(pri_gq, pbt)
