"""Whether the KPI API answers who holds the token: `python health.py URL TOKEN_FILE`."""

import sys
import urllib.request
from pathlib import Path

url, token = sys.argv[1], Path(sys.argv[2]).read_text(encoding="utf-8").strip()
request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
with urllib.request.urlopen(request, timeout=8) as reply:
    sys.exit(0 if reply.status == 200 else 1)
