# SPDX-License-Identifier: Apache-2.0
"""Commands, with the server running and stopped; names and JSON that others script against."""
import json
import os
import subprocess

import graphs
import pytest
import requests
from tatara import BINARY, GOLDEN, PASSWORD, Server


@pytest.fixture(params=["running", "stopped"])
def place(request, mock_model):
    s = Server()
    if request.param == "running":
        s.start()
    s.setup()
    yield s
    s.remove()


def test_from_nothing_to_an_answer(place):
    place.add_mock_model()
    app = place.json("app", "import", GOLDEN + "/apps/wf_llm.yml")
    assert app["mode"] == "workflow" and app["status"] == "completed" and app["id"]
    place.run("app", "publish", app["id"])
    key = place.json("key", "create", "--app", app["id"])
    assert key["token"].startswith("app-")
    if not place.process:
        place.start()
    r = requests.post(place.url + "/v1/workflows/run", headers={"Authorization": "Bearer " + key["token"]},
                      json={"inputs": {"q": "Hello"}, "user": "u", "response_mode": "blocking"})
    assert r.json()["data"]["outputs"], r.text


def test_export_is_what_was_imported(place, tmp_path):
    app = place.json("app", "import", GOLDEN + "/apps/cf_convvar.yml")
    text = place.run("app", "export", app["id"]).stdout
    (tmp_path / "again.yml").write_text(text)
    again = place.json("app", "import", str(tmp_path / "again.yml"))
    assert place.run("app", "export", again["id"]).stdout == text
    assert len(place.json("app", "list")) >= 2 or len(place.json("app", "list")["data"]) >= 2


def test_second_setup_is_refused(place):
    r = place.run("setup", "--email", "b@example.com", "--name", "b", "--password-stdin", stdin=PASSWORD, check=False)
    assert r.returncode == 1 and "already" in r.stderr


def test_weak_password_is_refused():
    s = Server()
    try:
        r = s.run("setup", "--email", "b@example.com", "--name", "b", "--password-stdin", stdin="short", check=False)
        assert r.returncode == 1 and "8" in r.stderr
    finally:
        s.remove()


@pytest.mark.parametrize("args,code,text", [
    (["nonsense"], 2, "no command"), (["app"], 2, "app import"), (["app", "import", "/no/such/file"], 1, "/no/such/file"),
    (["app", "publish", "11111111-2222-4333-8444-555555555555"], 1, ""), (["serve", "--colour", "x"], 1, "--colour"),
    (["key", "create"], 2, "--app"),
])
def test_wrong_usage(args, code, text, tmp_path):
    r = subprocess.run([BINARY, *args, "--data", str(tmp_path)], capture_output=True, text=True, timeout=240)
    assert r.returncode == code, r.stdout + r.stderr
    assert text in r.stderr


def test_help_names_every_command():
    text = subprocess.run([BINARY, "help"], capture_output=True, text=True).stdout
    for name in ("serve", "setup", "user", "key", "app import", "app export", "app list", "app publish", "model",
                 "config", "doctor", "migrate", "version", "gateway", "api", "worker", "web"):
        assert name in text


def test_config_names_the_nearest(tmp_path):
    (tmp_path / ".env").write_text("DB_HOSTT=x\nLOG_LEVEL=DEBUG\n")
    r = subprocess.run([BINARY, "config", "--json", "--data", str(tmp_path)], capture_output=True, text=True)
    out = json.loads(r.stdout)
    assert {"name": "DB_HOSTT", "nearest": "DB_HOST", "replaced_by": None} in out["unknown"]
    level = next(s for s in out["settings"] if s["name"] == "LOG_LEVEL")
    assert (level["value"], level["source"]) == ("DEBUG", ".env")


def test_doctor(place):
    r = place.run("doctor", "--json", check=False)
    checks = {c["check"]: c["result"] for c in json.loads(r.stdout)["checks"]}
    assert checks["database"] == "ok" and checks["files"] == "ok"


def test_roles_start_alone(mock_model, tmp_path):
    """A role by itself, on an address of its own, with its health page."""
    from tatara import free_port
    import time
    for role in ("api", "worker", "web", "model", "gateway"):
        port = free_port()
        p = subprocess.Popen([BINARY, role, "--data", str(tmp_path), "--listen", "127.0.0.1:%d" % port],
                             stderr=subprocess.DEVNULL)
        try:
            for _ in range(2000):
                try:
                    r = requests.get("http://127.0.0.1:%d/health" % port, timeout=10)
                    break
                except requests.RequestException:
                    time.sleep(0.05)
            assert r.status_code == 200 and r.json()["role"] == role
            assert "tatara_process_resident_bytes" in requests.get("http://127.0.0.1:%d/metrics" % port).text
        finally:
            p.terminate()
            assert p.wait(120) == 0


def test_no_secret_in_output(place):
    place.add_mock_model()
    for args in (["model", "list"], ["config"], ["doctor"], ["key", "list"]):
        r = place.run(*args, check=False)
        assert "sk-mock" not in r.stdout + r.stderr


def test_secret_file_is_private(place):
    mode = os.stat(os.path.join(place.data, "secret")).st_mode & 0o777
    assert mode == 0o600


def lint(tmp_path, text, *more):
    """Without server and data directory."""
    file = tmp_path / "app.yml"
    file.write_text(text)
    return subprocess.run([BINARY, "app", "lint", str(file), *more], capture_output=True, text=True, timeout=240,
                          env=dict(os.environ, TATARA_DATA=str(tmp_path / "none")), check=False)


def test_lint_says_what_will_not_run(tmp_path):
    text = graphs.app_file([graphs.start("v"), {"id": "w", "type": "warp"}, graphs.end(v="start.v", x="gone.x")],
                           ["start w", "w end"])
    r = lint(tmp_path, text)
    assert r.returncode == 1 and "node 'w': 'warp' is no node type" in r.stdout
    assert "gone.x: there is no node gone" in r.stdout and "1 of 2 findings" in r.stderr
    found = json.loads(lint(tmp_path, text, "--json").stdout)
    assert found["ok"] is False
    assert [(f["severity"], f["code"], f["node_id"], f["field"]) for f in found["findings"]] == [
        ("error", "unknown-type", "w", "data.type"), ("warning", "dead-variable", "end", "data")]
    assert not (tmp_path / "none").exists()


def test_lint_of_good_and_broken_files(tmp_path):
    good = lint(tmp_path, graphs.app_file([graphs.start("v"), graphs.end(v="start.v")], ["start end"]))
    assert (good.returncode, good.stdout) == (0, "nothing found\n")
    broken = lint(tmp_path, "a: [", "--json")
    assert broken.returncode == 1 and json.loads(broken.stdout)["findings"][0]["code"] == "file"


def test_import_reports_what_lint_says(place, tmp_path):
    """A file with such a node is imported all the same."""
    file = tmp_path / "app.yml"
    tool = {"id": "w", "type": "tool", "tool_name": "n", "provider_id": "a/b/c", "provider_type": "plugin"}
    file.write_text(graphs.app_file([graphs.start("v"), tool], ["start w"]))
    app = place.json("app", "import", str(file))
    assert app["status"] == "completed" and len(app["warnings"]) == 1 and "tool 'n'" in app["warnings"][0]
    assert [f["code"] for f in app["report"]] == ["plugin-tool", "no-end"]
