# SPDX-License-Identifier: Apache-2.0
"""Agents against a scripted model: calls side by side, made-up tools, limits, the agent node, a crash."""
import json
import tempfile
import threading

import pytest
import requests
import yaml
from patience import until
from scripted_model import ScriptedModel
from tatara import GOLDEN, Server, events

GO_ON = threading.Event()  # for the slow answer, in its middle
WEEKDAY = "February 29, 2024 is Thursday."


def text_of(message):
    content = message.get("content")
    return content if isinstance(content, str) else "".join(p.get("text", "") for p in content or [])


def question(q):
    return next(text_of(m) for m in reversed(q["messages"]) if m["role"] == "user")


def call(index, name=None, arguments="", id=None):
    c = {"index": index, "function": {"arguments": arguments}}
    if name:
        c["function"]["name"] = name
    if id:
        c["id"] = id
    return {"tool_calls": [c]}


def reply(q):
    """Two calls side by side, their arguments in pieces, the second without an id and to no tool; then text."""
    seen = [m for m in q["messages"] if m["role"] == "tool"]
    if "always" in question(q) or (q.get("tools") and not seen):
        return [{"content": "Looking. "}, call(0, "weekday", "{\"year\": 2024, ", "call_a"), call(1, "nonsense", "{}"),
                call(0, arguments="\"month\": 2, \"day\": 29}")]
    out = [{"content": "Found: "}]
    if "slow" in question(q):
        out += [{"content": "tok "}] * 10 + [GO_ON] + [{"content": "tok "}] * 30
    return out + [{"content": " | ".join(text_of(m) for m in seen)}]


def react(q):
    rest = "\n".join(text_of(m) for m in q["messages"] if m["role"] != "system")
    assert "tools" not in q and "Observation" in q["stop"]
    if "Observation: " not in rest:
        return [{"content": "Thought: a date.\nAction:\n``"}, {"content": "`\n{\"action\": \"weekday\", \"action_input\": "},
                {"content": "{\"year\": 2024, \"month\": 2, \"day\": 29}}\n```"}]
    return [{"content": "Action: {\"action\": \"Final Answer\", \"action_input\": \"It is a Thursday.\"}"}]


@pytest.fixture(scope="module")
def model():
    m = ScriptedModel(lambda q: react(q) if q["model"] == "plain" else reply(q))
    yield m
    m.close()


@pytest.fixture(scope="module")
def own(model):
    s = Server().start().setup()
    model.add_to(s, "scripted")
    model.add_to(s, "plain", tools=False)
    yield s
    s.remove()


def import_app(server, app):
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as f:
        yaml.safe_dump(app, f, allow_unicode=True)
        f.flush()
        return server.import_app(f.name)[1]


def agent_app(server, name="scripted", rounds=5):
    with open(GOLDEN + "/apps/agent_fc.yml", encoding="utf-8") as f:
        app = yaml.safe_load(f)
    app["model_config"]["model"]["name"] = name
    app["model_config"]["agent_mode"].update(max_iteration=rounds, tools=[{
        "enabled": True, "provider_id": "time", "provider_type": "builtin", "provider_name": "time",
        "tool_name": "weekday", "tool_label": "Weekday", "tool_parameters": {"year": "", "month": "", "day": ""}}])
    return import_app(server, app)


def ask(server, key, query, **more):
    return requests.post(server.url + "/v1/chat-messages", headers={"Authorization": "Bearer " + key}, stream=True,
                         json=dict({"inputs": {}, "user": "u", "query": query, "response_mode": "streaming",
                                    "auto_generate_name": False}, **more))


def thoughts(stream):
    return {e["position"]: e for e in stream if e["event"] == "agent_thought"}


def messages(server, key, conversation):
    r = requests.get(server.url + "/v1/messages", headers={"Authorization": "Bearer " + key},
                     params={"conversation_id": conversation, "user": "u"})
    assert r.status_code == 200, r.text
    return r.json()["data"]


