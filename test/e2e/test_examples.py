# SPDX-License-Identifier: Apache-2.0
"""The worked examples of the specification of runs, event by event, and rows of behaviour that no
recorded stream and no other test shows. Titles are node ids."""
import json

import pytest
import requests
from graphs import STUB, Graph, app_file, code, default_value, end, fail_branch, retry, run, start
from scripted_model import ScriptedModel


def line(e):
    """One event as the examples write it."""
    name, d = e["event"], e.get("data", {})
    if name == "message":
        return "message [%s] %r" % (".".join(e["from_variable_selector"]), e["answer"])
    if name == "text_chunk":
        return "text_chunk [%s] %r" % (".".join(d["from_variable_selector"]), d["text"])
    if name in ("node_finished", "workflow_finished"):
        ident = " " + d["node_id"] if name == "node_finished" else ""
        return "%s%s %s" % (name, ident, d["status"])
    if name.startswith(("iteration", "loop")):
        tail = {"started": lambda: json.dumps(d["inputs"]), "next": lambda: str(d["index"]),
                "completed": lambda: "%s %s steps %d" % (d["status"], json.dumps(d["outputs"]), d["steps"])}
        return "%s %s" % (name, tail[name.split("_")[1]]())
    if name == "node_retry":
        return "node_retry %s %d" % (d["node_id"], d["retry_index"])
    return name + (" " + d["node_id"] if "node_id" in d else "")


def lines(stream):
    return [line(e) for e in stream if e["event"] != "ping"]


def chat(server, nodes, edges, query="q"):
    g = Graph(server, app_file(nodes, edges, mode="advanced-chat"))
    g.done = g.run({}, query=query)
    return g


def answer(ident, text):
    return {"id": ident, "type": "answer", "answer": text}


def stored(g):
    conversation = next(e["conversation_id"] for e in g.events if e["event"] == "message")
    r = requests.get(g.server.url + "/v1/messages", headers={"Authorization": "Bearer " + g.key},
                     params={"user": "u", "conversation_id": conversation})
    return r.json()["data"][0]["answer"]


def test_11_1_echo(server):
    g = run(server, [start("city"), end(out="start.city")], ["start end"], {"city": "Oslo"})
    assert lines(g.events) == [
        "workflow_started", "node_started start", "text_chunk [start.city] 'Oslo'", "node_finished start succeeded",
        "node_started end", "node_finished end succeeded", "workflow_finished succeeded"]
    inputs = g.events[0]["data"]["inputs"]
    assert set(inputs) >= {"city", "sys.files", "sys.user_id", "sys.app_id", "sys.workflow_id", "sys.workflow_run_id"}
    assert g.of("node_finished", "start")[0]["outputs"]["city"] == "Oslo"
    assert (g.done["outputs"], g.done["total_steps"]) == ({"out": "Oslo"}, 2)


def choose(ident, selector, value):
    return {"id": ident, "type": "if-else", "cases": [{"case_id": "true", "logical_operator": "and", "conditions": [
        {"variable_selector": selector, "comparison_operator": "is", "value": value}]}]}


CHOSEN = code("c1", "def main():\n    return {'r': 'ok'}", {"r": "string"})


def test_11_2_join_after_a_branch(server):
    nodes = [start(), choose("if", ["sys", "query"], "yes"), CHOSEN, dict(CHOSEN, id="c2"),
             answer("a", "1:{{#c1.r#}} 2:{{#c2.r#}} end")]
    g = chat(server, nodes, ["start if", "if true c1", "if false c2", "c1 a", "c2 a"], "yes")
    assert lines(g.events) == [
        "workflow_started", "node_started start", "node_finished start succeeded", "node_started if",
        "message [a.answer] '1:'", "node_finished if succeeded", "node_started c1", "message [c1.r] 'ok'",
        "message [a.answer] ' 2:'", "message [a.answer] ' end'", "node_finished c1 succeeded", "node_started a",
        "node_finished a succeeded", "workflow_finished succeeded", "message_end"]
    assert g.of("node_finished", "a")[0]["outputs"]["answer"] == "1:ok 2:c2.r end"
    assert g.done["outputs"]["answer"] == "1:ok 2:c2.r end"
    assert stored(g) == "1:ok 2: end"


