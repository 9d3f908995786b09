# SPDX-License-Identifier: Apache-2.0
"""Speech and recordings: the operations of all three APIs, and answers that are spoken while they come."""
import base64
import json
import threading
import time

import pytest
import requests
from graphs import Graph, app_file, end, start
from studio import Studio, mp3
from tatara import Server, events
from test_console import sign_in

TEXT = "This is the first sentence of it. Here comes another one! 这是一个用中文写的很长的句子。And it ends with no stop"
PIECES = ["This is the first sentence of it.", "Here comes another one!", "这是一个用中文写的很长的句子。",
          "And it ends with no stop"]
SPEECH = {"text_to_speech": {"enabled": True, "voice": "nova", "language": "en-US", "autoPlay": "enabled"}}


def words(text):
    return [text[i:i + 7] for i in range(0, len(text), 7)]


@pytest.fixture(scope="module")
def studio():
    s = Studio(lambda q: words(TEXT))
    yield s
    s.close()


@pytest.fixture(scope="module")
def voiced(studio):
    """Waits long, so that a busy machine changes nothing."""
    s = Server({"SSRF_PROXY_ALLOW_PRIVATE_IPS": "127.0.0.1", "TATARA_TTS_WAIT_SECONDS": "90",
                "TATARA_SPEECH_TO_TEXT_SIZE_LIMIT": "1"}).start().setup()
    studio.add_to(s, "llm", "talker")
    studio.add_to(s, "tts", "speaker", "--settings", '{"voices": "alloy, nova"}')
    studio.add_to(s, "speech2text", "listener", "--settings", '{"language": "ja"}')
    yield s
    s.remove()


@pytest.fixture(autouse=True)
def fresh(studio):
    studio.reply, studio.speak = (lambda q: words(TEXT)), (lambda text: None)
    studio.spoken.clear()
    studio.recordings.clear()


def easy(mode, **config):
    config = dict({"model": {"provider": "openai_api_compatible", "name": "talker", "mode": "chat",
                             "completion_params": {}}, "prompt_type": "simple", "pre_prompt": "", "user_input_form": []}, **config)
    if mode == "agent-chat":
        config["agent_mode"] = {"enabled": True, "strategy": "react", "max_iteration": 3, "tools": []}
    return json.dumps({"version": "0.5.0", "kind": "app", "app": {"name": "t", "mode": mode}, "model_config": config})


LLM = {"id": "m", "type": "llm", "context": {"enabled": False},
       "prompt_template": [{"role": "user", "text": "go"}],
       "model": {"provider": "openai_api_compatible", "name": "talker", "mode": "chat", "completion_params": {}}}


def chatflow(**features):
    return app_file([start(), LLM, {"id": "a", "type": "answer", "answer": "{{#m.text#}}"}], ["start m", "m a"],
                    mode="advanced-chat", features=features)


def workflow(**features):
    return app_file([start(), LLM, end(t="m.text")], ["start m", "m end"], features=features)


def ask(server, key, mode, streaming=True, path="/v1", headers=None, **more):
    tail = {"workflow": "/workflows/run", "completion": "/completion-messages"}.get(mode, "/chat-messages")
    return requests.post(server.url + path + tail, headers=headers or {"Authorization": "Bearer " + key}, timeout=120,
                         json={"inputs": {}, "user": "u", "query": "q",
                               "response_mode": "streaming" if streaming else "blocking"}, **more)


def sounds(stream):
    return [base64.b64decode(e["audio"], validate=True) for e in stream if e["event"] == "tts_message"]


