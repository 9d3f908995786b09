/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypt: the few operations that the product needs, on libsodium and libcrypto. crypt_password
 * takes about 100 ms and much memory: run it on the thread pool.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;

enum { SHA256_LEN = 32, CRYPT_KEY_LEN = 32 };

void crypt_init(void); /* once a process, before anything else here */
void crypt_sha256(struct str, unsigned char out[SHA256_LEN]);
struct str crypt_sha256_hex(struct arena *, struct str);
void crypt_hmac_sha256(struct str key, struct str text, unsigned char out[SHA256_LEN]);
/* HKDF-SHA256 (RFC 5869), `info` separates uses. */
void crypt_derive(struct str secret, struct str info, unsigned char out[CRYPT_KEY_LEN]);

/* XChaCha20-Poly1305, random nonce in front, base64url text with the prefix "v1." */
struct str crypt_seal(struct arena *, const unsigned char key[CRYPT_KEY_LEN], struct str plain);
/* ERR_INVALID for a foreign key or a changed text. */
status crypt_open(struct arena *, const unsigned char key[CRYPT_KEY_LEN], struct str sealed,
		  struct str *plain) NODISCARD;

/* argon2id, encoded text as libsodium prints it. */
status crypt_password(struct arena *, struct str password, struct str *out) NODISCARD;
/* Also accepts "pbkdf2$<base64 salt>$<base64 of hex>" (platform.md 6.1). *upgrade: store anew. */
bool crypt_password_check(struct str stored, struct str password, bool *upgrade);

/* JWT, HS256 only (RFC 7519). Claims are JSON text. Opening checks signature and exp. */
struct str jwt_sign(struct arena *, struct str key, struct str claims);
status jwt_open(struct arena *, struct str key, struct str token, struct str *claims) NODISCARD;
