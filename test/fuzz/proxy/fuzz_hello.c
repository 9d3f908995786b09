/* SPDX-License-Identifier: Apache-2.0 */
/* TLS hellos: the name lies inside the input, and no prefix of an input says another name. */
#include "base/core.h"
#include "proxy/egress_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str name = { 0 }, part = { 0 };
	enum egress_hello whole = egress_hello_name(data, size, &name);
	if (whole == HELLO_FOUND)
		ASSERT(name.len && name.at > (const char *)data &&
		       name.at + name.len <= (const char *)data + size);
	for (size_t cut = 0; cut < size && cut < 600; cut++) {
		enum egress_hello h = egress_hello_name(data, cut, &part);
		ASSERT(h == HELLO_MORE || h == whole);
		ASSERT(h != HELLO_FOUND || str_eq(part, name));
	}
	return 0;
}