@pytest.mark.parametrize("mode", ["chat", "completion", "agent-chat", "advanced-chat", "workflow"])
def test_answers_are_spoken_sentence_by_sentence(voiced, studio, mode):
    text = {"advanced-chat": chatflow, "workflow": workflow}.get(mode, lambda **f: easy(mode, **f))(**SPEECH)
    if mode == "agent-chat":
        studio.reply = lambda q: ['Thought: I know.\nAction:\n```\n{"action": "Final Answer", "action_input": "%s"}\n```' % TEXT]
    g = Graph(voiced, text)
    stream = events(ask(voiced, g.key, mode))
    said = [q["input"] for q in studio.spoken]
    assert sounds(stream) == [mp3(s) for s in said]
    if mode == "agent-chat":  # what the agent thinks aloud is part of its text
        assert "".join(said).replace(" ", "").endswith("".join(PIECES).replace(" ", ""))
    else:
        assert said == PIECES
    assert {(q["model"], q["voice"]) for q in studio.spoken} == {("speaker", "nova")}
    # The text is as without speech; the end of the speech is the last of all.
    closing = {"workflow": "workflow_finished"}.get(mode, "message_end")
    names = [e["event"] for e in stream]
    assert names[-1] == "tts_message_end" and names.count("tts_message_end") == 1 and closing in names
    assert stream[-1]["audio"] == ""
    other = [e for e in stream if not e["event"].startswith("tts_")]
    assert other[-1]["event"] == closing
    for e in stream:
        if e["event"].startswith("tts_"):
            want = {"event", "task_id", "audio"} | (
                {"workflow_run_id"} if mode == "workflow" else {"message_id", "created_at"} if mode == "completion"
                else {"message_id", "created_at", "conversation_id"})
            assert set(e) == want
            assert e["task_id"] == other[0]["task_id"]


def test_speech_begins_before_the_text_ends(voiced, studio):
    heard = threading.Event()

    def reply(q):
        yield "One sentence that is long enough. And "
        assert heard.wait(60), "the first sentence was not spoken before the text ended"
        yield "another one at the end."

    studio.reply = reply
    g = Graph(voiced, easy("chat", **SPEECH))
    with ask(voiced, g.key, "chat", stream=True) as r:
        got = []
        for line in r.iter_lines():
            if line.startswith(b"data: "):
                got.append(json.loads(line[6:]))
                if got[-1]["event"] == "tts_message":
                    heard.set()
    assert [e["event"] for e in got if e["event"] != "message"] == ["tts_message", "message_end", "tts_message",
                                                                   "tts_message_end"] or \
        [e["event"] for e in got if e["event"] != "message"] == ["tts_message", "tts_message", "message_end",
                                                                 "tts_message_end"]
    assert "".join(e.get("answer", "") for e in got) == "One sentence that is long enough. And another one at the end."


def test_text_does_not_wait_for_speech(voiced, studio):
    """The speech model hangs until the whole text is there."""
    there = threading.Event()
    studio.speak = lambda text: None if there.wait(60) else 500
    g = Graph(voiced, easy("chat", **SPEECH))
    with ask(voiced, g.key, "chat", stream=True) as r:
        names = []
        for line in r.iter_lines():
            if line.startswith(b"data: "):
                names.append(json.loads(line[6:])["event"])
                if names[-1] == "message_end":
                    there.set()
    assert names[:-6] == ["message"] * len(names[:-6])
    assert names[-6:] == ["message_end"] + ["tts_message"] * 4 + ["tts_message_end"]


def test_a_speech_model_that_is_silent_ends_the_wait(mock_model, studio):
    gone = threading.Event()
    studio.speak = lambda text: gone.wait(60) and None
    s = Server({"SSRF_PROXY_ALLOW_PRIVATE_IPS": "127.0.0.1", "TATARA_TTS_WAIT_SECONDS": "1"}).start().setup()
    try:
        studio.add_to(s, "llm", "talker")
        studio.add_to(s, "tts", "speaker")
        g = Graph(s, easy("chat", **SPEECH))
        began = time.monotonic()
        with ask(s, g.key, "chat", stream=True) as r:
            times = {}
            for line in r.iter_lines():
                if line.startswith(b"data: "):
                    times[json.loads(line[6:])["event"]] = time.monotonic()
        assert not gone.is_set() and set(times) == {"message", "message_end", "tts_message_end"}
        assert times["tts_message_end"] - began > 0.8
    finally:
        gone.set()
        s.remove()


@pytest.mark.parametrize("refused", [500, 400])
def test_speech_that_fails_leaves_the_text(voiced, studio, refused):
    studio.speak = lambda text: refused
    g = Graph(voiced, chatflow(**SPEECH))
    stream = events(ask(voiced, g.key, "advanced-chat"))
    assert "".join(e.get("answer", "") for e in stream) == TEXT
    assert not sounds(stream) and stream[-1]["event"] == "tts_message_end"
    assert "error" not in [e["event"] for e in stream]


