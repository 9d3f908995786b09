/* SPDX-License-Identifier: Apache-2.0 */
/* crypt: hashes, sealed texts, passwords and tokens. Holds no keys; callers pass them in. */
#include "base/crypt.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/enc.h"
#include "base/err.h"
#include "base/json.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <string.h>

enum {
	NONCE_LEN = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
	TAG_LEN = crypto_aead_xchacha20poly1305_ietf_ABYTES,
	PBKDF2_ROUNDS = 10000,
	PBKDF2_LEN = 32,
};

#define BYTES(s) ((const unsigned char *)((s).at ? (s).at : ""))

void crypt_init(void)
{
	ASSERT(sodium_init() >= 0);
}

void crypt_sha256(struct str s, unsigned char out[SHA256_LEN])
{
	crypto_hash_sha256(out, BYTES(s), s.len);
}

struct str crypt_sha256_hex(struct arena *mem, struct str s)
{
	unsigned char sum[SHA256_LEN];
	crypt_sha256(s, sum);
	return enc_hex(mem, str_of((const char *)sum, sizeof(sum)));
}

void crypt_hmac_sha256(struct str key, struct str text, unsigned char out[SHA256_LEN])
{
	crypto_auth_hmacsha256_state state;
	crypto_auth_hmacsha256_init(&state, BYTES(key), key.len);
	crypto_auth_hmacsha256_update(&state, BYTES(text), text.len);
	crypto_auth_hmacsha256_final(&state, out);
	sodium_memzero(&state, sizeof(state));
}

void crypt_derive(struct str secret, struct str info, unsigned char out[CRYPT_KEY_LEN])
{
	/* RFC 5869 with an empty salt; one block is all that is needed: T(1) = HMAC(PRK, info|1). */
	unsigned char prk[SHA256_LEN];
	static const char no_salt[SHA256_LEN];
	crypt_hmac_sha256(str_of(no_salt, sizeof(no_salt)), secret, prk);
	crypto_auth_hmacsha256_state state;
	crypto_auth_hmacsha256_init(&state, prk, sizeof(prk));
	crypto_auth_hmacsha256_update(&state, BYTES(info), info.len);
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)"\1", 1);
	crypto_auth_hmacsha256_final(&state, out);
	sodium_memzero(prk, sizeof(prk));
	sodium_memzero(&state, sizeof(state));
}

struct str crypt_seal(struct arena *mem, const unsigned char key[CRYPT_KEY_LEN], struct str plain)
{
	size_t len = size_add(plain.len, NONCE_LEN + TAG_LEN);
	unsigned char *raw = (unsigned char *)arena_text(mem, len);
	unsigned long long made;
	randombytes_buf(raw, NONCE_LEN);
	crypto_aead_xchacha20poly1305_ietf_encrypt(raw + NONCE_LEN, &made, BYTES(plain), plain.len,
						   NULL, 0, NULL, raw, key);
	struct str text = enc_base64url(mem, str_of((const char *)raw, len));
	return arena_printf(mem, "v1.%.*s", STR(text));
}

status crypt_open(struct arena *mem, const unsigned char key[CRYPT_KEY_LEN], struct str sealed,
		  struct str *plain)
{
	struct str raw;
	if (!str_starts(sealed, S("v1.")))
		return err_set(ERR_INVALID, "this is not a sealed text");
	if (dec_base64(mem, str_skip(sealed, 3), &raw) || raw.len < NONCE_LEN + TAG_LEN)
		return err_set(ERR_INVALID, "the sealed text is broken");
	size_t len = raw.len - NONCE_LEN - TAG_LEN;
	unsigned char *out = (unsigned char *)arena_text(mem, len + 1);
	unsigned long long made;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(
		    out, &made, NULL, BYTES(raw) + NONCE_LEN, raw.len - NONCE_LEN, NULL, 0,
		    BYTES(raw), key))
		return err_set(ERR_INVALID,
			       "the sealed text was made with another key or has been changed");
	out[len] = 0;
	*plain = str_of((const char *)out, len);
	return 0;
}

/* --- passwords --- */

status crypt_password(struct arena *mem, struct str password, struct str *out)
{
	char text[crypto_pwhash_STRBYTES];
	if (crypto_pwhash_str_alg(text, password.at ? password.at : "", password.len,
				  crypto_pwhash_OPSLIMIT_INTERACTIVE,
				  crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13))
		return err_set(ERR_UNAVAILABLE, "not enough memory to hash a password");
	*out = arena_str(mem, str_c(text));
	return 0;
}

