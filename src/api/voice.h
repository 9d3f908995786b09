/* SPDX-License-Identifier: Apache-2.0 */
/*
 * voice: speaks the answer of a stream while its text comes: sentence by sentence in a fiber of its
 * own, as tts_message events between the others, never holding up the text. What a model thinks is
 * not spoken. A failure of the speech model ends the speech, not the stream.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct call;
struct stream_run;
struct voice;

/* For a run with `speech`. call and run must live until voice_close. */
status voice_open(struct call *, const struct stream_run *, struct voice **out) NODISCARD;
/* More text; copied. NULL: does nothing. */
void voice_say(struct voice *, struct str text);
/* The text is over: waits for what is still to be spoken, at most TATARA_TTS_WAIT_SECONDS between two
 * pieces, and sends tts_message_end. NULL: does nothing. Fails only when the client is gone. */
status voice_finish(struct voice *) NODISCARD;
/* Stops speaking; NULL is fine. */
void voice_close(struct voice *);
DEFINE_AUTO(voice, struct voice, voice_close)
