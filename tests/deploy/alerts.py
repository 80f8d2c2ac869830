"""For each alert rule, figures under which it fires: what Prometheus would have seen, a value a minute.

Rules that look back a day get a value every 20 minutes."""

from __future__ import annotations

SERVER = 'instance="one",job="undervoice",namespace="desk"'
MODEL = f'{SERVER},model="accurate@2"'
LATER = 26 * 60
"""Minutes after which rules that look back a day have something to compare."""

Series = dict[str, str]
"""Values by series, as ``promtool test rules`` writes them: ``0+60x10`` is 0, 60, 120 …"""


def gauge(name: str, value: float, minutes: int = 180) -> Series:
    """Return a figure that stays."""
    return {f"undervoice_{name}{{{SERVER}}}": f"{value}x{minutes}"}


def counter(name: str, a_minute: float, minutes: int = 180) -> Series:
    """Return a figure that rises."""
    return {f"undervoice_{name}{{{SERVER}}}": f"0+{a_minute}x{minutes}"}


def spread(name: str, labels: str, below: str, above: str, share_below: float) -> Series:
    """Return a histogram of which a share is below a bound."""
    rows = {below: 600 * share_below, above: 600.0, "+Inf": 600.0}
    return {f'undervoice_{name}_bucket{{{labels},le="{le}"}}': f"0+{count:g}x180" for le, count in rows.items()}


def answers(route: str, status: str, a_minute: float) -> Series:
    """Return answers of a route."""
    labels = f'{SERVER},route="{route}",status="{status}"'
    return {f"undervoice_http_answer_seconds_count{{{labels}}}": f"0+{a_minute}x180"}


def moved(name: str, before: float, after: float) -> Series:
    """Return a drift that changes after a day, a value every 20 minutes."""
    return {f"undervoice_drift_{name}{{{MODEL}}}": f"{before}x{24 * 3} {after}x{4 * 3}"}


OUTBOX = gauge("outbox_limit_bytes", 1e9) | gauge("outbox_limit_seconds", 600_000)

FIRING: dict[str, tuple[Series, int]] = {
    "UndervoiceAbsent": ({}, 10),
    "UndervoiceNearlyFull": (gauge("connections", 95) | gauge("connections_limit", 100), 10),
    "UndervoiceCallsRefused": (answers("/api/v1/stream", "5xx", 3), 30),
    "UndervoiceReadingsLate": (spread("reading_lag_seconds", f'{SERVER},final="true"', "0.5", "1.0", 0.9), 60),
    "UndervoiceReadingsShed": (counter("segments_shed_total", 2), 30),
    "UndervoiceFallingBack": (counter("segments_fell_back_total", 30) | counter("segments_scored_total", 100), 90),
    "UndervoiceLoopLate": (spread("loop_lag_seconds", SERVER, "0.1", "0.25", 0.9), 60),
    "UndervoiceWorkersSilent": (gauge("workers_silent", 1), 10),
    "UndervoiceServerErrors": (answers("/api/v1/logs", "5xx", 3) | answers("/api/v1/logs", "2xx", 30), 60),
    "UndervoiceStoreDown": (gauge("store_down", 1), 10),
    "UndervoiceOutboxFailing": (gauge("outbox_failing", 1), 5),
    "UndervoiceOutboxFilling": (OUTBOX | gauge("outbox_bytes", 0.9e9), 10),
    "UndervoiceOutboxOld": (OUTBOX | gauge("outbox_oldest_seconds", 400_000), 10),
    "UndervoiceRecordsLost": (counter("writer_dropped_total", 1), 20),
    "UndervoiceRecordsUnkept": (counter("outbox_unkept_total", 1), 20),
    "UndervoiceReadingsUncounted": (counter("writer_uncounted_total", 1), 20),
    "UndervoiceAuditFailing": (gauge("audit_failing", 1), 5),
    "UndervoiceExchangeDown": (gauge("exchange_down", 1), 10),
    "UndervoiceWebhooksDown": (gauge("webhooks_down", 1), 20),
    "UndervoiceAlertsGivenUp": (counter("webhooks_given_up_total", 1), 90),
    "UndervoiceEmotionsDrifted": (moved("emotions", 0.2, 0.45), LATER),
    "UndervoiceInputChanged": (moved("snr_db", 12, 20), LATER),
    "UndervoiceUnsure": (
        {
            f"undervoice_uncertain_total{{{MODEL}}}": "0+60x180",
            f'undervoice_emotions_total{{{MODEL},emotion="sad"}}': "0+100x180",
        },
        170,
    ),
}
"""By alert: what is seen, and after how many minutes it fires."""

QUIET: Series = {
    f"undervoice_build_info{{{SERVER}}}": "1x180",
    **gauge("connections", 50),
    **gauge("connections_limit", 100),
    **answers("/api/v1/stream", "1xx", 3),
    **answers("/readyz", "5xx", 3),
    **answers("/api/v1/logs", "2xx", 30),
    **spread("reading_lag_seconds", f'{SERVER},final="true"', "0.5", "1.0", 1.0),
    **spread("reading_lag_seconds", f'{SERVER},final="false"', "0.5", "1.0", 0.5),
    **spread("loop_lag_seconds", SERVER, "0.1", "0.25", 1.0),
    **counter("segments_fell_back_total", 3),
    **counter("segments_scored_total", 100),
    **OUTBOX,
    **gauge("outbox_bytes", 0.1e9),
    **gauge("outbox_oldest_seconds", 5),
    f"undervoice_uncertain_total{{{MODEL}}}": "0+15x180",
    f'undervoice_emotions_total{{{MODEL},emotion="sad"}}': "0+100x180",
    **{
        series: values
        for name in ("store_down", "outbox_failing", "audit_failing", "webhooks_down", "workers_silent")
        for series, values in gauge(name, 0).items()
    },
    **{
        series: values
        for name in ("segments_shed", "writer_dropped", "outbox_given_up", "outbox_unreadable", "outbox_unkept",
                     "writer_uncounted", "audit_lost", "webhooks_given_up")
        for series, values in counter(f"{name}_total", 0).items()
    },
}  # fmt: skip
"""What a server tells in good hours: no alert fires."""
LIKE_YESTERDAY = moved("emotions", 0.4, 0.45) | moved("level_db", 12, 14) | moved("snr_db", 14, 12)
"""Drift on a good day."""
