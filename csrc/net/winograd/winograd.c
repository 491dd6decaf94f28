/* SPDX-License-Identifier: Apache-2.0 */
#include "net/winograd/winograd.h"

#include "base/memory.h"
#include "net/elementwise/kernels.h"

#include <omp.h>

/* Tiles of a chunk: multiples of the AVX-512 micro-kernel's 14. With the transformed weights in a core's reach, v and m
 * should stay in its L2 cache; weights that must come from further away want many tiles to be used for. */
#define CHUNK 28
#define LINE_CHUNK 84 /* tiles of one direction have a third of the products */
#define HEAVY_CHUNK 98
#define TOGETHER_CHUNK 512
#define HEAVY_WEIGHTS ((size_t)512 * 512) /* channels times outputs */
#define ROUND 128                         /* outputs whose products m holds at once, of light weights */
#define PLANE_GAP 192                     /* bytes: keeps the planes from falling on the same cache sets */
#define STREAM_BYTES ((size_t)24 << 20)   /* outputs that no cache will hold until they are read */
#define PIECE 4                           /* tiles of one task of a transform that threads share */

const pdl_winograd_kernels *pdl_winograd_kernels_for(pdl_simd simd)
{
    static const pdl_winograd_kernels *const sets[PDL_SIMD_KINDS] = {
        [PDL_SIMD_PORTABLE] = &pdl_winograd_portable,
#ifdef PDL_SIMD_X86
        [PDL_SIMD_AVX2] = &pdl_winograd_avx2,
        [PDL_SIMD_AVX512] = &pdl_winograd_avx512,
#endif
        [PDL_SIMD_BF16_PORTABLE] = &pdl_winograd_bf16_portable,
#ifdef PDL_SIMD_X86
        [PDL_SIMD_BF16_AVX2] = &pdl_winograd_bf16_avx2,
        [PDL_SIMD_BF16_AVX512] = &pdl_winograd_bf16_avx512,
        [PDL_SIMD_BF16_NATIVE] = &pdl_winograd_bf16_native,
#endif
    };
    return sets[simd];
}

bool pdl_winograd_fits(const pdl_op *op, pdl_tile_kind tile, size_t channels, size_t outputs, pdl_simd simd)
{
    const pdl_winograd_kernels *kernels = pdl_winograd_kernels_for(simd);
    size_t lanes = kernels->lanes;
    if (kernels->input[tile] == NULL || op->kind != PDL_OP_CONV || channels % lanes != 0 || outputs % lanes != 0)
        return false;
    for (int axis = 0; axis < 2; axis++)
        if (op->window.kernel[axis] != (size_t)pdl_tile_line(tile, axis)->taps || op->window.stride[axis] != 1 ||
            op->window.dilation[axis] != 1)
            return false;
    return true;
}

static size_t all_panels(const pdl_winograd *plan)
{
    size_t width = 2 * plan->kernels->lanes;
    return (plan->outputs + width - 1) / width;
}

/* Of one product's weights. */
static size_t panel_bytes(const pdl_winograd *plan)
{
    return plan->channels * 2 * plan->kernels->lanes * plan->element;
}

static size_t round_up(size_t bytes)
{
    return (bytes + PDL_ALIGNMENT - 1) / PDL_ALIGNMENT * PDL_ALIGNMENT;
}

/* Sizes of v and m, and of the memory for them. */
static void lay_out(pdl_winograd *plan, size_t threads)
{
    size_t lanes = plan->kernels->lanes, products = pdl_tile_products(plan->tile);
    plan->v_step = plan->m_step = plan->chunk * lanes;
    plan->v_plane = plan->channels / lanes * plan->v_step * plan->element + PLANE_GAP;
    plan->m_plane = 2 * plan->panels * plan->m_step + PLANE_GAP / sizeof(float);
    plan->v_bytes = round_up(products * plan->v_plane);
    plan->share = plan->v_bytes + round_up(products * plan->m_plane * sizeof(float));
    plan->scratch = plan->together ? plan->share : plan->share * threads;
}

