/* SPDX-License-Identifier: Apache-2.0 */
/* mime: media types and the extensions of file names, one table for both directions. Pure. */
#pragma once
#include "base/core.h"
#include "base/str.h"

/* With or without the point, any case; "" when unknown. */
struct str mime_of_extension(struct str extension);
/* Without the point: the usual one; parameters ("; charset=...") are ignored. "" when unknown. */
struct str mime_extension(struct str mime);
/* The type without parameters and blanks. */
struct str mime_bare(struct str mime);
/* What follows the last point of a file name, "" when there is none. */
struct str mime_name_extension(struct str filename);
/* Value of a parameter: `charset` of "text/html; charset=\"utf-8\""; "" when absent. */
struct str mime_param(struct str header, struct str name);
