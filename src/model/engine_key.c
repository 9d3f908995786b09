/* SPDX-License-Identifier: Apache-2.0 */
/* embedder_key: the name of a text's vector; shared with the program that makes vectors at build. */
#include <string.h>

#include "base/crypt.h"
#include "model/engine.h"

void embedder_key(struct str text, bool query, unsigned char key[ENGINE_KEY_LEN])
{
	unsigned char hash[SHA256_LEN];
	crypt_sha256(text, hash);
	memcpy(key, hash, ENGINE_KEY_LEN);
	key[0] = (unsigned char)((key[0] & 0xFE) | query);
}
