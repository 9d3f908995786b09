# SPDX-License-Identifier: Apache-2.0
"""Failures of nodes: error strategies, defaults, retries, partial success; one small graph a row of behaviour."""
import uuid

import pytest
from graphs import STUB, code, default_value, end, fail_branch, http, retry, run, start

BOOM = code("c", "def main():\n    raise ValueError('boom')", {"r": "string"})
TWO_WAYS = ["start c", "c source good", "c fail-branch bad"]


def test_no_strategy_fails_the_run(server):
    g = run(server, [start("v"), BOOM, end("early", v="start.v"), end("late", r="c.r")],
            ["start early", "early c", "c late"], {"v": "kept"})
    assert g.done["status"] == "failed" and g.done["error"].rstrip().endswith("ValueError: boom")
    assert g.done["outputs"] == {"v": "kept"} and "late" not in g.ran()
    node = g.of("node_finished", "c")[0]
    assert node["status"] == "failed" and node["error"] == g.done["error"]
    assert g.done["exceptions_count"] == 1


def test_fail_branch(server):
    g = run(server, [start(), fail_branch(BOOM), end("good", r="c.r"),
                     end("bad", m="c.error_message", t="c.error_type")], TWO_WAYS)
    assert g.done["status"] == "partial-succeeded" and g.done["exceptions_count"] == 1
    assert g.done["outputs"]["t"] == "CodeExecutionError" and "boom" in g.done["outputs"]["m"]
    assert g.ran() == ["start", "c", "bad"]
    node = g.of("node_finished", "c")[0]
    assert node["status"] == "exception" and set(node["outputs"]) == {"error_message", "error_type"}
    assert node["execution_metadata"] == {"error_strategy": "fail-branch"}


def test_fail_branch_that_goes_well(server):
    good = fail_branch(code("c", "def main():\n    return {'r': 'x'}", {"r": "string"}))
    g = run(server, [start(), good, end("good", r="c.r"), end("bad", m="c.error_message")], TWO_WAYS)
    assert (g.done["status"], g.done["outputs"], g.done["exceptions_count"]) == ("succeeded", {"r": "x"}, 0)


def test_success_branch_is_no_handle(server):
    good = fail_branch(code("c", "def main():\n    return {'r': 'x'}", {"r": "string"}))
    g = run(server, [start(), good, end("good", r="c.r")], ["start c", "c success-branch good"])
    assert g.done["status"] == "succeeded" and g.done["outputs"] == {} and g.ran() == ["start", "c"]


def test_default_value_with_retries(server):
    node = default_value(retry(BOOM, 2), ("r", "string", "dflt"))
    g = run(server, [start(), node, end(r="c.r", t="c.error_type")], ["start c", "c end"])
    assert [e["event"] for e in g.events if e.get("data", {}).get("node_id") == "c"] == [
        "node_started", "node_retry", "node_retry", "node_finished"]
    assert [d["retry_index"] for d in g.of("node_retry")] == [1, 2]
    assert len({d["id"] for e in ("node_started", "node_retry", "node_finished") for d in g.of(e, "c")}) == 1
    assert g.done["outputs"] == {"r": "dflt", "t": "CodeExecutionError"}
    assert (g.done["status"], g.done["total_steps"], g.done["exceptions_count"]) == ("partial-succeeded", 5, 3)


@pytest.mark.parametrize("kind,value,want", [
    ("string", "5", "5"), ("number", "5", 5.0), ("number", 7, 7), ("object", '{"k": [1]}', {"k": [1]}),
    ("array[number]", "[1, 2.5]", [1, 2.5]), ("array[string]", ["a"], ["a"]), ("array[object]", '[{"a": null}]', [{"a": None}])])
def test_typed_defaults(server, kind, value, want):
    node = default_value(http("h", STUB + "/status/404"), ("d", kind, value))
    g = run(server, [start(), node, end(d="h.d")], ["start h", "h end"])
    assert g.done["outputs"]["d"] == want and type(g.done["outputs"]["d"]) is type(want)


def test_other_spellings_of_retry_are_ignored(server):
    g = run(server, [start(), dict(BOOM, retry_config={"enabled": True, "max_retries": 3}), end()],
            ["start c", "c end"])
    assert not g.of("node_retry") and g.done["status"] == "failed"


def test_nodes_that_do_not_retry(server):
    node = retry({"id": "l", "type": "list-operator", "variable": ["gone", "x"]}, 3)
    g = run(server, [start(), node, end()], ["start l", "l end"])
    assert not g.of("node_retry") and g.done["error"] == "Variable not found for selector: ['gone', 'x']"


def test_retry_that_recovers(server):
    node = retry(http("h", "%s/flaky/%s/1" % (STUB, uuid.uuid4().hex)), 2)
    g = run(server, [start(), node, end(s="h.status_code")], ["start h", "h end"])
    assert g.done["outputs"] == {"s": 200} and g.done["status"] == "partial-succeeded"
    assert (g.done["exceptions_count"], g.done["total_steps"]) == (1, 4)


def test_retry_waits(server):
    import time
    node = retry(http("h", STUB + "/status/500"), 2, 300)
    began = time.time()
    g = run(server, [start(), node, end()], ["start h", "h end"])
    assert g.done["status"] == "failed" and time.time() - began > 0.6
    assert g.done["error"] == "Reached maximum retries (0) for URL %s/status/500" % STUB