def test_calls_side_by_side(own, model):
    key = agent_app(own)
    before = len(model.requests)
    stream = events(ask(own, key, "which day?"))
    assert [e["event"] for e in stream if e["event"] not in ("agent_message", "ping")] == \
        ["agent_thought"] * 5 + ["message_end"]
    rows = thoughts(stream)
    assert rows[1]["thought"] == "Looking. " and rows[1]["tool"] == "weekday;nonsense"
    assert json.loads(rows[1]["tool_input"]) == {"weekday": {"year": 2024, "month": 2, "day": 29}, "nonsense": {}}
    assert json.loads(rows[1]["observation"]) == {"weekday": WEEKDAY, "nonsense": "there is not a tool named nonsense"}
    assert rows[2]["thought"] == "Found: %s | there is not a tool named nonsense" % WEEKDAY
    second = model.requests[before + 1]["messages"]
    calls = next(m for m in second if m.get("tool_calls"))["tool_calls"]
    assert [c["function"]["name"] for c in calls] == ["weekday", "nonsense"] and all(c["id"] for c in calls)
    assert [m["tool_call_id"] for m in second if m["role"] == "tool"] == [c["id"] for c in calls]
    assert stream[-1]["metadata"]["usage"]["total_tokens"] == 30
    stored = messages(own, key, stream[0]["conversation_id"])[0]
    assert stored["answer"] == "Looking. \n" + rows[2]["thought"]
    assert [t["observation"] for t in stored["agent_thoughts"]] == [rows[1]["observation"], ""]


def test_the_next_turn_remembers(own, model):
    key = agent_app(own)
    first = events(ask(own, key, "which day?"))
    events(ask(own, key, "and now?", conversation_id=first[0]["conversation_id"]))
    told = [text_of(m) for m in model.requests[-1]["messages"] if m["role"] in ("user", "assistant")]
    assert told[0] == "which day?" and told[1].startswith("Looking.") and "and now?" in told


def test_rounds_are_limited(own, model):
    key = agent_app(own, rounds=2)
    before = len(model.requests)
    stream = events(ask(own, key, "always ask"))
    assert stream[-1]["event"] == "error" and "used all its 2 rounds" in stream[-1]["message"]
    asked = model.requests[before:]
    assert [bool(q.get("tools")) for q in asked] == [True, True, False]  # the last one gets none


def test_react_without_functions(own):
    stream = events(ask(own, agent_app(own, "plain"), "which day?"))
    rows = thoughts(stream)
    assert json.loads(rows[1]["observation"]) == {"weekday": WEEKDAY}
    said = "".join(e["answer"] for e in stream if e["event"] == "agent_message")
    assert said.endswith("It is a Thursday.") and "action" not in said.lower()


def workflow(strategy, model, tools):
    data = [
        {"id": "start", "data": {"type": "start", "title": "S", "variables": [
            {"variable": "q", "label": "q", "type": "text-input", "required": True}]}},
        {"id": "agent", "data": {
            "type": "agent", "title": "A", "agent_strategy_name": strategy, "agent_strategy_provider_name": "x/agent/agent",
            "agent_parameters": {
                "model": {"type": "constant", "value": {"provider": "openai_api_compatible", "model": model,
                                                        "mode": "chat", "completion_params": {}}},
                "instruction": {"type": "constant", "value": "Answer {{#start.q#}}."},
                "query": {"type": "constant", "value": "{{#start.q#}}"},
                "maximum_iterations": {"type": "constant", "value": 3},
                "tools": {"type": "constant", "value": tools}}}},
        {"id": "end", "data": {"type": "end", "title": "E", "outputs": [
            {"variable": "text", "value_selector": ["agent", "text"]},
            {"variable": "json", "value_selector": ["agent", "json"]}]}}]
    return {"app": {"name": "agent", "mode": "workflow"}, "kind": "app", "version": "0.5.0", "workflow": {
        "features": {}, "environment_variables": [], "conversation_variables": [], "graph": {"nodes": data, "edges": [
            {"id": "a", "source": "start", "target": "agent"}, {"id": "b", "source": "agent", "target": "end"}]}}}


# The author sets month and day; the model is left the year.
TOOLS = [{"enabled": True, "type": "builtin", "provider_name": "time", "tool_name": "weekday", "settings": {},
          "parameters": {"year": {"auto": 1, "value": None}, "month": {"auto": 0, "value": {"type": "constant", "value": 2}},
                         "day": {"auto": 0, "value": {"type": "constant", "value": "29"}}},
          "extra": {"description": "Ask for days here."}},
         {"enabled": False, "type": "builtin", "provider_name": "time", "tool_name": "current_time"}]


