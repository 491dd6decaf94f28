/* SPDX-License-Identifier: Apache-2.0 */
#include "linear/part.h"

#include "base/memory.h"

#include <string.h>

#define MIN_ROOM ((size_t)1024)

void pdl_part_free(pdl_part *part)
{
    pdl_free(part->owned);
    pdl_free(part->value);
    pdl_free(part->start);
    pdl_free(part->column);
    pdl_free(part->index);
    *part = (pdl_part){0};
}

/* The array in a new place of `room` elements; NULL, and the array as it was, when memory is out. */
static void *moved(void *array, size_t used, size_t room, size_t size)
{
    void *copy = pdl_alloc(room, size);
    if (copy == NULL) return NULL;
    if (used != 0) memcpy(copy, array, used * size);
    pdl_free(array);
    return copy;
}

static bool resize_nonzeros(pdl_part *part, size_t room)
{
    float *value = moved(part->value, part->nonzeros, room, sizeof *value);
    if (value == NULL) return false;
    part->value = value;
    uint32_t *column = moved(part->column, part->nonzeros, room, sizeof *column);
    if (column == NULL) return false;
    part->column = column;
    part->room = room;
    return true;
}

static bool resize_rows(pdl_part *part, size_t room)
{
    uint32_t *start = moved(part->start, part->start != NULL ? part->rows + 1 : 0, room, sizeof *start);
    if (start == NULL) return false;
    if (part->start == NULL) start[0] = 0;
    part->start = start;
    part->row_room = room;
    return true;
}

bool pdl_part_reserve(pdl_part *part, size_t nonzeros, size_t rows)
{
    if (nonzeros > UINT32_MAX - part->nonzeros) return false;
    size_t wanted = part->nonzeros + nonzeros, starts = part->rows + rows + 1;
    if (wanted > part->room && !resize_nonzeros(part, pdl_size_max(pdl_size_max(wanted, 2 * part->nonzeros), MIN_ROOM)))
        return false;
    return starts <= part->row_room || resize_rows(part, pdl_size_max(starts, 2 * part->rows));
}

void pdl_part_trim(pdl_part *part)
{
    if (part->value != NULL && part->index == NULL && part->room > part->nonzeros + part->nonzeros / 4 + MIN_ROOM)
        resize_nonzeros(part, part->nonzeros + 1);
}

/* start[t * rows + i + 1] = number of row i's non-zeros in tile t, then their running sum. */
static void count_tiles(const pdl_part *part, size_t width, size_t tiles, uint32_t *start)
{
    memset(start, 0, (tiles * part->rows + 1) * sizeof *start);
    for (size_t i = 0; i < part->rows; i++) {
        size_t tile = 0, end = width;
        for (size_t k = part->start[i]; k < part->start[i + 1]; k++) {
            for (; part->column[k] >= end; end += width)
                tile++;
            start[tile * part->rows + i + 1]++;
        }
    }
    for (size_t i = 0; i < tiles * part->rows; i++)
        start[i + 1] += start[i];
}

bool pdl_part_tile(pdl_part *part, size_t width, size_t tiles)
{
    if (part->index != NULL) return true;
    size_t starts;
    uint32_t *start = NULL;
    float *value = pdl_alloc(part->nonzeros, sizeof *value);
    uint16_t *index = pdl_alloc(part->nonzeros, sizeof *index);
    if (pdl_size_mul(tiles, part->rows, &starts) && starts < SIZE_MAX) start = pdl_alloc(starts + 1, sizeof *start);
    if (value == NULL || index == NULL || start == NULL) {
        pdl_free(value);
        pdl_free(index);
        pdl_free(start);
        return false;
    }
    count_tiles(part, width, tiles, start);
    for (size_t i = 0; i < part->rows; i++) {
        size_t tile = 0, end = width, place = start[i];
        for (size_t k = part->start[i]; k < part->start[i + 1]; k++, place++) {
            if (part->column[k] >= end) {
                for (; part->column[k] >= end; end += width)
                    tile++;
                place = start[tile * part->rows + i];
            }
            value[place] = part->value[k];
            index[place] = (uint16_t)(part->column[k] - (end - width));
        }
    }
    pdl_free(part->value);
    pdl_free(part->column);
    pdl_free(part->start);
    part->value = value;
    part->start = start;
    part->index = index;
    part->column = NULL;
    part->room = part->row_room = 0;
    return true;
}

bool pdl_part_expand(pdl_part *part, size_t columns)
{
    if (part->x != NULL) return true;
    size_t count;
    float *x = pdl_size_mul(part->rows, columns, &count) ? pdl_alloc_zero(count, sizeof *x) : NULL;
    if (x == NULL) return false;
    for (size_t i = 0; i < part->rows; i++)
        for (size_t k = part->start[i]; k < part->start[i + 1]; k++)
            x[i * columns + part->column[k]] = part->value[k];
    size_t rows = part->rows, nonzeros = part->nonzeros;
    pdl_part_free(part);
    *part = (pdl_part){.rows = rows, .nonzeros = nonzeros, .x = x, .owned = x};
    return true;
}
