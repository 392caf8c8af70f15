"""One InfluxDB over HTTP: lines in, InfluxQL out, and a place for them that keeps as long as the plant file says.

2.x is written and provisioned through its client library's synchronous calls, 1.x by plain HTTP; both are asked by
InfluxQL over `/query`. Nothing here tries again, and nothing waits longer than its deadline.
"""

import base64
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

import urllib3

from config.plant import InfluxDB
from config.secrets import revealed
from store import StoreError
from store.influx.answer import DONE, Answer, answered, message

CONNECT, WRITE, QUERY = 5.0, 15.0, 120.0  # [s]
CONNECTIONS = 4  # at once; whoever comes then waits
DAY = 86400
LAST = b"\n\nname,tags,name\ndatabases,"  # the answer to what is asked last: everything before it was answered
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """Where lines go: how long it keeps them [s] (None: for ever), and whether it was made just now."""

    keeps: int | None
    made: bool = False


class Server(ABC):
    """A connection is made when it is needed. Secrets are read then, and again for each new one."""

    def __init__(self, of: InfluxDB, patience: float = QUERY) -> None:
        """`patience` [s]: how long an answer to a question may keep silent."""
        self.of, self.patience = of, patience
        self._pool = urllib3.PoolManager(num_pools=1, maxsize=CONNECTIONS, block=True, retries=False)

    @property
    @abstractmethod
    def database(self) -> tuple[str, str | None]:
        """Database and retention policy, as InfluxQL calls the place."""

    @property
    @abstractmethod
    def authorization(self) -> Mapping[str, str]:
        """Raises OSError where the secret is not to be had."""

    @abstractmethod
    def write(self, body: bytes) -> Answer:
        """Line protocol with times in nanoseconds."""

    @abstractmethod
    def prepare(self, days: int) -> Place | Answer:
        """The place, made to keep `days` where there was none; or why it cannot be written to."""

    def close(self) -> None:
        self._pool.clear()

    # -- InfluxQL ------------------------------------------------------------------------------------------------------
    def query(self, statements: str) -> bytes:
        """The answers to these statements as CSV with times in nanoseconds: a table each, empty ones left out, apart by
        an empty line. Raises `StoreError` unless every one of them was answered."""
        reply = self._ask(f"{statements};SHOW DATABASES", "application/csv")
        # A statement that fails has no line in CSV, and those after it are not executed.
        if reply.startswith(LAST[2:]):
            return b""
        end = reply.rfind(LAST)
        if end < 0:
            raise self._fault(self._why(statements))
        return reply[: end + 1]

    def _why(self, statements: str) -> str:
        """The error of the first that failed, which only JSON has."""
        try:
            told = json.loads(self._ask(statements, "application/json"))
            return str(next(result["error"] for result in told["results"] if "error" in result))
        except (ValueError, LookupError, TypeError, StopIteration):
            return "an answer that breaks off"

    def _ask(self, statements: str, accept: str) -> bytes:
        name, policy = self.database
        asked = {"q": statements, "db": name, "epoch": "ns"}
        if policy is not None:
            asked["rp"] = policy
        if accept == "application/csv":
            asked |= {"chunked": "true", "chunk_size": "10000"}
        try:
            status, body, _ = self._exchange("/query", urlencode(asked).encode(), self.patience, {"Accept": accept})
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._fault(plain(error)) from error
        if status != 200:
            raise self._fault(f"{status} {message(body)}")
        return body

    def _fault(self, got: str) -> StoreError:
        return StoreError(f"{self.of.url}: InfluxDB did not answer (got {got}); see that it runs, and who may read it")

    def _exchange(
        self, path: str, body: bytes, deadline: float, headers: Mapping[str, str]
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """Raises OSError and what urllib3 raises."""
        kind = "application/x-www-form-urlencoded" if path == "/query" else "text/plain; charset=utf-8"
        reply = self._pool.request(
            "POST",
            self.of.url + path,
            body=body,
            headers={"Content-Type": kind, **self.authorization, **headers},
            timeout=urllib3.Timeout(connect=min(CONNECT, deadline), read=deadline),
            redirect=False,
        )
        return reply.status, reply.data, reply.headers


def connect(of: InfluxDB, patience: float = QUERY) -> Server:
    """No socket is opened yet."""
    return Version1(of, patience) if of.database is not None else Version2(of, patience)


def plain(error: Exception) -> str:
    """What a failed exchange says of itself, in one line."""
    told = " ".join(str(error).split())
    return re.sub(r"<[^>]*> ?:? ?|HTTPConnection\w*\([^)]*\):? ?", "", told)[:200] or type(error).__name__


class Version1(Server):
    @property
    def database(self) -> tuple[str, str | None]:
        return self.of.database or "", None

    @property
    def authorization(self) -> Mapping[str, str]:
        if self.of.user is None or self.of.password is None:
            return {}
        login = f"{self.of.user}:{revealed(self.of.password)}".encode()
        return {"Authorization": f"Basic {base64.b64encode(login).decode()}"}

    def write(self, body: bytes) -> Answer:
        asked = urlencode({"db": self.of.database, "precision": "ns"})
        try:
            return answered(*self._exchange(f"/write?{asked}", body, WRITE, {}))
        except urllib3.exceptions.HTTPError as error:
            return Answer("wait", plain(error))
        except OSError as error:
            return Answer("alarm", str(error))

    def prepare(self, days: int) -> Place | Answer:
        name = identifier(self.of.database or "")
        found = self._told(f"SHOW RETENTION POLICIES ON {name}")
        made = isinstance(found, Answer) and "database not found" in found.text
        if made:
            created = self._told(f'CREATE DATABASE {name} WITH DURATION {days}d NAME "autogen"')
            if isinstance(created, Answer):
                return created
            found = self._told(f"SHOW RETENTION POLICIES ON {name}")
        if isinstance(found, Answer):
            return found
        for series in found.get("series", ()):
            for row in series["values"]:
                policy = dict(zip(series["columns"], row, strict=True))
                if policy["default"]:
                    return Place(duration(policy["duration"]) or None, made)
        return Answer("alarm", f"database {self.of.database} has no default retention policy; make one")

    def _told(self, statement: str) -> dict[str, Any] | Answer:
        asked = urlencode({"q": statement}).encode()
        try:
            status, body, headers = self._exchange("/query", asked, WRITE, {"Accept": "application/json"})
        except urllib3.exceptions.HTTPError as error:
            return Answer("wait", plain(error))
        except OSError as error:
            return Answer("alarm", str(error))
        if status != 200:
            found = answered(status, body, headers)
            return found if found.verdict == "wait" else Answer("alarm", found.text)
        try:
            result: dict[str, Any] = json.loads(body)["results"][0]
        except (ValueError, LookupError, TypeError):
            return Answer("wait", "an answer that makes no sense")
        return Answer("alarm", result["error"]) if "error" in result else result


class Version2(Server):
    """`influxdb_client` is imported when a 2.x is written to: reading does without."""

    def __init__(self, of: InfluxDB, patience: float = QUERY) -> None:
        super().__init__(of, patience)
        self._client: Any = None
        self._writing: Any = None
        self._org = of.org  # where none is named, the bucket's

    @property
    def database(self) -> tuple[str, str | None]:
        """A bucket `a/b` is database `a` with retention policy `b`."""
        name, _, policy = (self.of.bucket or "").partition("/")
        return name, policy or None

    @property
    def authorization(self) -> Mapping[str, str]:
        return {"Authorization": f"Token {revealed(self.of.token)}"} if self.of.token else {}

    def close(self) -> None:
        super().close()
        client, self._client, self._writing = self._client, None, None
        if client is not None:
            client.close()

    def _open(self) -> Any:
        if self._client is None:
            from influxdb_client import InfluxDBClient
            from influxdb_client.client.write_api import SYNCHRONOUS

            token = revealed(self.of.token) if self.of.token else None
            deadlines = (int(1000 * CONNECT), int(1000 * WRITE))
            self._client = InfluxDBClient(self.of.url, token=token, org=self.of.org, timeout=deadlines)
            self._writing = self._client.write_api(write_options=SYNCHRONOUS)
        return self._client

    def _called(self, work: Callable[[], T]) -> T | Answer:
        """What the library returns, or raises, as an answer."""
        from influxdb_client.client.exceptions import InfluxDBError
        from influxdb_client.rest import ApiException

        try:
            self._open()
            return work()
        except ApiException as error:
            return answered(int(error.status or 0), error.body or error.reason, error.headers)
        except InfluxDBError as error:
            return Answer("alarm", plain(error))
        except urllib3.exceptions.HTTPError as error:
            return Answer("wait", plain(error))
        except OSError as error:
            return Answer("alarm", str(error))
        except ValueError as error:  # an answer that is no JSON, or no text
            return Answer("wait", f"an answer that makes no sense ({plain(error)})")

    def write(self, body: bytes) -> Answer:
        def work() -> Answer:
            self._writing.write(bucket=self.of.bucket, org=self._org, record=body, write_precision="ns")
            return DONE

        return self._called(work)

    def prepare(self, days: int) -> Place | Answer:
        found = self._called(lambda: self._provisioned(days))
        if isinstance(found, Answer) and "already exists" in found.text:  # somebody is just making it
            return Answer("wait", found.text, after=1.0)
        if isinstance(found, Answer) and found.verdict != "wait":
            return Answer("alarm", f"bucket {self.of.bucket} cannot be seen or made with this token (got {found.text})")
        return found

    def _provisioned(self, days: int) -> Place | Answer:
        bucket, made = self._bucket(), False
        if bucket is None:
            rule = {"type": "expire", "everySeconds": days * DAY}
            bucket = self._client.buckets_api().create_bucket(bucket_name=self.of.bucket, retention_rules=[rule])
            made = True
        self._org = self.of.org or bucket.org_id
        self._mapped(bucket)
        ends = [rule.every_seconds for rule in bucket.retention_rules or () if rule.every_seconds]
        return Place(min(ends, default=None), made)

    def _bucket(self) -> Any:
        from influxdb_client.rest import ApiException

        of = {"org": self.of.org} if self.of.org else {}
        try:
            found = self._client.buckets_api().find_buckets(name=self.of.bucket, **of).buckets
        except ApiException as error:
            if error.status == 404 and message(error.body).startswith("bucket"):
                return None
            raise
        return found[0] if found else None

    def _mapped(self, bucket: Any) -> None:
        """InfluxQL knows a bucket by a mapping; most have a virtual one from the start."""
        from influxdb_client import DBRPCreate, DBRPsService

        service = DBRPsService(self._client.api_client)
        name, policy = self.database
        known = service.get_dbr_ps(org_id=bucket.org_id, bucket_id=bucket.id).content or ()
        if not any(one.database == name and (policy is None or one.retention_policy == policy) for one in known):
            wish = DBRPCreate(
                org_id=bucket.org_id,
                bucket_id=bucket.id,
                database=name,
                retention_policy=policy or "autogen",
                default=policy is None,
            )
            service.post_dbrp(dbrp_create=wish)


# -- spelling ----------------------------------------------------------------------------------------------------------
def identifier(name: str) -> str:
    """A name in InfluxQL, whatever is in it."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def literal(text: str) -> str:
    """A text in InfluxQL, whatever is in it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def duration(text: str) -> int:
    """Seconds of a duration such as 168h0m0s."""
    size = {"h": 3600, "m": 60, "s": 1}
    return sum(int(count) * size[unit] for count, unit in re.findall(r"(\d+)([hms])", text))