def test_who_is_not_asked_does_not_speak(voiced, studio):
    off = [{"enabled": True, "voice": "", "language": "", "autoPlay": "disabled"}, {"enabled": True},
           {"enabled": False, "autoPlay": "enabled"}]
    for feature in off:
        for mode, text in (("chat", easy("chat", text_to_speech=feature)), ("workflow", workflow(text_to_speech=feature))):
            stream = events(ask(voiced, Graph(voiced, text).key, mode))
            assert not [e for e in stream if e["event"].startswith("tts_")]
    key = Graph(voiced, easy("chat", **SPEECH)).key
    assert ask(voiced, key, "chat", streaming=False).json()["answer"] == TEXT
    assert studio.spoken == []


def test_thoughts_are_not_spoken(voiced, studio):
    studio.reply = lambda q: words("<think>Nobody should hear this sentence.</think>\n\n" + TEXT)
    stream = events(ask(voiced, Graph(voiced, chatflow(**SPEECH)).key, "advanced-chat"))
    assert "<think>" in "".join(e.get("answer", "") for e in stream)
    assert [q["input"] for q in studio.spoken] == PIECES


def test_moderated_answers_are_spoken(voiced, studio):
    config = dict(SPEECH, sensitive_word_avoidance={"enabled": True, "type": "keywords", "config": {
        "keywords": "q", "inputs_config": {"enabled": True, "preset_response": "Let us talk of something else."},
        "outputs_config": {"enabled": False}}})
    stream = events(ask(voiced, Graph(voiced, easy("chat", **config)).key, "chat"))
    assert [q["input"] for q in studio.spoken] == ["Let us talk of something else."]
    assert stream[-1]["event"] == "tts_message_end" and len(sounds(stream)) == 1


# --- the operations ---

ON = {"text_to_speech": {"enabled": True, "voice": "nova"}, "speech_to_text": {"enabled": True}}


class Place:
    """One app reached over the three APIs."""

    def __init__(self, server, text):
        self.server, self.app = server, Graph(server, text)
        self.console = sign_in(server)
        listed = self.console.get(server.url + "/console/api/apps?limit=100").json()["data"]
        self.id = listed[0]["id"]
        code = self.console.get(server.url + "/console/api/apps/" + self.id).json()["site"]["code"]
        token = requests.get(server.url + "/api/passport", headers={"X-App-Code": code}).json()["access_token"]
        self.passport = {"X-App-Passport": token}

    def post(self, api, name, **more):
        if api == "service":
            return requests.post(self.server.url + "/v1/" + name, headers={"Authorization": "Bearer " + self.app.key}, **more)
        if api == "site":
            return requests.post(self.server.url + "/api/" + name, headers=self.passport, **more)
        return self.console.post("%s/console/api/apps/%s/%s" % (self.server.url, self.id, name), **more)


APIS = ["service", "site", "console"]


@pytest.mark.parametrize("text", ["chat", "chatflow", "workflow"])
def test_recordings_and_texts_over_every_api(voiced, studio, text):
    p = Place(voiced, {"chat": lambda: easy("chat", **ON), "chatflow": lambda: chatflow(**ON),
                       "workflow": lambda: workflow(**ON)}[text]())
    sound = mp3("a recording") * 40
    for api in APIS:
        r = p.post(api, "audio-to-text", files={"file": ('a "b".mp3', sound, "audio/mpeg; x=y")}, data={"user": "u"})
        assert (r.status_code, r.json()) == (200, {"text": "what was said"}), api
        r = p.post(api, "text-to-audio", json={"text": "Hello there.", "user": "u", "voice": "alloy"})
        assert (r.status_code, r.headers["content-type"]) == (200, "audio/mpeg")
        assert r.content == mp3("Hello there.")
    for got in studio.recordings:
        assert got["fields"] == {"model": "listener", "language": "ja", "response_format": "json"}
        assert got["bytes"] == sound and got["type"] == "audio/mpeg" and got["name"].endswith(".mp3")
    assert [q["voice"] for q in studio.spoken] == ["alloy"] * 3 and len(studio.recordings) == 3


