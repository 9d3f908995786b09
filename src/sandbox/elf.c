/* SPDX-License-Identifier: Apache-2.0 */
/* elf: DT_NEEDED of 64-bit files of this machine. Bounds are checked: files may be anything. */
#include "sandbox/root.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"

struct image {
	const char *at;
	size_t len;
	const Elf64_Ehdr *head;
};

/* NULL outside of the file, and where no such thing can lie. */
static const void *part(const struct image *m, uint64_t offset, uint64_t n, size_t align)
{
	if (offset % align || offset > m->len || n > m->len - offset)
		return NULL;
	return m->at + offset;
}

static const Elf64_Phdr *segment(const struct image *m, uint32_t type, uint64_t address)
{
	for (unsigned i = 0; i < m->head->e_phnum; i++) {
		const Elf64_Phdr *p = part(m, m->head->e_phoff + i * sizeof(*p), sizeof(*p), _Alignof(Elf64_Phdr));
		if (!p)
			return NULL;
		if (p->p_type == type && (!address || (address >= p->p_vaddr && address < p->p_vaddr + p->p_filesz)))
			return p;
	}
	return NULL;
}

/* A text of the string table, "" when it is out of bounds. */
static const char *text_at(const struct image *m, uint64_t table, uint64_t offset)
{
	const Elf64_Phdr *p = segment(m, PT_LOAD, table);
	if (!p)
		return "";
	uint64_t from = table - p->p_vaddr + p->p_offset + offset;
	if (from >= m->len || !memchr(m->at + from, 0, m->len - from))
		return "";
	return m->at + from;
}

static bool readable(const char *path)
{
	return access(path, R_OK) == 0;
}

/* $ORIGIN is the folder of the file. */
static const char *in_runpath(struct arena *mem, const char *file, const char *runpath, const char *name)
{
	struct str rest = str_c(runpath), dir = str_c(file);
	dir.len = str_rfind_char(dir, '/');
	while (rest.len) {
		struct str one = str_cut(&rest, ':');
		bool origin = str_starts(one, S("$ORIGIN"));
		struct str tail = origin ? str_skip(one, 7) : one;
		const char *path = origin ? arena_printf(mem, "%.*s%.*s/%s", STR(dir), STR(tail), name).at
					  : arena_printf(mem, "%.*s/%s", STR(tail), name).at;
		if (readable(path))
			return path;
	}
	return NULL;
}

static const char *find_library(struct arena *mem, const char *file, const char *runpath, const char *name)
{
#if defined(__x86_64__)
	static const char triplet[] = "x86_64-linux-gnu";
#else
	static const char triplet[] = "aarch64-linux-gnu";
#endif
	static const char *const dirs[] = { "/usr/local/lib", "/lib", "/usr/lib", "/lib64", "/usr/lib64" };
	const char *found = *runpath ? in_runpath(mem, file, runpath, name) : NULL;
	for (size_t i = 0; i < countof(dirs) && !found; i++) {
		const char *path = arena_printf(mem, "%s/%s/%s", dirs[i], triplet, name).at;
		if (readable(path))
			found = path;
		path = arena_printf(mem, "%s/%s", dirs[i], name).at;
		if (!found && readable(path))
			found = path;
	}
	return found;
}

static void read_dynamic(struct arena *mem, const struct image *m, const char *file, path_list *out)
{
	const Elf64_Phdr *p = segment(m, PT_DYNAMIC, 0);
	const Elf64_Dyn *d = p ? part(m, p->p_offset, p->p_filesz, _Alignof(Elf64_Dyn)) : NULL;
	size_t n = d ? p->p_filesz / sizeof(*d) : 0;
	uint64_t table = 0, runpath = 0;
	bool has_runpath = false;
	for (size_t i = 0; i < n && d[i].d_tag != DT_NULL; i++) {
		if (d[i].d_tag == DT_STRTAB)
			table = d[i].d_un.d_ptr;
		if (d[i].d_tag == DT_RUNPATH || d[i].d_tag == DT_RPATH) {
			runpath = d[i].d_un.d_val;
			has_runpath = true;
		}
	}
	for (size_t i = 0; i < n && d[i].d_tag != DT_NULL; i++) {
		if (d[i].d_tag != DT_NEEDED)
			continue;
		const char *name = text_at(m, table, d[i].d_un.d_val);
		const char *where = has_runpath ? text_at(m, table, runpath) : "";
		const char *path = *name && !strchr(name, '/') ? find_library(mem, file, where, name) : NULL;
		if (path)
			vec_push(mem, out, path);
	}
	const Elf64_Phdr *interp = segment(m, PT_INTERP, 0);
	const char *loader = interp ? part(m, interp->p_offset, interp->p_filesz, 1) : NULL;
	if (loader && interp->p_filesz > 1 && *loader && !loader[interp->p_filesz - 1])
		vec_push(mem, out, arena_str(mem, str_c(loader)).at);
}

status elf_needed(struct arena *mem, const char *file, path_list *out)
{
	struct stat st;
	AUTO(fd) f = { open(file, O_RDONLY | O_CLOEXEC) };
	if (f.n < 0 || fstat(f.n, &st) < 0)
		return err_set(ERR_NOT_FOUND, "cannot read %s", file);
	if (st.st_size < (off_t)sizeof(Elf64_Ehdr))
		return 0;
	struct image m = { .len = (size_t)st.st_size };
	void *at = mmap(NULL, m.len, PROT_READ, MAP_PRIVATE, f.n, 0);
	if (at == MAP_FAILED)
		return err_set(ERR_IO, "cannot map %s", file);
	m.at = at;
	m.head = at;
	if (!memcmp(m.at, ELFMAG, SELFMAG) && m.head->e_ident[EI_CLASS] == ELFCLASS64 &&
	    m.head->e_phentsize == sizeof(Elf64_Phdr))
		read_dynamic(mem, &m, file, out);
	munmap(at, m.len);
	return 0;
}