# --- HTTP: what is a result and what a failure ---

@pytest.mark.parametrize("status", [201, 301, 400, 404, 418, 501])
def test_statuses_are_results(server, status):
    g = run(server, [start(), http("h", "%s/status/%d" % (STUB, status)), end(s="h.status_code", b="h.body")],
            ["start h", "h end"])
    assert g.done["status"] == "succeeded" and g.done["outputs"]["s"] == status


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_statuses_that_are_never_results(server, status):
    node = fail_branch(http("h", "%s/status/%d" % (STUB, status)))
    g = run(server, [start(), node, end(m="h.error_message", t="h.error_type")], ["start h", "h fail-branch end"])
    assert g.done["outputs"] == {"m": "Reached maximum retries (0) for URL %s/status/%d" % (STUB, status),
                                 "t": "HttpRequestNodeError"}


@pytest.mark.parametrize("change", [fail_branch, lambda n: retry(fail_branch(n), 1),
                                    lambda n: default_value(n, ("status_code", "number", "0"))])
def test_with_a_strategy_only_2xx_is_a_success(server, change):
    node = change(http("h", STUB + "/status/404"))
    edges = ["start h", "h end" if "default_value" in node else "h fail-branch end"]
    g = run(server, [start(), node, end(m="h.error_message", t="h.error_type", body="h.body")], edges)
    assert g.done["outputs"] == {"m": "Request failed with status code 404", "t": "HTTPResponseCodeError",
                                 "body": None}  # the reply of the failure is not kept
    assert g.done["status"] == "partial-succeeded"


@pytest.mark.parametrize("node,kind", [
    (http("h", ""), "InvalidURLError"), (http("h", "ftp://x"), "InvalidURLError"),
    (http("h", STUB, "options"), "InvalidHttpMethodError"), (http("h", "http://127.0.0.1:1"), "HttpRequestNodeError"),
    (http("h", STUB, authorization={"type": "api-key", "config": {"type": "bearer", "api_key": " "}}),
     "AuthorizationConfigError"),
    (http("h", STUB, "post", body={"type": "json", "data": []}), "RequestBodyError"),
    (http("h", STUB, "post", body={"type": "binary", "data": [{"type": "file", "file": ["start", "v"]}]}),
     "FileFetchError"),
    (code("h", "def main():\n    return {'r': 1}", {"r": "string"}), "OutputValidationError"),
    (code("h", "def main():\n    return {'r': '', 'x': 1}", {"r": "string"}), "CodeNodeError"),
    (code("h", "def main():\n    return {'o': {'a': {'b': {'c': {'d': {'e': 1}}}}}}", {"o": "object"}), "DepthLimitError"),
    (code("h", "def main():\n    return 5", {"r": "string"}), "WorkflowNodeError"),
    (code("h", "function main() { throw new Error('x') }", {"r": "string"}, "javascript"), "CodeExecutionError"),
])
def test_classes_of_errors(server, node, kind):
    g = run(server, [start("v"), fail_branch(node), end(t="h.error_type", m="h.error_message")],
            ["start h", "h fail-branch end"], {"v": "x"})
    assert g.done["outputs"]["t"] == kind and g.done["outputs"]["m"]


def test_requests_show_no_secrets(server):
    node = http("h", STUB + "/echo", headers="X-H: {{#env.key#}}",
                authorization={"type": "api-key", "config": {"type": "bearer", "api_key": "{{#env.key#}}"}})
    g = run(server, [start(), node, end(s="h.status_code")], ["start h", "h end"],
            environment_variables=[{"name": "key", "value_type": "secret", "value": "very-secret-value", "id": "1"}])
    request = g.of("node_finished", "h")[0]["process_data"]["request"]
    assert "very-secret-value" not in request and request.count("*" * 20) == 2


# --- inside containers ---

def iteration(inner, mode):
    """An iteration over [1, 2, 3] whose inner node is `x`."""
    return [start(), code("src", "def main():\n    return {'l': [1, 2, 3]}", {"l": "array[number]"}),
            {"id": "it", "type": "iteration", "start_node_id": "st", "iterator_selector": ["src", "l"],
             "output_selector": ["x", "r"], "error_handle_mode": mode, "output_type": "array[string]"},
            {"id": "st", "type": "iteration-start", "iteration_id": "it"}, dict(inner, iteration_id="it"),
            end(l="it.output")]


def test_a_default_inside_is_no_exception_outside(server):
    x = default_value(dict(BOOM, id="x"), ("r", "string", "d"))
    g = run(server, iteration(x, "terminated"), ["start src", "src it", "it end", "st x"])
    assert g.done["outputs"] == {"l": ["d", "d", "d"]}, g.done["error"]
    assert (g.done["status"], g.done["exceptions_count"]) == ("succeeded", 0)


def test_a_failure_inside_ends_the_iteration(server):
    g = run(server, iteration(dict(BOOM, id="x"), "terminated"), ["start src", "src it", "it end", "st x"])
    assert g.done["status"] == "failed" and "boom" in g.done["error"]
    g = run(server, iteration(dict(BOOM, id="x"), "continue-on-error"), ["start src", "src it", "it end", "st x"])
    assert g.done["status"] == "succeeded" and g.done["outputs"] == {"l": [None, None, None]}