BOOM = code("c", "def main():\n    raise ValueError('boom')", {"r": "string"})


def test_11_3_fail_branch(server):
    f = code("f", "def main():\n    return {'r': 'handled'}", {"r": "string"})
    g = run(server, [start(), fail_branch(BOOM), end("e1", r="c.r"), f, end("e2", bad="c.error_message")],
            ["start c", "c source e1", "c fail-branch f", "f e2"])
    assert [x for x in lines(g.events) if "text_chunk" not in x] == [
        "workflow_started", "node_started start", "node_finished start succeeded", "node_started c",
        "node_finished c exception", "node_started f", "node_finished f succeeded", "node_started e2",
        "node_finished e2 succeeded", "workflow_finished partial-succeeded"]
    assert g.done["exceptions_count"] == 1 and g.of("node_finished", "c")[0]["outputs"]["error_type"] == "CodeExecutionError"


def test_11_3_default_value_and_retries(server):
    g = run(server, [start(), default_value(retry(BOOM, 2), ("r", "string", "dflt")), end("e", r="c.r")], ["start c", "c e"])
    assert lines(g.events) == [
        "workflow_started", "node_started start", "node_finished start succeeded", "node_started c", "node_retry c 1",
        "node_retry c 2", "node_finished c exception", "node_started e", "text_chunk [c.r] 'dflt'",
        "node_finished e succeeded", "workflow_finished partial-succeeded"]
    assert set(g.of("node_finished", "c")[0]["outputs"]) == {"r", "error_message", "error_type"}
    assert (g.done["total_steps"], g.done["exceptions_count"], g.done["outputs"]) == (5, 3, {"r": "dflt"})


def iteration(mode, parallel=False):
    inner = {"isInIteration": True, "iteration_id": "it"}
    return [start(), code("l", "def main():\n    return {'l': [1, 2, 3]}", {"l": "array[number]"}),
            {"id": "it", "type": "iteration", "iterator_selector": ["l", "l"], "output_selector": ["x", "r"],
             "output_type": "array[number]", "start_node_id": "its", "is_parallel": parallel, "parallel_nums": 3,
             "error_handle_mode": mode},
            {"id": "its", "type": "iteration-start", **inner},
            dict(code("x", "def main(i: float):\n    assert i != 2\n    return {'r': i * 10}", {"r": "number"}),
                 variables=[{"variable": "i", "value_selector": ["it", "item"]}], **inner),
            end("e", out="it.output")]


ROUND = ["node_started x", "node_finished x succeeded"]
BAD = ["node_started x", "node_finished x failed"]
IN = 'iteration_started {"iterator_selector": [1, 2, 3]}'


@pytest.mark.parametrize("mode,want,out", [
    ("continue-on-error", ["iteration_next 0", *ROUND, "iteration_next 1", *BAD, "iteration_next 2", *ROUND,
                           'iteration_completed succeeded {"output": [10, null, 30]} steps 3',
                           "text_chunk [it.output] '- 10\\n- None\\n- 30'", "node_started e", "node_finished e succeeded",
                           "workflow_finished succeeded"], [10, None, 30]),
    ("remove-abnormal-output", ["iteration_next 0", *ROUND, "iteration_next 1", *BAD, "iteration_next 2", *ROUND,
                                'iteration_completed succeeded {"output": [10, 30]} steps 3',
                                "text_chunk [it.output] '- 10\\n- 30'", "node_started e", "node_finished e succeeded",
                                "workflow_finished succeeded"], [10, 30]),
    ("terminated", ["iteration_next 0", *ROUND, "iteration_next 1", *BAD,
                    'iteration_completed failed {"output": [10]} steps 3', "workflow_finished failed"], None),
])
def test_11_4_iteration(server, mode, want, out):
    g = run(server, iteration(mode), ["start l", "l it", "it e", "its x"])
    got = lines(g.events)
    assert got[got.index(IN) + 1:] == want
    assert g.done["outputs"] == ({"out": out} if out else {})
    assert g.done["exceptions_count"] == (0 if out else 1)
    assert "node_started it" not in got and g.done["total_steps"] == (4 if out else 3)
    assert {e["data"].get("iteration_id") for e in g.events if e["event"] == "node_started"} == {None, "it"}


