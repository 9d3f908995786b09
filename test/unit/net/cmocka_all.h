/* SPDX-License-Identifier: Apache-2.0 */
/* What cmocka's own header wants to be included before it. */
#pragma once
#include "base/buf.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
