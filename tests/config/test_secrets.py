"""A secret is read where it stands, and where it does not, the place is named."""

from pathlib import Path

import pytest

from config.plant import Secret
from config.secrets import revealed


def test_of_a_file_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text(" hunter2 \n", encoding="utf-8")
    assert revealed(Secret(file=tmp_path / "pw")) == " hunter2 "


def test_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMBA_TEST_SECRET", "hunter2")
    assert revealed(Secret(env="GEMBA_TEST_SECRET")) == "hunter2"


@pytest.mark.parametrize(
    ("content", "message"), [(None, "No such file or directory"), (b"hunter2\xff", "pw is not UTF-8 text")]
)
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "pw").write_bytes(content)
    with pytest.raises(OSError, match=message) as raised:
        revealed(Secret(file=tmp_path / "pw"))
    assert "hunter2" not in str(raised.value)


def test_a_variable_that_is_not_set() -> None:
    with pytest.raises(OSError, match="the environment variable GEMBA_TEST_NOT_SET is not set"):
        revealed(Secret(env="GEMBA_TEST_NOT_SET"))