def test_11_4_iteration_in_parallel(server):
    g = run(server, iteration("continue-on-error", True), ["start l", "l it", "it e", "its x"])
    got = lines(g.events)
    after = got[got.index(IN) + 1:]
    assert after[:3] == ["iteration_next 0", "iteration_next 1", "iteration_next 2"]
    blocks = [after[i:i + 2] for i in range(3, 9, 2)]
    assert sorted(blocks) == sorted([ROUND, BAD, ROUND])
    assert after[9] == 'iteration_completed succeeded {"output": [10, null, 30]} steps 3'


def loop(**inner_more):
    inner = {"isInLoop": True, "loop_id": "lp"}
    return [start(), {"id": "lp", "type": "loop", "loop_count": 10, "start_node_id": "lps", "logical_operator": "and",
                      "break_conditions": inner_more.pop("breaks"), "loop_variables": [
                          {"label": "n", "var_type": "number", "value_type": "constant", "value": 1}]},
            {"id": "lps", "type": "loop-start", **inner},
            {"id": "inc", "type": "assigner", "version": "2", "items": [
                {"variable_selector": ["lp", "n"], "input_type": "constant", "operation": "+=", "value": 1}], **inner}], inner


def test_11_5_loop(server):
    nodes, _ = loop(breaks=[{"variable_selector": ["lp", "n"], "varType": "number", "comparison_operator": "≥", "value": "5"}])
    g = run(server, [*nodes, end(n="lp.n")], ["start lp", "lp end", "lps inc"])
    got = lines(g.events)
    one = ["node_started inc", "node_finished inc succeeded"]
    begin = got.index('loop_started {"loop_count": 10, "n": 1}')
    assert got[begin + 1:begin + 13] == [*one, "loop_next 1", *one, "loop_next 2", *one, "loop_next 3", *one,
                                         'loop_completed succeeded {"n": 5, "loop_round": 4} steps 10']
    done = g.of("loop_completed")[0]
    assert done["execution_metadata"]["completed_reason"] == "loop_break"
    assert (g.done["total_steps"], g.done["outputs"]) == (3, {"n": 5})


def test_loop_end_leaves_the_loop(server):
    nodes, inner = loop(breaks=[])
    three = {"id": "if", "type": "if-else", "cases": [{"case_id": "true", "logical_operator": "and", "conditions": [
        {"variable_selector": ["lp", "n"], "varType": "number", "comparison_operator": "=", "value": "3"}]}], **inner}
    nodes += [three, {"id": "out", "type": "loop-end", **inner}, end(n="lp.n")]
    g = run(server, nodes, ["start lp", "lp end", "lps inc", "inc if", "if true out"])
    assert g.done["status"] == "succeeded" and g.done["outputs"] == {"n": 3}
    assert [d["index"] for d in g.of("loop_next")] == [1]


def test_11_6_two_answers_in_a_row(server):
    llm = {"id": "m", "type": "llm", "context": {"enabled": False}, "prompt_template": [{"role": "user", "text": "go"}],
           "model": {"provider": "openai_api_compatible", "name": "four", "mode": "chat", "completion_params": {}}}
    m = ScriptedModel(lambda q: [{"content": "a"}, {"content": "b"}])
    try:
        m.add_to(server, "four")
        g = chat(server, [start(), llm, answer("a1", "one\n"), answer("a2", "two {{#m.text#}}\n")],
                 ["start m", "m a1", "a1 a2"])
    finally:
        m.close()
    got = lines(g.events)
    assert got[:4] == ["workflow_started", "node_started start", "message [a1.answer] 'one\\n'",
                       "node_finished start succeeded"]
    texts = [x for x in got if x.startswith("message [")]
    assert texts == ["message [a1.answer] 'one\\n'", "message [a2.answer] 'two '", "message [m.text] 'a'",
                     "message [m.text] 'b'", "message [m.text] ''", "message [a2.answer] '\\n'"]
    assert got.index("node_started a1") < got.index("message [a2.answer] 'two '") < got.index("node_finished a1 succeeded")
    assert g.done["outputs"]["answer"] == stored(g) == "one\ntwo ab\n"


