/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of name servers. The first byte chooses the family; the question is read out of the
 * input, so that the fuzzer gets past it. */
#include "base/core.h"
#include "net/dns_message.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char asked[] = "a.bc";
	struct dns_reply r;
	if (size < 3)
		return 0;
	enum dns_type type = data[0] & 1 ? DNS_A : DNS_AAAA;
	uint16_t id = (uint16_t)(data[1] << 8 | data[2]);
	enum dns_outcome o = dns_reply_read(data + 1, size - 1, id, str_c(asked), type, &r);
	ASSERT(r.count <= DNS_ADDRESSES_MAX && r.aliases <= DNS_CHAIN_MAX);
	ASSERT(o == DNS_OK || o == DNS_NO_NAME || o == DNS_FAILED || o == DNS_TRUNCATED || o == DNS_OTHER);
	for (size_t i = 0; i < r.aliases; i++)
		ASSERT(strlen(r.alias[i]) <= DNS_NAME_MAX);
	for (size_t i = 0; o == DNS_OK && i < r.count; i++)
		ASSERT(r.at[i].any.sa_family == (type == DNS_A ? AF_INET : AF_INET6));
	uint8_t query[DNS_QUERY_MAX];
	size_t n = dns_query_write(query, id, str_of((const char *)data, size), type);
	ASSERT(n <= DNS_QUERY_MAX);
	return 0;
}
