/* SPDX-License-Identifier: Apache-2.0 */
#include "net/packed.h"

#include "base/memory.h"
#include "base/status.h"
#include "net/winograd/winograd.h"

#include <stdlib.h>

static void free_packed(pdl_packed *packed)
{
    if (packed->memory != NULL) dnnl_memory_destroy(packed->memory);
    pdl_free(packed->data);
    free(packed);
}

void pdl_packed_destroy(pdl_packed *list)
{
    while (list != NULL) {
        pdl_packed *next = list->next;
        free_packed(list);
        list = next;
    }
}

static pdl_packed *find(pdl_packed *list, const_dnnl_memory_desc_t wanted)
{
    for (; list != NULL; list = list->next) {
        const_dnnl_memory_desc_t desc;
        if (dnnl_memory_get_memory_desc(list->memory, &desc) == dnnl_success && dnnl_memory_desc_equal(desc, wanted))
            return list;
    }
    return NULL;
}

/* Memory for weights of a layout, uninitialised. */
static pdl_status allocate(const pdl_engine *engine, const pdl_op *op, const_dnnl_memory_desc_t desc, pdl_packed **out,
                           pdl_error *error)
{
    size_t bytes = dnnl_memory_desc_get_size(desc);
    pdl_packed *packed = calloc(1, sizeof *packed);
    if (packed == NULL) return pdl_fail_memory(error, sizeof *packed, op->layer);
    packed->data = pdl_alloc(bytes, 1);
    pdl_status status = packed->data == NULL ? pdl_fail_memory(error, bytes, op->layer) : PDL_OK;
    if (status == PDL_OK)
        status = pdl_check_dnnl(dnnl_memory_create(&packed->memory, desc, engine->cpu, packed->data), op->layer, error);
    if (status == PDL_OK)
        *out = packed;
    else
        free_packed(packed);
    return status;
}

static pdl_status reorder(const pdl_engine *engine, dnnl_memory_t from, dnnl_memory_t to, const char *what,
                          pdl_error *error)
{
    const_dnnl_memory_desc_t source, target;
    dnnl_primitive_desc_t desc = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    dnnl_status_t code = dnnl_memory_get_memory_desc(from, &source);
    if (code == dnnl_success) code = dnnl_memory_get_memory_desc(to, &target);
    if (code == dnnl_success)
        code = dnnl_reorder_primitive_desc_create(&desc, source, engine->cpu, target, engine->cpu, NULL);
    if (code == dnnl_success) code = dnnl_primitive_create(&primitive, desc);
    if (code == dnnl_success) code = dnnl_primitive_execute(primitive, engine->stream, 2, args);
    if (code == dnnl_success) code = dnnl_stream_wait(engine->stream);
    if (primitive != NULL) dnnl_primitive_destroy(primitive);
    if (desc != NULL) dnnl_primitive_desc_destroy(desc);
    return pdl_check_dnnl(code, what, error);
}

/* Fills `to` from the given weights, or from another layout, ours or oneDNN's, by way of the given one: oneDNN turns
 * every layout into a plain one and back, but not every two into one another. */
static pdl_status fill(const pdl_engine *engine, pdl_op *op, const_dnnl_memory_desc_t given, pdl_packed *to,
                       pdl_error *error)
{
    pdl_status status = PDL_OK;
    pdl_packed *plain = NULL;
    dnnl_memory_t source = NULL;
    if (op->packed == NULL) status = pdl_tile_weights_restore(op, error);
    if (status != PDL_OK) return status;
    if (op->weight != NULL) {
        status = pdl_check_dnnl(dnnl_memory_create(&source, given, engine->cpu, op->weight), op->layer, error);
        if (status == PDL_OK) status = reorder(engine, source, to->memory, op->layer, error);
    } else {
        status = allocate(engine, op, given, &plain, error);
        if (status == PDL_OK) status = reorder(engine, op->packed->memory, plain->memory, op->layer, error);
        if (status == PDL_OK) status = reorder(engine, plain->memory, to->memory, op->layer, error);
    }
    if (source != NULL) dnnl_memory_destroy(source);
    pdl_packed_destroy(plain);
    return status;
}

pdl_status pdl_packed_acquire(const pdl_engine *engine, pdl_op *op, const_dnnl_memory_desc_t given,
                              const_dnnl_memory_desc_t wanted, pdl_packed **out, pdl_error *error)
{
    pdl_packed *packed = find(op->packed, wanted);
    if (packed == NULL) {
        pdl_status status = allocate(engine, op, wanted, &packed, error);
        if (status != PDL_OK) return status;
        status = fill(engine, op, given, packed, error);
        if (status != PDL_OK) {
            free_packed(packed);
            return status;
        }
        packed->next = op->packed;
        op->packed = packed;
        if (!op->keep_weight) {
            pdl_free(op->weight);
            op->weight = NULL;
        }
    }
    packed->users++;
    *out = packed;
    return PDL_OK;
}

pdl_status pdl_packed_keep_weight(const pdl_engine *engine, pdl_op *op, const_dnnl_memory_desc_t given,
                                  pdl_error *error)
{
    op->keep_weight = true;
    if (op->packed == NULL) return pdl_tile_weights_restore(op, error);
    if (op->weight != NULL) return PDL_OK;
    pdl_packed *plain = NULL;
    pdl_status status = allocate(engine, op, given, &plain, error);
    if (status == PDL_OK) status = reorder(engine, op->packed->memory, plain->memory, op->layer, error);
    if (status == PDL_OK) {
        op->weight = plain->data;
        plain->data = NULL;
    }
    pdl_packed_destroy(plain);
    return status;
}

void pdl_packed_release(pdl_op *op, pdl_packed *packed)
{
    if (--packed->users > 0 || (op->packed == packed && packed->next == NULL)) return;
    pdl_packed **link = &op->packed;
    while (*link != packed)
        link = &(*link)->next;
    *link = packed->next;
    free_packed(packed);
}