void pdl_winograd_plan(pdl_winograd *plan, pdl_tile_kind tile, const pdl_op *op, const pdl_map *in, const pdl_map *out,
                       size_t threads, pdl_simd simd)
{
    size_t high = (size_t)pdl_tile_line(tile, 0)->outputs, wide = (size_t)pdl_tile_line(tile, 1)->outputs;
    *plan = (pdl_winograd){
        .kernels = pdl_winograd_kernels_for(simd),
        .tile = tile,
        .element = pdl_element_size(in->precision),
        .grid = {.down = (out->height + high - 1) / high,
                 .along = (out->width + wide - 1) / wide,
                 .before = {op->window.before[0], op->window.before[1]}},
        .channels = in->channels,
        .outputs = out->channels,
        .stream = pdl_map_pixels(out) * out->channels * sizeof(float) > STREAM_BYTES && out->pitch % 16 == 0,
    };
    plan->tiles = out->batch * plan->grid.down * plan->grid.along;
    bool heavy = in->channels * out->channels >= HEAVY_WEIGHTS;
    size_t chunk = high == 1 || wide == 1 ? LINE_CHUNK : heavy ? HEAVY_CHUNK : CHUNK;
    size_t round = pdl_size_min(ROUND / (2 * plan->kernels->lanes), all_panels(plan));
    plan->together = (plan->tiles + chunk - 1) / chunk < 2 * threads;
    plan->chunk = pdl_size_min(plan->together ? TOGETHER_CHUNK : chunk, plan->tiles);
    plan->chunks = (plan->tiles + chunk - 1) / chunk;
    plan->chunks = (plan->chunks + threads - 1) / threads * threads;
    plan->panels = plan->together || heavy ? all_panels(plan) : round;
    lay_out(plan, threads);
}

/* ---- runs -------------------------------------------------------------------------------------------- */

typedef struct run {
    const pdl_winograd *plan;
    const char *u;
    const pdl_map *x, *y;
    pdl_tile_finish finish;
    char *v; /* of the thread, or of all together; as is m */
    float *m;
    size_t first, last;           /* tiles of the chunk */
    const pdl_function *function; /* of the results; LINEAR: none */
    pdl_simd simd;
} run;

static void input(const run *r, size_t first, size_t last)
{
    const pdl_winograd *plan = r->plan;
    pdl_tile_run tiles = {.grid = &plan->grid,
                          .first = first,
                          .last = last,
                          .end = plan->channels / plan->kernels->lanes,
                          .step = plan->v_step,
                          .plane = plan->v_plane / plan->element};
    plan->kernels->input[plan->tile](&tiles, r->x, r->v + (first - r->first) * plan->kernels->lanes * plan->element);
}

static void multiply(const run *r, size_t product, size_t begin, size_t end, size_t m_panel, const char *next)
{
    const pdl_winograd *plan = r->plan;
    size_t size = all_panels(plan) * panel_bytes(plan);
    pdl_tile_product work = {.v = r->v + product * plan->v_plane,
                             .u = r->u + product * size,
                             .next = next,
                             .m = r->m + product * plan->m_plane + 2 * m_panel * plan->m_step,
                             .tiles = r->last - r->first,
                             .channels = plan->channels,
                             .begin = begin,
                             .end = end,
                             .v_step = plan->v_step,
                             .m_step = plan->m_step};
    plan->kernels->multiply(&work);
}

/* The function of results that were just written, tile by tile. */
static void activate(const run *r, const pdl_tile_run *tiles)
{
    const pdl_map *y = r->y;
    const pdl_winograd *plan = r->plan;
    size_t high = (size_t)pdl_tile_line(plan->tile, 0)->outputs, wide = (size_t)pdl_tile_line(plan->tile, 1)->outputs;
    size_t lanes = plan->kernels->lanes, count = (tiles->end - tiles->begin) * lanes;
    for (size_t t = tiles->first; t < tiles->last; t++) {
        size_t line = t / plan->grid.along, column = t % plan->grid.along * wide;
        size_t row = line % plan->grid.down * high, image = line / plan->grid.down;
        for (size_t i = row; i < pdl_size_min(row + high, y->height); i++) {
            size_t pixel = (image * y->height + i) * y->width + column;
            pdl_activate_rows(r->simd, r->function, pdl_map_at(y, pixel * y->pitch + tiles->begin * lanes), y->pitch,
                              pdl_size_min(wide, y->width - column), count);
        }
    }
}

