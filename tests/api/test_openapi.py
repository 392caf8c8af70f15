"""The OpenAPI document held against the server by an independent fuzzer, all checks on: what it may be asked and what
it may not, nothing undocumented, no fault of ours."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.types import Receive, Scope, Send

from kpi.api.app import application, described
from kpi.api.tokens import Tokens

MODEST = settings(
    max_examples=10,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
OPERATIONS = 12


def meaningless(answer: schemathesis.Response) -> bool:
    """Whether what was sent has the shape that the document asks for and still no meaning: a window that ends before it
    begins, the 30th of February, answers to items that a form does not have. A fault of shape names `query` or `body`.
    """
    if answer.status_code != 422:
        return False
    faults = answer.json().get("faults", [])
    return bool(faults) and all(fault["where"].split(".")[0] not in ("query", "body", "path") for fault in faults)


def local(plant_file: Path) -> schemathesis.BaseSchema:
    """The document, and the server behind it as if on loopback."""
    app = application(plant_file)

    async def from_loopback(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["client"] = ("127.0.0.1", 5000)
        await app(scope, receive, send)

    schema = schemathesis.openapi.from_dict(described(app))
    schema.app = from_loopback
    return schema


@pytest.fixture(params=list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
def mode(request: pytest.FixtureRequest) -> schemathesis.GenerationMode:
    """What the document allows, and what it does not."""
    found: schemathesis.GenerationMode = request.param
    return found


def fuzzed(plant_file: Path, mode: schemathesis.GenerationMode, headers: dict[str, str]) -> dict[str, set[int]]:
    """Every operation; and with what it answered."""
    operations = [found.ok() for found in local(plant_file).get_all_operations() if isinstance(found, Ok)]
    return {operation.label: answered(operation, mode, headers) for operation in operations}


def answered(
    operation: schemathesis.APIOperation[Any, Any, Any, Any], mode: schemathesis.GenerationMode, headers: dict[str, str]
) -> set[int]:
    codes = set()

    @MODEST
    @given(case=operation.as_strategy(mode))
    def called(case: schemathesis.Case[Any]) -> None:
        answer = case.call(headers={"Host": "localhost", **headers})
        codes.add(answer.status_code)
        excused: list[Any] = [positive_data_acceptance] if meaningless(answer) else []
        case.validate_response(answer, excluded_checks=excused)

    with suppress(Unsatisfiable):  # what takes no parameter cannot be given a wrong one
        called()
    return codes


@pytest.mark.timeout(240)
def test_without_tokens_everything_is_as_documented(plant_file: Path, mode: schemathesis.GenerationMode) -> None:
    found = fuzzed(plant_file, mode, {})
    assert len(found) == OPERATIONS
    if mode is schemathesis.GenerationMode.POSITIVE:
        read = {label for label, codes in found.items() if 200 in codes}
        assert {label for label in found if "{id}" not in label} <= read


@pytest.mark.timeout(240)
def test_with_a_token_everything_is_as_documented(
    plant_file: Path, mode: schemathesis.GenerationMode, tokens: Tokens
) -> None:
    text = tokens.create(["admin"], time.time_ns())
    assert len(fuzzed(plant_file, mode, {"Authorization": f"Bearer {text}"})) == OPERATIONS


@pytest.mark.timeout(240)
def test_with_a_wrong_token_everything_is_as_documented(plant_file: Path, tokens: Tokens) -> None:
    tokens.create(["admin"], time.time_ns())
    wrong = tokens.create(["assess"], time.time_ns())
    found = fuzzed(plant_file, schemathesis.GenerationMode.POSITIVE, {"Authorization": f"Bearer {wrong}"})
    assert found["GET /api/v1/kpis"] <= {403, 429}
