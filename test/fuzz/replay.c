/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay: feeds every file of the given directories and files to a fuzz target, in the order of
 * their names, so that a corpus is a unit test too. An empty input always comes first. Directories
 * below are entered. At least one file must be found.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int feed_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	if (!f || fseek(f, 0, SEEK_END)) {
		perror(path);
		exit(2);
	}
	long size = ftell(f);
	rewind(f);
	/* Exactly sized, so that reading past the end is seen. */
	uint8_t *data = malloc(size > 0 ? (size_t)size : 1);
	if (!data || fread(data, 1, (size_t)size, f) != (size_t)size) {
		perror(path);
		exit(2);
	}
	fclose(f);
	LLVMFuzzerTestOneInput(data, (size_t)size);
	free(data);
	return 1;
}

static int feed(const char *path)
{
	struct stat st;
	struct dirent **names;
	int count = 0;
	if (stat(path, &st)) {
		perror(path);
		exit(2);
	}
	if (!S_ISDIR(st.st_mode))
		return feed_file(path);
	int n = scandir(path, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char full[2048];
		snprintf(full, sizeof(full), "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			count += feed(full);
		free(names[i]);
	}
	free(names);
	return count;
}

int main(int argc, char **argv)
{
	int count = 0;
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++)
		count += feed(argv[i]);
	printf("%d inputs\n", count);
	return count > 0 ? 0 : 1;
}
