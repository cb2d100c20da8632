/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#include "handle/segment.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "layout/schema.h"
#include "platform/clock.h"
#include "platform/memory.h"

int seqcast__segment_name(const char *topic, seqcast_detail *ret_detail,
                          char ret_name[SEQCAST__SHM_NAME_BYTES])
{
        const char *bare;
        size_t length;

        if (topic == NULL)
                return seqcast__fail(ret_detail, -EINVAL, "no topic given");
        bare = topic[0] == '/' ? topic + 1 : topic;
        length = strlen(bare);
        if (length == 0)
                return seqcast__fail(ret_detail, -EINVAL, "an empty name");
        if (length > SEQCAST_TOPIC_BYTES_MAX)
                return seqcast__fail(ret_detail, -ENAMETOOLONG, "a name has at most %u bytes, this has %zu",
                                     SEQCAST_TOPIC_BYTES_MAX, length);
        for (size_t i = 0; i < length; i++) {
                if (bare[i] == '/')
                        return seqcast__fail(ret_detail, -EINVAL,
                                             "a name has no '/' after the first character");
                if (!seqcast__is_ident(bare[i]) && (i == 0 || (bare[i] != '.' && bare[i] != '-')))
                        return seqcast__fail(
                                ret_detail, -EINVAL,
                                "a name has letters, digits and '_' and, not first, '.' and '-'");
        }
        ret_name[0] = '/';
        memcpy(ret_name + 1, bare, length + 1);
        return 0;
}

int seqcast__segment_refuse_open(const char *name, int error, seqcast_detail *ret_detail)
{
        struct stat status;

        if (error == -ENOENT)
                return seqcast__fail(ret_detail, error, "no such segment");
        if (error == -ELOOP)
                return seqcast__fail(ret_detail, -EPROTO, "not a segment of this library (a symbolic link)");
        if (error == -EISDIR || error == -ENXIO)
                return seqcast__fail(ret_detail, -EPROTO,
                                     "not a segment of this library (not a regular file)");
        if (error == -EACCES && seqcast__shm_status(name, &status) == 0)
                return seqcast__fail(ret_detail, error, "mode %04o, owner uid %u; you are uid %u",
                                     (unsigned)status.st_mode & 07777, (unsigned)status.st_uid,
                                     (unsigned)geteuid());
        return seqcast__fail(ret_detail, error, "cannot be opened: %s", seqcast_strerror(error));
}

int seqcast__segment_check_memory(int fd, seqcast_detail *ret_detail)
{
        int r = seqcast__shm_is_memory(fd);

        if (r == 0)
                return seqcast__fail(ret_detail, -EOPNOTSUPP, "/dev/shm is not a memory file system (tmpfs)");
        return r < 0 ? r : 0;
}

/* The header is the claim of whoever made the object; so is the schema, which is parsed as any text. */
int seqcast__segment_read(struct seqcast__segment *segment, seqcast_detail *ret_detail)
{
        struct seqcast__segment_header *header = &segment->header;
        uint64_t file_bytes = (uint64_t)segment->status.st_size;
        seqcast_detail why = { "" };
        char *text;
        int r;

        memset(header, 0, sizeof *header);
        r = seqcast__shm_read(segment->fd, 0, header,
                              file_bytes < sizeof *header ? (size_t)file_bytes : sizeof *header);
        if (r < 0)
                return seqcast__fail(ret_detail, r, "its header cannot be read: %s", seqcast_strerror(r));
        r = seqcast__layout_check(header, file_bytes, ret_detail);
        if (r < 0 || header->schema_bytes == 0)
                return r;
        text = malloc(header->schema_bytes + 1u);
        if (text == NULL)
                return -ENOMEM;
        r = seqcast__shm_read(segment->fd, header->schema_offset, text, header->schema_bytes);
        if (r < 0) {
                free(text);
                return seqcast__fail(ret_detail, r, "its schema cannot be read: %s", seqcast_strerror(r));
        }
        text[header->schema_bytes] = '\0';
        r = seqcast_schema_parse(text, &segment->schema, &why);
        free(text);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return seqcast__fail(ret_detail, -EPROTO, "damaged header: schema: %.400s", why.text);
        if (segment->schema->record_bytes > header->record_bytes) {
                segment->schema = seqcast_schema_free(segment->schema);
                return seqcast__fail(ret_detail, -EPROTO,
                                     "damaged header: the schema is larger than the record");
        }
        return 0;
}