VALUES = """def main():
    return {'b': True, 'n': 1.0, 'o': {'a': 1, 'é': [True, None]}, 'l': ['a', 'b'], 'k': [{'k': 'v'}], 'z': None}"""
KINDS = {"b": "boolean", "n": "number", "o": "object", "l": "array[string]", "k": "array[object]", "z": "string"}
TEMPLATE = "{{#c.b#}}|{{#c.n#}}|{{#c.o#}}|{{#c.l#}}|{{#c.k#}}|{{#c.z#}}|"


def test_11_7_renderings(server):
    m = ScriptedModel(lambda q: [{"content": "x"}])
    llm = {"id": "m", "type": "llm", "context": {"enabled": False},
           "prompt_template": [{"role": "user", "text": TEMPLATE + "{{#c.o.a#}}"}],
           "model": {"provider": "openai_api_compatible", "name": "seven", "mode": "chat", "completion_params": {}}}
    try:
        m.add_to(server, "seven")
        g = chat(server, [start(), code("c", VALUES, KINDS), llm, answer("a", TEMPLATE + "{{#c.o.a#}}")],
                 ["start c", "c m", "m a"])
    finally:
        m.close()
    assert g.done["status"] == "succeeded", g.done["error"]
    assert g.done["outputs"]["answer"] == \
        "True|1.0|{\n  \"a\": 1,\n  \"é\": [\n    true,\n    null\n  ]\n}|- a\n- b|- {'k': 'v'}||1"
    assert m.requests[0]["messages"][-1]["content"] == \
        "True|1.0|{\"a\": 1, \"é\": [true, null]}|[\"a\", \"b\"]|[{'k': 'v'}]||1"


# --- the checklist: what no test above and no recorded stream shows ---

def test_conditions_on_skipped_outputs_are_errors(server):
    nodes = [start("v"), choose("if", ["start", "v"], "yes"), CHOSEN, choose("later", ["c1", "r"], "ok"), end("e", v="start.v")]
    g = run(server, nodes, ["start if", "if true c1", "c1 later", "if false later", "later false e"], {"v": "no"})
    assert g.done["status"] == "failed" and "c1" in g.done["error"]
    assert "c1" not in g.ran() and "later" in g.ran()


def test_unresolved_references(server):
    g = chat(server, [start(), answer("a", "x {{#gone.y#}} z")], ["start a"])
    assert g.done["outputs"]["answer"] == "x gone.y z"
    llm = {"id": "m", "type": "llm", "context": {"enabled": False}, "prompt_template": [{"role": "user", "text": "{{#gone.y#}}"}],
           "model": {"provider": "openai_api_compatible", "name": "mock", "mode": "chat", "completion_params": {}}}
    g = run(server, [start(), llm, end(t="m.text")], ["start m", "m end"])
    assert g.done["status"] == "failed" and g.done["error"] == "Variable #gone.y# not found"


def test_outputs_of_several_ends(server):
    """Other names than `answer` overwrite each other, in the order in which the nodes end."""
    two = code("two", "def main():\n    return {'r': '2'}", {"r": "string"})
    g = run(server, [start("v"), end("first", x="start.v", one="start.v"), two, end("second", x="two.r")],
            ["start first", "first two", "two second"], {"v": "1"})
    assert g.done["outputs"] == {"x": "2", "one": "1"}


