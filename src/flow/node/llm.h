/* SPDX-License-Identifier: Apache-2.0 */
/* llm: what the nodes that call a language model share: how failures are named and usage is shown. */
#pragma once
#include "flow/node/node.h"
#include "model/model.h"

/* After a failed models_ call: fills the result's error with the class names that workflows test. */
status llm_failed(struct node_run *) NODISCARD;
/* Tokens, price and execution_metadata of the result. The usage must live as long as the run. */
void llm_usage(struct node_run *, const struct model_usage *);
/* A model_sink whose arg is the node_run: shows nothing, ends the call when the run is over. */
status llm_quiet(void *run, struct str piece);