def run(server, key, **body):
    r = requests.post(server.url + "/v1/workflows/run", headers={"Authorization": "Bearer " + key},
                      json=dict({"inputs": {"q": "which day?"}, "user": "u", "response_mode": "streaming"}, **body))
    assert r.status_code == 200, r.text
    return events(r)


@pytest.mark.parametrize("strategy,name", [("function_calling", "scripted"), ("ReAct", "plain")])
def test_agent_node(own, model, strategy, name):
    before = len(model.requests)
    stream = run(own, import_app(own, workflow(strategy, name, TOOLS)))
    end = stream[-1]["data"]
    assert end["status"] == "succeeded", end
    started = next(e for e in stream if e["event"] == "node_started" and e["data"]["node_id"] == "agent")
    assert started["data"]["agent_strategy"] == {"name": strategy, "icon": None}
    log = [e["data"] for e in stream if e["event"] == "agent_log"]
    assert {e["label"] for e in log} >= {"ROUND 1", "ROUND 2", "CALL weekday", name + " Thought"}
    last = {e["id"]: e for e in log}
    done = next(e for e in last.values() if e["label"] == "CALL weekday")
    assert done["status"] == "success" and done["data"]["output"]["tool_response"] == WEEKDAY
    assert done["data"]["output"]["tool_call_input"] == {"year": 2024, "month": 2, "day": "29"}
    assert last[done["parent_id"]]["label"] == "ROUND 1" and last[done["parent_id"]]["status"] == "success"
    chunks = "".join(e["data"]["text"] for e in stream if e["event"] == "text_chunk" and
                     e["data"]["from_variable_selector"] == ["agent", "text"])
    assert WEEKDAY in end["outputs"]["text"] if name == "scripted" else end["outputs"]["text"] == "It is a Thursday."
    assert end["outputs"]["text"].split()[-1] in chunks
    assert end["outputs"]["json"][-1]["execution_metadata"]["total_tokens"] == 30
    first = model.requests[before]
    assert text_of(first["messages"][0]).startswith("Answer which day?.")
    if name == "scripted":
        f = first["tools"][0]["function"]
        assert len(first["tools"]) == 1 and f["description"] == "Ask for days here."
        assert list(f["parameters"]["properties"]) == ["year"]


def test_strategies_of_plugins_are_refused_by_name(own):
    end = run(own, import_app(own, workflow("mcp_sse_ReAct", "scripted", [])))[-1]["data"]
    assert end["status"] == "failed" and "mcp_sse_ReAct" in end["error"]


def test_the_quote_model_is_no_agent(own):
    with open(GOLDEN + "/apps/agent_fc.yml", encoding="utf-8") as f:
        app = yaml.safe_load(f)
    app["model_config"]["model"].update(provider="tatara", name="quote")
    stream = events(ask(own, import_app(own, app), "hello"))
    assert stream[-1]["event"] == "error" and "Choose a language model" in stream[-1]["message"]


def test_a_crash_pays_for_no_call_twice(own, model):
    """The api process is killed while the second answer streams: the run goes on behind the tools."""
    key = agent_app(own)
    before = len(model.requests)
    r = ask(own, key, "slow please")
    seen, first = 0, None
    for line in r.iter_lines():
        if line.startswith(b"data: "):
            e = json.loads(line[6:])
            first = first or e
            seen += e["event"] == "agent_message" and e["answer"] == "tok "
        if seen == 3:
            break
    own.replace_role("api")
    GO_ON.set()
    stored = until(lambda: [m for m in messages(own, key, first["conversation_id"])[:1] if "tok" in m["answer"]],
                   "the whole answer", every=0.3)[0]
    asked = model.requests[before:]
    kinds = ["second" if any(m["role"] == "tool" for m in q["messages"]) else "first" for q in asked]
    assert kinds == ["first", "second", "second"]
    assert stored["answer"] == "Looking. \nFound: %s%s | there is not a tool named nonsense" % ("tok " * 40, WEEKDAY)
    assert [t["tool"] for t in stored["agent_thoughts"]] == ["weekday;nonsense", ""]
    assert json.loads(stored["agent_thoughts"][0]["observation"])["weekday"] == WEEKDAY
