/* SPDX-License-Identifier: Apache-2.0 */
/* table: every role, in the order in which `serve` starts them. A new role is a file and a row. */
#include "role/role.h"

extern const struct role_type role_model, role_api, role_worker, role_web, role_gateway, role_ssrf_proxy,
	role_sandbox;

const struct role_type *const role_types[] = {
	&role_model, &role_api, &role_worker, &role_ssrf_proxy, &role_sandbox, &role_web, &role_gateway,
};
const size_t role_types_len = countof(role_types);