static void output(const run *r, size_t first, size_t last, size_t begin, size_t end)
{
    const pdl_winograd *plan = r->plan;
    size_t lanes = plan->kernels->lanes;
    pdl_tile_run tiles = {.grid = &plan->grid,
                          .first = first,
                          .last = last,
                          .begin = 2 * begin,
                          .end = pdl_size_min(2 * end, plan->outputs / lanes),
                          .step = plan->m_step,
                          .plane = plan->m_plane};
    void (*write)(const pdl_tile_run *, const float *, const pdl_tile_finish *, const pdl_map *) =
        plan->pool ? plan->kernels->pool[plan->tile] : plan->kernels->output[plan->tile];
    write(&tiles, r->m + (first - r->first) * lanes, &r->finish, r->y);
    if (pdl_function_is_set(r->function)) activate(r, &tiles);
}

/* One chunk by one thread, some panels of outputs at a time. */
static void run_chunk(const run *r)
{
    const pdl_winograd *plan = r->plan;
    size_t panels = all_panels(plan), products = pdl_tile_products(plan->tile);
    size_t panel = panel_bytes(plan);
    input(r, r->first, r->last);
    for (size_t begin = 0; begin < panels; begin += plan->panels) {
        size_t end = pdl_size_min(begin + plan->panels, panels);
        for (size_t k = 0; k < products; k++) {
            const char *next =
                k + 1 < products ? r->u + ((k + 1) * panels + begin) * panel : r->u + (end < panels ? end : 0) * panel;
            multiply(r, k, begin, end, 0, next);
        }
        output(r, r->first, r->last, begin, end);
    }
}

static void run_apart(const run *whole, char *scratch)
{
    const pdl_winograd *plan = whole->plan;
    size_t chunks = plan->chunks;
#pragma omp parallel for schedule(dynamic)
    for (size_t i = 0; i < chunks; i++) {
        run r = *whole;
        r.v = scratch + (size_t)omp_get_thread_num() * plan->share;
        r.m = (float *)(void *)(r.v + plan->v_bytes);
        r.first = plan->tiles * i / chunks;
        r.last = plan->tiles * (i + 1) / chunks;
        run_chunk(&r);
    }
}

static void run_together(const run *whole, char *scratch)
{
    const pdl_winograd *plan = whole->plan;
    size_t panels = all_panels(plan), products = pdl_tile_products(plan->tile);
    size_t groups = (panels + 1) / 2; /* two panels of outputs make a task */
    run r = *whole;
    r.v = scratch;
    r.m = (float *)(void *)(scratch + plan->v_bytes);
    for (r.first = 0; r.first < plan->tiles; r.first = r.last) {
        r.last = pdl_size_min(r.first + plan->chunk, plan->tiles);
        size_t pieces = (r.last - r.first + PIECE - 1) / PIECE;
#pragma omp parallel
        {
#pragma omp for schedule(static)
            for (size_t i = 0; i < pieces; i++)
                input(&r, r.first + i * PIECE, pdl_size_min(r.first + (i + 1) * PIECE, r.last));
#pragma omp for schedule(static)
            for (size_t i = 0; i < products * groups; i++) {
                size_t begin = i % groups * 2, end = pdl_size_min(begin + 2, panels);
                multiply(&r, i / groups, begin, end, begin, NULL);
            }
#pragma omp for schedule(static)
            for (size_t i = 0; i < pieces; i++)
                output(&r, r.first + i * PIECE, pdl_size_min(r.first + (i + 1) * PIECE, r.last), 0, panels);
        }
    }
}

void pdl_winograd_run(const pdl_winograd *plan, const pdl_tile_weights *weights, const pdl_kernel_call *call,
                      void *scratch)
{
    const pdl_op *op = call->op;
    bool aligned = (uintptr_t)call->output.data % PDL_ALIGNMENT == 0;
    run r = {.plan = plan,
             .u = weights->u,
             .x = call->input,
             .y = &call->output,
             .finish = {.bias = op->bias,
                        .residual = op->residual,
                        .relu = op->relu,
                        .stream = plan->stream && aligned && !op->residual && !pdl_function_is_set(&op->function)},
             .function = &op->function,
             .simd = call->simd};
    if (plan->together)
        run_together(&r, scratch);
    else
        run_apart(&r, scratch);
}