static bool check_pbkdf2(struct str stored, struct str password)
{
	AUTO(arena) mem = { arena_open(0) };
	struct str rest = str_skip(stored, sizeof("pbkdf2$") - 1), salt, want;
	struct str salt_text = str_cut(&rest, '$');
	if (!rest.at || password.len > INT32_MAX || dec_base64(mem.p, salt_text, &salt) ||
	    dec_base64(mem.p, rest, &want))
		return false;
	unsigned char sum[PBKDF2_LEN];
	if (PKCS5_PBKDF2_HMAC((const char *)BYTES(password), (int)password.len, BYTES(salt),
			      (int)salt.len, PBKDF2_ROUNDS, EVP_sha256(), sizeof(sum), sum) != 1)
		return false;
	struct str have = enc_hex(mem.p, str_of((const char *)sum, sizeof(sum)));
	return str_eq_secret(have, want);
}

bool crypt_password_check(struct str stored, struct str password, bool *upgrade)
{
	char text[crypto_pwhash_STRBYTES];
	*upgrade = false;
	if (str_starts(stored, S("pbkdf2$"))) {
		*upgrade = check_pbkdf2(stored, password);
		return *upgrade;
	}
	if (!stored.len || stored.len >= sizeof(text))
		return false;
	memset(text, 0, sizeof(text));
	memcpy(text, stored.at, stored.len);
	if (crypto_pwhash_str_verify(text, (const char *)BYTES(password), password.len))
		return false;
	*upgrade = crypto_pwhash_str_needs_rehash(text, crypto_pwhash_OPSLIMIT_INTERACTIVE,
						  crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0;
	return true;
}

/* --- tokens --- */

struct str jwt_sign(struct arena *mem, struct str key, struct str claims)
{
	unsigned char sum[SHA256_LEN];
	struct str head = enc_base64url(mem, S("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"));
	struct str body = enc_base64url(mem, claims);
	struct buf b = buf_make(mem, SIZE_MAX / 4);
	buf_put(&b, head);
	buf_putc(&b, '.');
	buf_put(&b, body);
	crypt_hmac_sha256(key, buf_str(&b), sum);
	buf_putc(&b, '.');
	buf_put(&b, enc_base64url(mem, str_of((const char *)sum, sizeof(sum))));
	return buf_str(&b);
}

static status check_times(const struct json *claims)
{
	const struct json *exp = json_get(claims, S("exp")), *nbf = json_get(claims, S("nbf"));
	double now = (double)clock_s();
	bool number = json_is(exp, JSON_INT) || json_is(exp, JSON_FLOAT);
	if (exp && (!number || now >= json_as_double(exp, 0)))
		return err_set(ERR_UNAUTHORIZED, number ? "the token has expired"
							: "the token has a broken expiry time");
	if (nbf && json_as_double(nbf, 1e300) > now)
		return err_set(ERR_UNAUTHORIZED, "the token is not valid yet");
	return 0;
}

status jwt_open(struct arena *mem, struct str key, struct str token, struct str *claims)
{
	struct str rest = token, head_text, body_text, sum_text, head, body, sum;
	struct json *tree;
	unsigned char want[SHA256_LEN];
	head_text = str_cut(&rest, '.');
	body_text = str_cut(&rest, '.');
	sum_text = rest;
	if (!sum_text.at || dec_base64(mem, head_text, &head) ||
	    dec_base64(mem, body_text, &body) || dec_base64(mem, sum_text, &sum))
		return err_set(ERR_UNAUTHORIZED, "the token is broken");
	crypt_hmac_sha256(key, str_of(token.at, head_text.len + 1 + body_text.len), want);
	if (!str_eq_secret(sum, str_of((const char *)want, sizeof(want))))
		return err_set(ERR_UNAUTHORIZED, "the token's signature is wrong");
	/* The algorithm is fixed: a header that names another one is not ours. */
	if (json_parse(mem, head, &tree) || !str_eq(json_get_str(tree, S("alg")), S("HS256")))
		return err_set(ERR_UNAUTHORIZED, "the token has an unknown algorithm");
	if (json_parse(mem, body, &tree) || !json_is(tree, JSON_OBJ))
		return err_set(ERR_UNAUTHORIZED, "the token's claims are broken");
	if (check_times(tree))
		return -1;
	*claims = body;
	return 0;
}
