/* SPDX-License-Identifier: Apache-2.0 */
/*
 * install: a process of its own that gives up what it can and becomes pip. Started by the front with a
 * built environment: sandbox-install PYTHON REQUIREMENTS TARGET [INDEX]. It may read what an interpreter
 * needs, write to the folder above the target and nowhere else, and has no rights of root left.
 */
#pragma once
/* Returns only when that fails: the exit code. */
int install_main(int argc, char **argv);
