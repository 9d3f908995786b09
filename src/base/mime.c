/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mime.h"

/* The first row of a type is its usual extension, the first row of an extension its type. */
#define ROW(extension, mime) { S_INIT(extension), S_INIT(mime) }
static const struct {
	struct str extension, mime;
} rows[] = {
	ROW("txt", "text/plain"),
	ROW("md", "text/markdown"),
	ROW("markdown", "text/markdown"),
	ROW("mdx", "text/markdown"),
	ROW("html", "text/html"),
	ROW("htm", "text/html"),
	ROW("css", "text/css"),
	ROW("csv", "text/csv"),
	ROW("tsv", "text/tab-separated-values"),
	ROW("vtt", "text/vtt"),
	ROW("ics", "text/calendar"),
	ROW("xml", "application/xml"),
	ROW("xml", "text/xml"),
	ROW("js", "text/javascript"),
	ROW("js", "application/javascript"),
	ROW("json", "application/json"),
	ROW("yaml", "application/yaml"),
	ROW("yml", "application/yaml"),
	ROW("properties", "text/plain"),
	ROW("bin", "application/octet-stream"),
	ROW("pdf", "application/pdf"),
	ROW("zip", "application/zip"),
	ROW("gz", "application/gzip"),
	ROW("tar", "application/x-tar"),
	ROW("7z", "application/x-7z-compressed"),
	ROW("epub", "application/epub+zip"),
	ROW("rtf", "application/rtf"),
	ROW("wasm", "application/wasm"),
	ROW("doc", "application/msword"),
	ROW("xls", "application/vnd.ms-excel"),
	ROW("ppt", "application/vnd.ms-powerpoint"),
	ROW("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
	ROW("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
	ROW("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
	ROW("odt", "application/vnd.oasis.opendocument.text"),
	ROW("msg", "application/vnd.ms-outlook"),
	ROW("eml", "message/rfc822"),
	ROW("jpg", "image/jpeg"),
	ROW("jpeg", "image/jpeg"),
	ROW("png", "image/png"),
	ROW("gif", "image/gif"),
	ROW("webp", "image/webp"),
	ROW("svg", "image/svg+xml"),
	ROW("bmp", "image/bmp"),
	ROW("tiff", "image/tiff"),
	ROW("ico", "image/vnd.microsoft.icon"),
	ROW("avif", "image/avif"),
	ROW("mp3", "audio/mpeg"),
	ROW("mpga", "audio/mpeg"),
	ROW("m4a", "audio/mp4"),
	ROW("wav", "audio/wav"),
	ROW("wav", "audio/x-wav"),
	ROW("ogg", "audio/ogg"),
	ROW("flac", "audio/flac"),
	ROW("amr", "audio/amr"),
	ROW("mp4", "video/mp4"),
	ROW("mpeg", "video/mpeg"),
	ROW("webm", "video/webm"),
	ROW("mov", "video/quicktime"),
	ROW("avi", "video/x-msvideo"),
};

struct str mime_bare(struct str mime)
{
	return str_trim(str_cut(&mime, ';'));
}

struct str mime_of_extension(struct str extension)
{
	if (str_starts(extension, S(".")))
		extension = str_skip(extension, 1);
	for (size_t i = 0; i < countof(rows); i++)
		if (str_eq_nocase(rows[i].extension, extension))
			return rows[i].mime;
	return S("");
}

struct str mime_extension(struct str mime)
{
	struct str bare = mime_bare(mime);
	for (size_t i = 0; i < countof(rows); i++)
		if (str_eq_nocase(rows[i].mime, bare))
			return rows[i].extension;
	return S("");
}

struct str mime_name_extension(struct str filename)
{
	size_t dot = str_rfind_char(filename, '.');
	return dot == SIZE_MAX || !dot ? S("") : str_skip(filename, dot + 1);
}

struct str mime_param(struct str header, struct str name)
{
	str_cut(&header, ';');
	while (header.len) {
		struct str value = str_cut(&header, ';');
		struct str key = str_trim(str_cut(&value, '='));
		if (!str_eq_nocase(key, name))
			continue;
		value = str_trim(value);
		if (value.len >= 2 && value.at[0] == '"' && value.at[value.len - 1] == '"')
			value = str_sub(value, 1, value.len - 2);
		return value.at ? value : S("");
	}
	return S("");
}
