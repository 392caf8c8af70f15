"""The OpenAPI document held against the server by an independent fuzzer: nothing undocumented, no fault of ours."""

import time
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.types import Receive, Scope, Send

from kpi.api.app import application, described
from kpi.api.tokens import Tokens

MODEST = settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)


def fuzzed(plant_file: Path, headers: dict[str, str]) -> int:
    """Every operation with what its document allows; how many were called."""
    app = application(plant_file)

    async def local(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["client"] = ("127.0.0.1", 5000)
        await app(scope, receive, send)

    schema = schemathesis.openapi.from_dict(described(app))
    schema.app = local
    operations = 0
    for operation in schema.get_all_operations():
        operations += 1

        @MODEST
        @given(case=operation.ok().as_strategy())
        def called(case: schemathesis.Case) -> None:
            answer = case.call(headers={"Host": "localhost", **headers})
            assert answer.status_code < 500, answer.text
            case.validate_response(answer, excluded_checks=[positive_data_acceptance])

        called()
    return operations


@pytest.mark.timeout(240)
def test_without_tokens_everything_is_as_documented(plant_file: Path) -> None:
    assert fuzzed(plant_file, {}) >= 10


@pytest.mark.timeout(240)
def test_with_a_token_everything_is_as_documented(plant_file: Path, tokens: Tokens) -> None:
    text = tokens.create(["admin"], time.time_ns())
    assert fuzzed(plant_file, {"Authorization": f"Bearer {text}"}) >= 10


@pytest.mark.timeout(240)
def test_with_a_wrong_token_everything_is_as_documented(plant_file: Path, tokens: Tokens) -> None:
    tokens.create(["admin"], time.time_ns())
    wrong = tokens.create(["assess"], time.time_ns())
    assert fuzzed(plant_file, {"Authorization": f"Bearer {wrong}"}) >= 10