int seqcast__segment_check_schema(const struct seqcast__segment *segment, const seqcast_schema *schema,
                                  seqcast_detail *ret_detail)
{
        seqcast_detail difference = { "" };
        int r;

        if (segment->schema == NULL)
                return seqcast__fail(ret_detail, -EPROTOTYPE,
                                     "schema differs: the segment has an opaque record of %" PRIu64 " bytes",
                                     segment->header.record_bytes);
        r = seqcast_schema_compare(segment->schema, schema, &difference);
        if (r == SEQCAST_DIFFERENT)
                return seqcast__fail(ret_detail, -EPROTOTYPE, "schema differs: segment (-), you (+): %.450s",
                                     difference.text);
        return r == -EINVAL ? seqcast__fail(ret_detail, r, "the schema given is not valid") : r;
}

int seqcast__segment_is_detached(const struct seqcast__segment *segment)
{
        struct stat named;
        int r;

        if (seqcast__segment_is_nameless(segment))
                return 0;
        r = seqcast__shm_status(segment->name, &named);
        if (r == -ENOENT)
                return 1;
        if (r < 0)
                return r;
        return named.st_dev != segment->status.st_dev || named.st_ino != segment->status.st_ino;
}

int64_t seqcast__segment_age_ns(int64_t time_ns, uint64_t time_namespace)
{
        int64_t now = seqcast__clock_boot_ns();

        if (time_ns <= 0 || time_namespace == 0 || time_namespace != seqcast__clock_namespace() ||
            time_ns > now)
                return -1;
        return now - time_ns;
}

void seqcast__segment_text(char *ret_text, size_t capacity, const void *from, size_t bytes)
{
        const char *source = from;
        size_t length = 0;

        for (; length + 1 < capacity && length < bytes && source[length] != '\0'; length++)
                ret_text[length] = source[length] > ' ' && source[length] <= '~' ? source[length] : '?';
        ret_text[length] = '\0';
}

int64_t seqcast__segment_newest_time_ns(const struct seqcast__segment *segment, uint64_t version)
{
        const struct seqcast__segment_header *header = &segment->header;
        uint64_t slot = header->slots_offset + (version & (header->depth - 1)) * header->slot_stride;
        int64_t time_ns = 0;

        if (header->time_clock == 0 || version == 0)
                return 0;
        if (seqcast__shm_read(segment->fd, slot + SEQCAST_SLOT_TIME * SEQCAST_WORD_BYTES, &time_ns,
                              sizeof time_ns) < 0)
                return 0;
        return time_ns;
}

void seqcast__segment_describe_publisher(const struct seqcast__segment *segment, const char *what,
                                         char *ret_text, size_t capacity)
{
        uint64_t control[SEQCAST__CONTROL_WORDS] = { 0 };
        char program[32], age[64] = "";
        int64_t age_ns;

        if (segment->header.magic != SEQCAST__MAGIC ||
            seqcast__shm_read(segment->fd, segment->header.control_offset, control, sizeof control) < 0) {
                snprintf(ret_text, capacity, "another process %s", what);
                return;
        }
        seqcast__segment_text(program, sizeof program, &control[SEQCAST__CONTROL_PROGRAM], sizeof program);
        age_ns = seqcast__segment_age_ns(
                seqcast__segment_newest_time_ns(segment,
                                                control[SEQCAST__CONTROL_VERSION] & ~SEQCAST_VERSION_RETIRED),
                control[SEQCAST__CONTROL_TIME_NAMESPACE]);
        if (age_ns >= 0)
                snprintf(age, sizeof age, " (last publication %" PRId64 " ms ago)", age_ns / 1000000);
        snprintf(ret_text, capacity, "pid %" PRIu64 " (%s) %s%s", control[SEQCAST__CONTROL_PUBLISHER_PID],
                 program, what, age);
}

void seqcast__segment_info(const struct seqcast__segment *segment, seqcast_info *ret_info)
{
        const struct seqcast__segment_header *header = &segment->header;

        *ret_info = (seqcast_info){
                .record_bytes = header->record_bytes,
                .segment_bytes = header->segment_bytes,
                .incarnation = header->incarnation,
                .creator_pid = header->creator_pid,
                .created_ns = header->created_ns,
                .depth = header->depth,
                .owner = segment->status.st_uid,
                .mode = segment->status.st_mode & 07777,
                .format_version = header->format_version,
                .sparse = seqcast__layout_is_sparse(header),
                .times = header->time_clock != 0,
                .memory = segment->memory,
                .memory_missing = segment->memory_asked & ~segment->memory,
        };
        seqcast__segment_text(ret_info->creator, sizeof ret_info->creator, header->creator,
                              sizeof header->creator);
}

void seqcast__segment_close(struct seqcast__segment *segment)
{
        seqcast__memory_unmap(segment->base, segment->base_bytes);
        segment->base = NULL;
        if (segment->fd >= 0)
                close(segment->fd);
        segment->fd = -1;
        segment->schema = seqcast_schema_free(segment->schema);
}
