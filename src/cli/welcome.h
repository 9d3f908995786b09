/* SPDX-License-Identifier: Apache-2.0 */
/* welcome: `tatara serve`, and what --welcome adds on a first start: an account, one question
 * answered by the starter app through the Service API, and how to go on. */
#pragma once

/* argv without program and "serve"; returns the exit code. */
int welcome_serve(int argc, char **argv);
