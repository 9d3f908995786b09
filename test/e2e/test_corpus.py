# SPDX-License-Identifier: Apache-2.0
"""App files written elsewhere, end to end with their expected outputs."""
import json
import os
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from tatara import CORPUS, Server, events


class Model(BaseHTTPRequestHandler):
    """The model of the corpus README: the reply is cut before each space, usage 10/5/15."""
    replies = []  # (text in the prompt, reply)
    calls = 0

    def log_message(self, *args):
        pass

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = json.dumps(request.get("messages", ""), ensure_ascii=False)
        reply = next((r for key, r in Model.replies if key in prompt), "LLM(reply)")
        Model.calls += 1
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for piece in re.findall(r"\s?[^ ]+|\s+", reply):
            self.event({"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]})
        self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
                    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}})
        self.wfile.write(b"data: [DONE]\n\n")

    def event(self, body):
        body.update({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"})
        self.wfile.write(b"data: " + json.dumps(body).encode() + b"\n\n")
        self.wfile.flush()


@pytest.fixture(scope="module")
def corpus():
    """A server whose default provider is the model above: every provider that a file names is it."""
    model = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=model.serve_forever, daemon=True).start()
    server = Server({"TATARA_DEFAULT_MODEL_BASE_URL": "http://127.0.0.1:%d/v1" % model.server_port,
                     "TATARA_DEFAULT_MODEL_NAME": "mock", "TATARA_DEFAULT_MODEL_API_KEY": "k"}).start().setup()
    keys = {}

    def call(name, body, mode="streaming"):
        if name not in keys:
            keys[name] = server.import_app(os.path.join(CORPUS, name + ".yml"))[1]
        path = "/v1/chat-messages" if "query" in body else "/v1/workflows/run"
        Model.calls = 0
        r = requests.post(server.url + path, headers={"Authorization": "Bearer " + keys[name]},
                          json=dict({"inputs": {}, "user": "u", "response_mode": mode}, **body))
        assert r.status_code == 200, r.text
        return events(r) if mode == "streaming" else r.json()

    yield call
    server.remove()
    model.shutdown()


def finished(stream):
    return [e for e in stream if e["event"] == "workflow_finished"][0]["data"]


@pytest.mark.parametrize("query", ["echo", "", "\U0001f642 \u3042", "x" * 1000])
def test_passthrough(corpus, query):
    stream = corpus("simple_passthrough_workflow", {"inputs": {"query": query}})
    assert finished(stream)["outputs"] == {"query": query}
    assert finished(stream)["total_steps"] == 2
    order = [e["event"] for e in stream]
    assert order == ["workflow_started", "node_started", "text_chunk", "node_finished", "node_started",
                     "node_finished", "workflow_finished"]


def test_basic_chatflow(corpus):
    Model.replies = [("", "mocked llm response")]
    stream = corpus("basic_chatflow", {"query": "hi"})
    texts = [e["answer"] for e in stream if e["event"] == "message"]
    assert texts == ["mocked", " llm", " response", ""]
    assert finished(stream)["outputs"]["answer"] == "mocked llm response"


@pytest.mark.parametrize("query,outputs", [
    ("hello world", {"true": "hello world"}), ("HELLO", {"false": "HELLO"}), ("", {"false": ""})])
def test_conditional(corpus, query, outputs):
    assert finished(corpus("conditional_hello_branching_workflow", {"inputs": {"query": query}}))["outputs"] == outputs


def test_answer_order(corpus):
    Model.replies = [("", "mocked llm text")]
    stream = corpus("test-answer-order", {"query": "q"})
    want = "--- answer 1 ---\n\nfoo\n--- answer 2 ---\n\nmocked llm text\n"
    assert "".join(e["answer"] for e in stream if e["event"] == "message") == want
    assert finished(stream)["outputs"]["answer"] == want


def test_conversation_variable(corpus):
    first = corpus("test_streaming_conversation_variables_v1_overwrite", {"query": "Q1"})
    text = "".join(e["answer"] for e in first if e["event"] == "message")
    assert text == "Current Value Of `conv_var` is:Q1"
    conversation = first[-1]["conversation_id"]
    second = corpus("test_streaming_conversation_variables_v1_overwrite",
                    {"query": "Q2", "conversation_id": conversation})
    assert "".join(e["answer"] for e in second if e["event"] == "message").endswith("is:Q2")


@pytest.mark.parametrize("country", ["", "Japan"])
def test_translation(corpus, country):
    Model.replies = []
    stream = corpus("translation_workflow", {"inputs": {
        "source_lang": "English", "target_lang": "Japanese", "source_text": "hi", "country": country}})
    done = finished(stream)
    assert done["outputs"] == {"output": "LLM(reply)"}
    assert (done["total_steps"], Model.calls, done["total_tokens"]) == (7, 3, 45)


def test_loop(corpus):
    stream = corpus("increment_loop_with_break_condition_workflow", {"inputs": {}})
    assert finished(stream)["outputs"] == {"num": 5}
    assert [e["data"]["index"] for e in stream if e["event"] == "loop_next"] == [1, 2, 3]
    completed = [e for e in stream if e["event"] == "loop_completed"][0]["data"]
    assert completed["outputs"] == {"num": 5, "loop_round": 4}


def test_answers_in_a_loop(corpus):
    stream = corpus("loop_contains_answer", {"query": "1"})
    text = "".join(e["answer"] for e in stream if e["event"] == "message")
    assert text == finished(stream)["outputs"]["answer"] == "1\n2\n1 + 2"


def test_course(corpus):
    """Objects from a model's JSON, one by one through a model; code on both sides."""
    outline = '```json\n[{"chapter":"1","title":"T","contents":["a","b"]}]\n```'
    Model.replies = [("\u8bfe\u7a0b\u5927\u7eb2", outline)]
    done = finished(corpus("dify_course_demo", {"inputs": {"course_name": "C"}}))
    info = {"chapter": "1", "title": "T"}
    assert done["outputs"] == {"course_name": "C", "course": [
        {"info": dict(info, subtitle=s), "course": "LLM(reply)"} for s in ("a", "b")]}, done


@pytest.mark.parametrize("one", [0, 1])
@pytest.mark.parametrize("two", [0, 1])
def test_switches(corpus, one, two):
    done = finished(corpus("dual_switch_variable_aggregator_workflow", {"inputs": {"switch1": one, "switch2": two}}))
    words = ["off", "on"]
    assert done["outputs"] == {"group1": "switch 1 " + words[one], "group2": "switch 2 " + words[two]}
    assert done["total_steps"] == 7


def test_templates_in_an_iteration(corpus):
    stream = corpus("array_iteration_formatting_workflow", {"inputs": {}})
    done = finished(stream)
    assert done["outputs"] == {"output": ["output: 1", "output: 2", "output: 3"]} and done["total_steps"] == 4
    chunks = [e["data"]["text"] for e in stream if e["event"] == "text_chunk"]
    assert chunks == ["- output: 1\n- output: 2\n- output: 3"]


def test_time_tool(corpus):
    """A built-in tool whose answer nobody reads, a template, one chunk."""
    stream = corpus("chatflow_time_tool_static_output_workflow", {"query": "1"})
    texts = [e["answer"] for e in stream if e["event"] == "message"]
    assert texts == ["hello, dify!"], texts
    assert finished(stream)["outputs"]["answer"] == "hello, dify!"


def test_every_file_of_the_corpus_has_a_test():
    names = {f[:-4] for f in os.listdir(CORPUS) if f.endswith(".yml")}
    with open(__file__, encoding="utf-8") as f:
        text = f.read()
    assert not [n for n in names if '"%s"' % n not in text]
