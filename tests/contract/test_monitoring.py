"""Prometheus itself on what is given to it: the rules, the configuration, and the numbers of a platform."""

import json
import re
import shutil
import subprocess
import time
import urllib.parse
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.up.conftest import FIRST, Platform, free_port, get

PLACE = Path(__file__).parents[2] / "docs" / "monitoring"
COMPOSE: dict[str, Any] = yaml.safe_load((PLACE.parents[1] / "docker-compose.yml").read_text())
TOKEN = "0123456789abcdef"

needs_prometheus = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not on this machine: `make monitoring` brings it"
)


def check(*words: str) -> None:
    run_promtool("check", *words)


def run_promtool(*words: str) -> None:
    done = subprocess.run(["promtool", *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_prometheus
def test_rules__by_prometheus_own_tool__are_right() -> None:
    check("rules", str(PLACE / "alerts.yml"))
    check("config", "--syntax-only", str(PLACE / "prometheus.yml"))


def waits(*, up_to_300: int, runs: int) -> list[dict[str, str]]:
    """Return the numbers of two web processes that both say how many runs waited no longer than five minutes."""
    counts = {"60": up_to_300 // 2, "300": up_to_300, "900": runs, "+Inf": runs}
    name = "datalinx_run_wait_seconds_last_hour"
    return [
        {"series": series, "values": f"{count}+0x60"}
        for web in ("a", "b")
        for series, count in [
            *((f'{name}_bucket{{le="{edge}",instance="{web}"}}', count) for edge, count in counts.items()),
            (f'{name}_gcount{{instance="{web}"}}', runs),
        ]
    ]


@needs_prometheus
@pytest.mark.parametrize(
    ("up_to_300", "runs", "seconds"),
    [
        # Of 100 runs, 90 within five minutes and the others within fifteen: the 95th is in their middle.
        (90, 100, [600.0]),
        (97, 100, []),
        # Of so few, one in twenty is nobody.
        (10, 19, []),
        (0, 0, []),
    ],
)
def test_rule__of_runs_that_begin_late__counts_what_two_web_processes_say_once(
    tmp_path: Path, up_to_300: int, runs: int, seconds: list[float]
) -> None:
    rules = yaml.safe_load((PLACE / "alerts.yml").read_text())["groups"][0]["rules"]
    (rule,) = (rule for rule in rules if rule["alert"] == "DatalinxRunsBeginLate")
    samples = [{"labels": "{}", "value": value} for value in seconds]
    question = {"expr": rule["expr"], "eval_time": "30m", "exp_samples": samples}
    file = tmp_path / "question.yml"
    series = waits(up_to_300=up_to_300, runs=runs)
    file.write_text(
        yaml.safe_dump(
            {"tests": [{"interval": "1m", "input_series": series, "promql_expr_test": [question]}]}
        )
    )
    run_promtool("test", "rules", str(file))


@needs_prometheus
def test_numbers__of_a_platform__are_read_by_prometheus_and_every_rule_and_panel_can_be_computed(
    tmp_path: Path,
) -> None:
    platform = Platform(tmp_path / "home", environment={**FIRST, "DATALINX_METRICS_TOKEN": TOKEN})
    try:
        platform.wait_until_ready()
        prometheus = Prometheus(tmp_path, platform.port)
        try:
            prometheus.wait_for("up == 1")
            for rule in prometheus.ask("/api/v1/rules")["groups"][0]["rules"]:
                assert rule["health"] in {"ok", "unknown"}, rule
            dashboard = json.loads((PLACE / "dashboard.json").read_text())
            for panel in dashboard["panels"]:
                for target in panel["targets"]:
                    prometheus.query(target["expr"])
            assert prometheus.query("max(datalinx_run_seconds_last_hour_gcount)") == ["0"]
            assert prometheus.query('count(datalinx_run_seconds_last_hour_bucket{state="failed"})') == ["10"]
        finally:
            prometheus.process.kill()
            prometheus.process.wait(10)
    finally:
        platform.end()


class Prometheus:
    """A Prometheus as the compose file has it, on a free port, that asks every second."""

    def __init__(self, folder: Path, port: int) -> None:
        configuration = yaml.safe_load((PLACE / "prometheus.yml").read_text())
        configuration["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        configuration["rule_files"] = [str(PLACE / "alerts.yml")]
        (job,) = configuration["scrape_configs"]
        (folder / "token").write_text(TOKEN)
        job["authorization"]["credentials_file"] = str(folder / "token")
        job["static_configs"][0]["targets"] = [f"127.0.0.1:{port}"]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
        listens = f"127.0.0.1:{free_port()}"
        self.url = f"http://{listens}"
        self.process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'numbers'}",
                f"--web.listen-address={listens}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def ask(self, path: str) -> Any:
        status, body = get(self.url + path)
        assert (status, body.get("status")) == (200, "success"), body
        return body["data"]

    def query(self, expression: str) -> list[str]:
        found = self.ask(f"/api/v1/query?query={urllib.parse.quote(expression)}")["result"]
        return [each["value"][1] for each in found]

    def wait_for(self, expression: str, seconds: float = 40) -> None:
        deadline = time.monotonic() + seconds
        while get(self.url + "/-/ready")[0] != 200 or not self.query(expression):
            assert time.monotonic() < deadline, f"{expression} never came true."
            time.sleep(0.3)


def test_compose_profile__of_monitoring__mounts_what_there_is_and_needs_no_password() -> None:
    services = COMPOSE["services"]
    prometheus, grafana = services["prometheus"], services["grafana"]
    for service in (prometheus, grafana):
        assert service["profiles"] == ["monitoring"]
        for volume in service["volumes"]:
            source, _, rest = volume.partition(":")
            if source.startswith("./"):
                assert (PLACE.parents[1] / source).exists(), volume
                assert rest.endswith(":ro"), volume
    assert prometheus["secrets"] == ["metrics_token"]
    assert COMPOSE["secrets"]["metrics_token"] == {"environment": "DATALINX_METRICS_TOKEN"}
    job = yaml.safe_load((PLACE / "prometheus.yml").read_text())["scrape_configs"][0]
    assert job["authorization"]["credentials_file"] == "/run/secrets/metrics_token"
    assert job["static_configs"][0]["targets"] == ["web:8000"]
    settings = grafana["environment"]
    assert settings["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert settings["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    assert not any(re.search("PASSWORD|SECRET", name) for name in settings)
    sources = yaml.safe_load((PLACE / "grafana/datasources.yml").read_text())["datasources"]
    assert [(each["type"], each["url"]) for each in sources] == [("prometheus", "http://prometheus:9090")]
    folder = yaml.safe_load((PLACE / "grafana/dashboards.yml").read_text())["providers"][0]["options"]["path"]
    assert any(volume.split(":")[1].startswith(f"{folder}/") for volume in grafana["volumes"])
