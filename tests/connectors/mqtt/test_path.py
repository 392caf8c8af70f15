"""Where in a document a value stands: what is written is read again, and what is no path is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.json_path import parse, written


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a", ("a",)),
        ("a.b[0].c", ("a", "b", 0, "c")),
        ("[2]", (2,)),
        ("a[0][1]", ("a", 0, 1)),
        ('a."b.c".d', ("a", "b.c", "d")),
        ('a["b.c"].d', ("a", "b.c", "d")),
        (r'"say \"hi\" \\"', (r'say "hi" \\'.replace("\\\\", "\\"),)),
        ("温度.区 1", ("温度", "区 1")),
        ("a-b:c/d$", ("a-b:c/d$",)),
    ],
)
def test_a_path_is_read(text: str, path: tuple[str | int, ...]) -> None:
    assert parse(text) == path


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a[", "a[x]", "a[-1]", 'a."b', "a]b", "a[0]b", '"a"b'])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no JSON path"):
        parse(text)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.text(max_size=8), st.integers(0, 10**9 - 1)), min_size=1, max_size=5))
def test_a_path_that_is_written_is_read_again(path: list[str | int]) -> None:
    assert parse(written(tuple(path))) == tuple(path)