def test_voices(voiced, studio):
    p = Place(voiced, easy("chat", **ON))
    url = "%s/console/api/apps/%s/text-to-audio/voices" % (voiced.url, p.id)
    assert p.console.get(url, params={"language": "en-US"}).json() == [
        {"name": "alloy", "value": "alloy"}, {"name": "nova", "value": "nova"}]
    assert p.console.get(url).status_code == 400
    for asked, want in ((None, "nova"), ("alloy", "alloy"), ("nobody", "alloy")):
        p.post("service", "text-to-audio", json={"text": "Hello there.", "voice": asked})
        assert studio.spoken[-1]["voice"] == want


def test_long_texts_are_spoken_in_parts(voiced, studio):
    p = Place(voiced, easy("chat", **ON))
    sentences = ["This is sentence number %d of a long text." % i for i in range(300)]
    r = p.post("service", "text-to-audio", json={"text": " ".join(sentences)})
    said = [q["input"] for q in studio.spoken]
    assert r.content == b"".join(mp3(s) for s in said)
    assert " ".join(said) == " ".join(sentences)
    assert 3 < len(said) < 8 and all(len(s.encode()) <= 4096 and s.endswith(".") for s in said)


def test_messages_are_spoken_to_whom_they_belong(voiced, studio):
    p, other = Place(voiced, easy("chat", **ON)), Graph(voiced, easy("chat", **ON))
    mine = ask(voiced, None, "chat", streaming=False, path="/api", headers=p.passport).json()["message_id"]
    theirs = ask(voiced, p.app.key, "chat", streaming=False).json()["message_id"]
    foreign = ask(voiced, other.key, "chat", streaming=False).json()["message_id"]
    for api, message, heard in (("site", mine, True), ("site", theirs, False), ("service", theirs, True),
                                ("service", mine, True), ("console", mine, True), ("service", foreign, False),
                                ("console", foreign, False), ("site", foreign, False), ("service", "no-id", False)):
        r = p.post(api, "text-to-audio", json={"message_id": message, "user": "u"})
        assert r.status_code == 200
        if heard:
            assert r.content == mp3(TEXT), (api, message)
        else:
            assert r.content == b"null\n", (api, message)


def test_what_is_refused(voiced, studio):
    p, off = Place(voiced, easy("chat", **ON)), Place(voiced, easy("chat"))
    for api in APIS:
        error = lambda r: (r.status_code, r.json()["code"], r.json()["message"])  # noqa: E731
        file = lambda size, kind="audio/mp3": {"file": ("a.mp3", b"x" * size, kind)}  # noqa: E731
        assert error(off.post(api, "audio-to-text", files=file(9))) == (400, "invalid_param", "Speech to text is not enabled")
        assert error(off.post(api, "text-to-audio", json={"text": "a"})) == (400, "invalid_param", "TTS is not enabled")
        assert error(p.post(api, "audio-to-text", data={"user": "u"})) == (400, "no_audio_uploaded", "Please upload your audio.")
        assert error(p.post(api, "audio-to-text", files=file(9, "text/plain")))[:2] == (415, "unsupported_audio_type")
        # The limit of this server is 1 MB.
        assert p.post(api, "audio-to-text", files=file(1 << 20)).status_code == 200
        assert error(p.post(api, "audio-to-text", files=file((1 << 20) + 1))) == \
            (413, "audio_too_large", "Audio size larger than 1 mb")
        assert error(p.post(api, "text-to-audio", json={"user": "u"})) == (400, "invalid_param", "Text is required")
        assert error(p.post(api, "text-to-audio", json={"text": 5}))[:2] == (400, "invalid_param")
        studio.speak = lambda text: 400
        status, code, text = error(p.post(api, "text-to-audio", json={"text": "Hello there."}))
        assert (status, code) == (400, "invalid_param") and "out of breath" in text
        studio.speak = lambda text: None


def test_without_models():
    s = Server().start().setup()
    try:
        key = Graph(s, easy("chat", **ON)).key
        h = {"Authorization": "Bearer " + key}
        for r in (requests.post(s.url + "/v1/text-to-audio", headers=h, json={"text": "a"}),
                  requests.post(s.url + "/v1/audio-to-text", headers=h, files={"file": ("a.mp3", b"x", "audio/mp3")})):
            assert (r.status_code, r.json()["code"]) == (400, "provider_not_initialize")
    finally:
        s.remove()
