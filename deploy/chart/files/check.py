"""What ``helm test`` asks: is the service well, does it hear the sample call, and does it keep strangers out?"""

import os

import httpx

from undervoice.auth import Tokens
from undervoice.places import widget_folder

token = Tokens(os.environ["UNDERVOICE_SECRET"], audience=os.environ.get("UNDERVOICE_AUDIENCE", "undervoice"))
bearer = {"authorization": f"Bearer {token.issue('integrator', ttl_sec=60).token}"}
clip = (widget_folder() / "demo" / "sample-call.flac").read_bytes()

with httpx.Client(base_url=os.environ["UNDERVOICE_URL"], timeout=30) as http:
    health = http.get("/health").raise_for_status().json()
    if health["status"] != "ok":
        raise SystemExit(f"the service is not well: {health}")
    if (refused := http.post("/api/v1/analyze/stream", content=clip)).status_code != 401:
        raise SystemExit(f"a clip without a token was answered with {refused.status_code}")
    heard = http.post(
        "/api/v1/analyze/stream",
        params={"store": "false"},
        content=clip,
        headers=bearer | {"content-type": "audio/flac"},
    )
    segments = heard.raise_for_status().json()["segments"]
    if not segments:
        raise SystemExit("no speech was found in the sample call")
    print(f"undervoice {health['version']} is well and hears {len(segments)} segments in the sample call")
