# SPDX-License-Identifier: Apache-2.0
"""Small apps for tests, written as Python: nodes and edges become an app file."""
import json
import os
import tempfile

import requests
from tatara import events

STUB = "http://127.0.0.1:9913"


def start(*variables):
    return {"id": "start", "type": "start",
            "variables": [{"variable": v, "label": v, "type": "text-input"} for v in variables]}


def end(ident="end", **outputs):
    """end(x="node.name")"""
    return {"id": ident, "type": "end", "outputs": [
        {"variable": k, "value_selector": v.split(".")} for k, v in outputs.items()]}


def code(ident, text, outputs, language="python3", **more):
    return dict({"id": ident, "type": "code", "code_language": language, "code": text, "variables": [],
                 "outputs": {k: {"type": t, "children": None} for k, t in outputs.items()}}, **more)


def http(ident, url, method="get", **more):
    return dict({"id": ident, "type": "http-request", "method": method, "url": url, "headers": "", "params": "",
                 "authorization": {"type": "no-auth"}, "body": {"type": "none", "data": []}}, **more)


def fail_branch(node):
    return dict(node, error_strategy="fail-branch")


def default_value(node, *rows):
    return dict(node, error_strategy="default-value",
                default_value=[{"key": k, "type": t, "value": v} for k, t, v in rows])


def retry(node, times, interval=0):
    return dict(node, retry_config={"retry_enabled": True, "max_retries": times, "retry_interval": interval})


def app_file(nodes, edges, mode="workflow", **workflow):
    """edges: "a b", or "a handle b"."""
    lines = []
    for e in edges:
        parts = e.split(" ")
        lines.append({"source": parts[0], "target": parts[-1],
                      "sourceHandle": parts[1] if len(parts) == 3 else "source"})
    data = [{"id": n["id"], "data": dict({"title": n["id"]}, **{k: v for k, v in n.items() if k != "id"})}
            for n in nodes]
    return json.dumps({"version": "0.5.0", "kind": "app", "app": {"name": "t", "mode": mode},
                       "workflow": dict({"graph": {"nodes": data, "edges": lines}, "features": {}}, **workflow)})


class Graph:
    """One published app of a server; run() gives its events, and keeps the last run's."""

    def __init__(self, server, text):
        with tempfile.NamedTemporaryFile("w", suffix=".yml", delete=False) as f:
            f.write(text)
        self.server = server
        self.key = server.import_app(f.name)[1]
        os.unlink(f.name)
        self.events = []

    def run(self, inputs=None, query=None):
        body = {"inputs": inputs or {}, "user": "u", "response_mode": "streaming"}
        if query is not None:
            body["query"] = query
        path = "/v1/chat-messages" if query is not None else "/v1/workflows/run"
        r = requests.post(self.server.url + path, headers={"Authorization": "Bearer " + self.key}, json=body)
        assert r.status_code == 200, r.text
        self.events = events(r)
        return [e for e in self.events if e["event"] == "workflow_finished"][0]["data"]

    def of(self, event, node=None):
        return [e["data"] for e in self.events if e["event"] == event and node in (None, e["data"].get("node_id"))]

    def ran(self):
        return [d["node_id"] for d in self.of("node_started")]


def run(server, nodes, edges, inputs=None, **more):
    g = Graph(server, app_file(nodes, edges, **more))
    g.done = g.run(inputs)
    return g
