/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L /* open, fstat */
#include "net/decisions.h"

#include <dnnl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef PDL_SIMD_X86
#include <cpuid.h>
#endif

#define LARGEST_FILE ((size_t)1 << 20)

/* ---- the machine ---- */

/* The processor's name, family, model and stepping, as far as it tells them. */
static void name_processor(unsigned words[13])
{
#ifdef PDL_SIMD_X86
    unsigned unused[3];
    for (unsigned i = 0; i < 3; i++)
        (void)__get_cpuid(0x80000002 + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2], &words[4 * i + 3]);
    (void)__get_cpuid(1, &words[12], &unused[0], &unused[1], &unused[2]);
#else
    (void)words;
#endif
}

uint64_t pdl_hash(const void *data, size_t size, uint64_t seed)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++)
        seed = (seed ^ bytes[i]) * 0x100000001b3u;
    return seed;
}

static uint64_t hash_machine(pdl_simd simd)
{
    const dnnl_version_t *version = dnnl_version();
    unsigned words[13] = {0};
    int others[] = {(int)simd, (int)dnnl_get_effective_cpu_isa(), version->major, version->minor, version->patch};
    name_processor(words);
    return pdl_hash(others, sizeof others, pdl_hash(words, sizeof words, PDL_HASH_SEED));
}

/* ---- the file ---- */

/* The whole file after a line's end, which every line that counts has before it. */
static char *read_text(int file, size_t *size)
{
    struct stat status;
    if (fstat(file, &status) != 0 || status.st_size < 0 || (size_t)status.st_size >= LARGEST_FILE) return NULL;
    char *text = malloc((size_t)status.st_size + 2);
    if (text == NULL) return NULL;
    ssize_t got = pread(file, text + 1, (size_t)status.st_size, 0);
    if (got < 0) {
        free(text);
        return NULL;
    }
    text[0] = '\n';
    *size = (size_t)got + 1;
    for (size_t i = 1; i < *size; i++)
        if (text[i] == '\0') text[i] = '?'; /* damage: it must not hide what follows */
    text[*size] = '\0';
    return text;
}

bool pdl_decisions_open(pdl_decisions *decisions, const char *path, pdl_simd simd)
{
    *decisions = (pdl_decisions){.machine = hash_machine(simd)};
    decisions->file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (decisions->file < 0) return false;
    decisions->text = read_text(decisions->file, &decisions->kept);
    decisions->end = decisions->kept;
    if (decisions->text == NULL) close(decisions->file);
    return decisions->text != NULL;
}

bool pdl_decisions_find(const pdl_decisions *decisions, const char *question, char *answer, size_t size)
{
    char line[PDL_MAX_QUESTION + 32];
    int length = snprintf(line, sizeof line, "\n%016llx %s ", (unsigned long long)decisions->machine, question);
    if (length < 0 || (size_t)length >= sizeof line) return false;
    const char *found = strstr(decisions->text, line);
    if (found == NULL) return false;
    found += length;
    size_t count = strcspn(found, "\n");
    if (found[count] == '\0' || count >= size) return false; /* cut short */
    memcpy(answer, found, count);
    answer[count] = '\0';
    return true;
}

void pdl_decisions_add(pdl_decisions *decisions, const char *question, const char *answer)
{
    size_t room = strlen(question) + strlen(answer) + 24;
    char *text = realloc(decisions->text, decisions->end + room);
    if (text == NULL) return;
    int length = snprintf(text + decisions->end, room, "\n%016llx %s %s\n", (unsigned long long)decisions->machine,
                          question, answer);
    decisions->text = text;
    if (length > 0) decisions->end += (size_t)length;
}

/* One write of all: what other processes append meanwhile comes before or after it. The empty line before each ends
 * whatever a crash may have cut short. */
void pdl_decisions_close(pdl_decisions *decisions)
{
    size_t added = decisions->end - decisions->kept;
    if (added > 0 && write(decisions->file, decisions->text + decisions->kept, added) < 0) {
        /* The disk is full: the next process decides anew. */
    }
    close(decisions->file);
    free(decisions->text);
}
