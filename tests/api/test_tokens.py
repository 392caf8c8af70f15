"""Tokens are shown once, kept as a hash, end when they say, and let nobody in by accident."""

import json
import stat
from pathlib import Path

import pytest

from gemba.cli import main
from kpi.api.tokens import Allowance, Tokens
from store import StoreError

SECOND = 1_000_000_000
SMALLEST = "plant: p-01\ntimezone: Asia/Shanghai\ndata: ./data\n"


def test_a_token_is_found_by_its_whole_text_alone(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    text = tokens.create(["read:kpi"], now=100)
    found = tokens.find(text)
    assert found is not None
    assert found.scopes == ("read:kpi",)
    for other in ("", "kpi", text[:-1], text + "x", text.replace("kpi_", "kpj_"), "kpi_" + found.id + "_" + "A" * 43):
        assert tokens.find(other) is None


def test_the_file_holds_no_secret_and_is_its_owners_alone(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    text = tokens.create(["admin"], now=100)
    kept = tokens.path.read_text()
    assert text not in kept
    assert text.split("_", 2)[2] not in kept
    assert stat.S_IMODE(tokens.path.stat().st_mode) == 0o600


def test_it_ends_when_it_says(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    found = tokens.find(tokens.create(["assess"], now=100, lasts=50))
    assert found is not None
    assert not found.expired(149)
    assert found.expired(150)


def test_admin_allows_everything_and_others_only_what_they_name(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    admin, reader = tokens.find(tokens.create(["admin"], 1)), tokens.find(tokens.create(["read:kpi"], 1))
    assert admin is not None
    assert reader is not None
    assert [t.allows("read:series") for t in (admin, reader)] == [True, False]


def test_a_revocation_counts_at_once_in_another_process(tmp_path: Path) -> None:
    serving, cli = Tokens(tmp_path), Tokens(tmp_path)
    text = cli.create(["read:kpi"], 1)
    found = serving.find(text)
    assert found is not None
    assert cli.revoke(found.id)
    assert serving.find(text) is None
    assert not cli.revoke(found.id)


def test_a_broken_file_lets_nobody_in(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    tokens.path.write_text("[{}]")
    with pytest.raises(StoreError, match="not a list of tokens"):
        tokens.find("kpi_a_b")


def test_a_rate_is_allowed_and_no_more() -> None:
    allowance = Allowance(burst=2, rate=1.0)
    assert [allowance.take("a", 0) for _ in range(3)] == [0.0, 0.0, 1.0]
    assert allowance.take("b", 0) == 0.0
    assert allowance.take("a", SECOND) == 0.0
    assert allowance.take("a", SECOND + SECOND // 2) == 0.5


def test_the_command_makes_lists_and_revokes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant = tmp_path / "plant.yaml"
    plant.write_text(SMALLEST)
    assert main(["token", "create", str(plant), "--scope", "read:kpi,assess", "--expires", "90d"]) == 0
    text = capsys.readouterr().out.strip()
    assert text.startswith("kpi_")
    assert main(["token", "list", str(plant), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["scopes"] == ["read:kpi", "assess"]
    assert row["id"] == text.split("_")[1]
    assert main(["token", "revoke", str(plant), row["id"]]) == 0
    assert Tokens(tmp_path / "data").all() == ()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--scope", "all"], "which scopes? (got all); give --scope with some of read:kpi,read:series,assess,admin"),
        ([], "which scopes?; give --scope with some of read:kpi,read:series,assess,admin"),
        (["--scope", "admin", "--expires", "soon"], "--expires must be a duration (got soon); write 90d or 12h"),
    ],
)
def test_wrong_words_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    plant = tmp_path / "plant.yaml"
    plant.write_text(SMALLEST)
    assert main(["token", "create", str(plant), *words]) == 2
    assert capsys.readouterr().err == f"gemba token: {message}\n"
