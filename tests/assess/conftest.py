"""One simulated factory for all."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.assess.plants import Factory, built


@pytest.fixture(scope="package")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Factory]:
    made = built(tmp_path_factory.mktemp("factory"))
    with closing(made.reader):
        yield made