def test_javascript(server):
    js = code("j", "function main({n, l}) {\n  return {sum: l.reduce((a, b) => a + b, n), all: l.map(x => `<${x}>`)};\n}",
              {"sum": "number", "all": "array[string]"}, language="javascript")
    l = code("l", "def main():\n    return {'l': [1, 2], 'n': 3}", {"l": "array[number]", "n": "number"})  # noqa: E741
    js["variables"] = [{"variable": "n", "value_selector": ["l", "n"]}, {"variable": "l", "value_selector": ["l", "l"]}]
    g = run(server, [start(), l, js, end(s="j.sum", a="j.all")], ["start l", "l j", "j end"])
    assert g.done["outputs"] == {"s": 6, "a": ["<1>", "<2>"]}
    bad = code("j", "function main() {\n  throw new Error('thrown');\n}", {"r": "string"}, language="javascript")
    g = run(server, [start(), bad, end(r="j.r")], ["start j", "j end"])
    assert g.done["status"] == "failed" and "thrown" in g.done["error"]


@pytest.mark.parametrize("text,outputs,error", [
    ("def main():\n    return {'r': 'x', 'more': 1}", {"r": "string"}, "Not all output parameters are validated."),
    ("def main():\n    return {'n': '1.5e+3'}", {"n": "number"}, None),
    ("def main():\n    return {'n': '1500'}", {"n": "number"}, "Output n is not a number, got <class 'str'> instead."),
])
def test_outputs_of_code(server, text, outputs, error):
    name = list(outputs)[0]
    g = run(server, [start(), code("c", text, outputs), end(x="c." + name)], ["start c", "c end"])
    if error:
        assert g.done["status"] == "failed" and g.done["error"].startswith(error[:24])
    else:
        assert g.done["outputs"] == {"x": 1500.0}


def test_no_files_are_null_for_code(server):
    files = {"variable": "f", "label": "f", "type": "file-list", "required": False, "allowed_file_types": ["image"],
             "allowed_file_upload_methods": ["remote_url"]}
    none = {"id": "none", "type": "list-operator", "variable": ["start", "f"], "var_type": "array[file]", "item_var_type": "file",
            "filter_by": {"enabled": True, "conditions": [{"key": "name", "comparison_operator": "is", "value": "no such"}]},
            "order_by": {"enabled": False}, "limit": {"enabled": False}, "extract_by": {"enabled": False}}
    c = code("c", "def main(f, all):\n    return {'r': repr(f), 'n': len(all)}", {"r": "string", "n": "number"})
    c["variables"] = [{"variable": "f", "value_selector": ["none", "result"]}, {"variable": "all", "value_selector": ["start", "f"]}]
    one = {"type": "image", "transfer_method": "remote_url", "url": STUB + "/pixel.png"}
    g = run(server, [{"id": "start", "type": "start", "variables": [files]}, none, c, end(r="c.r", n="c.n")],
            ["start none", "none c", "c end"], {"f": [one]})
    assert g.done["outputs"] == {"r": "None", "n": 1}, g.done


def test_inputs_that_nobody_declared(server):
    g = run(server, [start("v"), end(v="start.v")], ["start end"], {"v": "1", "made_up": "2"})
    assert "made_up" not in g.events[0]["data"]["inputs"]


def test_failed_runs_and_their_answers(server):
    """Blocking: a workflow's failure is 200, a chatflow's 400; a failed stream of a chat has an error
    without a task, and no message_end."""
    g = run(server, [start(), BOOM, end(r="c.r")], ["start c", "c end"])
    body = {"inputs": {}, "user": "u", "response_mode": "blocking"}
    r = requests.post(server.url + "/v1/workflows/run", headers={"Authorization": "Bearer " + g.key}, json=body)
    assert (r.status_code, r.json()["data"]["status"]) == (200, "failed")
    g = chat(server, [start(), BOOM, answer("a", "{{#c.r#}}")], ["start c", "c a"])
    last = g.events[-1]
    assert last["event"] == "error" and "task_id" not in last and last["message"].startswith("Run failed: ")
    assert "message_end" not in [e["event"] for e in g.events]
    r = requests.post(server.url + "/v1/chat-messages", headers={"Authorization": "Bearer " + g.key}, json=dict(body, query="q"))
    assert (r.status_code, r.json()["code"]) == (400, "invalid_param")
